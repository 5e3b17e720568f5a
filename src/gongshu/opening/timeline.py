"""How a version came to be and what happened to its dataset since, told from the audit log.

The public reads which body did it in which role, never who; the log's number stands beside each line as its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.cache import caches
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from gongshu.opening import queries
from gongshu.opening.models import Submission, Version
from gongshu.oversight.log import details_of
from gongshu.oversight.models import Event
from gongshu.parties.models import Organisation, Role
from gongshu.web import words

STEWARD, APPROVER = Role.STEWARD, Role.APPROVER
MACHINE, READER, CENTRE = "machine", "reader", "centre"
# action -> what it says, who does such a thing: a role of the provider, the platform, the machine or a reader
TOLD: dict[str, tuple[str, str]] = {
    "upload.inspect": (gettext_noop("上传原始文件并检视"), STEWARD),
    "draft.begin": (gettext_noop("开始编制"), STEWARD),
    "draft.confirm": (gettext_noop("确认逐列定级"), STEWARD),
    "draft.override": (gettext_noop("改动定级或开放属性"), STEWARD),
    "draft.patch": (gettext_noop("改正单元格"), STEWARD),
    "draft.accept_finding": (gettext_noop("说明理由后接受质量问题"), STEWARD),
    "draft.protect": (gettext_noop("选择保护方法"), STEWARD),
    "draft.describe": (gettext_noop("写说明与数据字典"), STEWARD),
    "submission.make": (gettext_noop("送审"), STEWARD),
    "submission.approve": (gettext_noop("审核同意"), APPROVER),
    "submission.return": (gettext_noop("审核退回"), APPROVER),
    "version.publish": (gettext_noop("第 %(number)s 版发布"), MACHINE),
    "version.withdraw": (gettext_noop("第 %(number)s 版撤回"), MACHINE),
    "dataset.stop": (gettext_noop("紧急停止"), CENTRE),
    "dataset.restore": (gettext_noop("恢复提供"), CENTRE),
    "problem.report": (gettext_noop("收到问题报告 %(number)s"), READER),
    "problem.answer": (gettext_noop("答复问题报告 %(number)s"), STEWARD),
}
OF_DATASET = (
    "version.publish",
    "version.withdraw",
    "dataset.stop",
    "dataset.restore",
    "problem.report",
    "problem.answer",
)
MOST = 60
KEPT_SECONDS = 600


@dataclass(frozen=True)
class Line:
    """One thing that happened: when, what, by whom in public, at which place of the log; ``times`` when more than once."""

    at: datetime
    said: str
    who: str
    index: int
    times: int = 1


def timeline(version: Version) -> list[Line]:
    """The lines of a version's dataset, the latest first; kept for some minutes until something is published or goes."""
    problems = version.dataset.problems.values_list("state", flat=True)
    key = f"timeline:{version.pk}:{get_language()}:{queries.fingerprint()}:{'.'.join(sorted(problems))}"
    found: list[Line] | None = caches["process"].get(key)
    if found is None:
        found = _tell(version)
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def _tell(version: Version) -> list[Line]:
    name = version.dataset.name
    made = Submission.objects.filter(version=version).select_related("draft").first()
    events = list(Event.objects.filter(subject=f"dataset:{name}", action__in=OF_DATASET).order_by("-index")[:MOST])
    if made is not None:
        work = [f"upload:{made.draft.upload_id}", f"draft:{made.draft_id}"]
        work += [f"submission:{pk}" for pk in made.draft.submissions.values_list("pk", flat=True)]
        events += Event.objects.filter(subject__in=work, action__in=TOLD)
    hidden = set(version.dataset.problems.filter(kind="privacy").values_list("number", flat=True))
    provider = words.local(version.dataset.provider, "name")
    platform = Organisation.objects.filter(kind=Organisation.Kind.PLATFORM).first()
    centre = words.local(platform, "name") if platform else _("大数据中心")
    lines: dict[tuple[str, str], Line] = {}
    for event in sorted(events, key=lambda one: one.index):
        facts = details_of(event)
        number = facts.get("number", facts.get("version", ""))
        if event.action.startswith("problem.") and number in hidden:
            continue
        said, role = TOLD[event.action]
        text = _(said) % {"number": number}
        who = _who(role, facts.get("step") == Submission.State.PLATFORM, provider, centre)
        key = (text, who)
        times = lines[key].times + 1 if key in lines else 1
        lines[key] = Line(event.at, text, who, event.index, times)
    return sorted(lines.values(), key=lambda one: one.index, reverse=True)


def _who(role: str, platform: bool, provider: str, centre: str) -> str:
    if platform:
        return f"{centre} {Role.OPERATOR.label}"
    if role == CENTRE:
        return centre
    if role in (MACHINE, READER):
        return _("平台") if role == MACHINE else _("读者")
    return f"{provider} {Role(role).label}"
