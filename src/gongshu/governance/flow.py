"""The flow ribbon of a draft: what each step found so far, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.governance.inspected import Inspected
from gongshu.governance.models import Draft
from gongshu.tables.contract import Contract
from gongshu.web.templatetags.web import minute
from gongshu.web.templatetags.web import score as score_text
from gongshu.web.words import FLOW

DECIDED = ("confirmed", "overridden")


@dataclass(frozen=True)
class Step:
    """A beam: ``state`` is done, now or todo; ``url`` where its page is, empty when there is none."""

    key: str
    state: str
    what: str
    who: str = ""
    url: str = ""

    @property
    def sign(self) -> str:
        """Its character."""
        return FLOW[self.key][0]

    @property
    def name(self) -> str:
        """Its name."""
        return str(FLOW[self.key][1])


def undecided(draft: Draft, contract: Contract) -> list[str]:
    """The columns without a decision."""
    return [one.name for one in contract.fields if draft.fields.get(one.name, {}).get("state") not in DECIDED]


def open_errors(draft: Draft, found: Inspected | None) -> list[str]:
    """Keys of the errors that are neither corrected nor accepted: of the last check of this edition, else of the inspection."""
    if draft.checked_edition == draft.edition and "errors" in draft.checked:
        keys = [error["key"] for error in draft.checked["errors"]]
    else:
        keys = [key for key, one in found.findings.items() if one["severity"] == "error"] if found else []
    return [key for key in keys if key not in draft.accepted]


def draft_steps(draft: Draft, contract: Contract, found: Inspected | None, here: str = "") -> list[Step]:
    """The eight steps of the draft; ``here`` is the key of the step whose page this is."""
    page = reverse("draft", args=[draft.pk])
    ask = sum(draft.fields.get(one.name, {}).get("state") == "ask" for one in contract.fields)
    left = undecided(draft, contract)
    errors = open_errors(draft, found)
    guarded = sum(one.protection.method != "keep" for one in contract.fields)
    checked = draft.checked_edition == draft.edition
    n = f"{len(found.table['findings'] if found else []):,}"
    places = f"{sum(one['rows_total'] for one in found.findings.values()) if found else 0:,}"
    score = ((draft.checked.get("quality") or {}) if checked else (found.table["scores"] if found else {})).get("total")
    submitted = draft.state != Draft.State.EDITING
    return [
        Step(
            "gather",
            "done",
            _("%(n)s 行已读入") % {"n": f"{found.table['rows'] if found else 0:,}"},
            _("上传 %(when)s") % {"when": minute(draft.upload.created_at)},
            reverse("upload", args=[draft.upload_id]),
        ),
        Step(
            "catalogue",
            "done",
            draft.resource.name,
            draft.resource.system.name,
            reverse("resource", args=[draft.resource_id]),
        ),
        Step(
            "classify",
            "now" if left else "done",
            _("%(n)s 列待确认") % {"n": len(left)} if left else _("%(n)s 列都已确认") % {"n": len(contract.fields)},
            _("%(n)s 列要你判断") % {"n": ask} if ask else "",
            f"{page}#columns",
        ),
        Step(
            "check",
            "now" if errors else "done",
            _("问题 %(n)s 类，%(places)s 处") % {"n": n, "places": places},
            (_("质量 %(score)s") % {"score": score_text(score)} if score is not None else ""),
            f"{page}#findings",
        ),
        Step(
            "protect",
            "todo" if left else "done" if submitted or (checked and here != "protect") else "now",
            _("选择保护方式") if left or not checked else _("%(n)s 列有保护") % {"n": guarded},
            _("%(n)s 列需要保护") % {"n": guarded} if left or not checked else "",
            "" if left else reverse("protect", args=[draft.pk]),
        ),
        Step(
            "release",
            "now" if submitted else "todo",
            _("已送审") if submitted else _("说明并送审"),
            "",
            "" if left else reverse("describe", args=[draft.pk]),
        ),
        Step("use", "todo", _("公开后开始")),
        Step("account", "todo", _("公开后开始")),
    ]
