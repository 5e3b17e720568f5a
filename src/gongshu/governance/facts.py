"""How a draft's file was read, in one line of facts, and its findings as a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongshu.governance.findings import message_in_words
from gongshu.governance.flow import open_errors
from gongshu.governance.inspected import Inspected
from gongshu.governance.models import Draft
from gongshu.governance.quality_history import history_of, run_of
from gongshu.jobs.models import Job
from gongshu.web import words
from gongshu.web.templatetags.web import figure, size

SKIPPED = {
    "title": gettext_lazy("标题"),
    "blank": gettext_lazy("空行"),
    "subtotal": gettext_lazy("小计"),
    "total": gettext_lazy("合计"),
    "footnote": gettext_lazy("脚注"),
}
DELIMITERS = {
    ",": gettext_lazy("逗号"),
    "\t": gettext_lazy("制表符"),
    ";": gettext_lazy("分号"),
    "|": gettext_lazy("竖线"),
}
ENCODINGS = {"gb18030": "GBK", "utf-8": "UTF-8"}


@dataclass(frozen=True)
class Fact:
    """One of the facts bar: ``change`` when the reading options can alter it."""

    name: str
    value: str
    note: str = ""
    change: bool = False


@dataclass(frozen=True)
class Odd:
    """A rule that fails unlike in the runs before: what it is in words, the shares now and usually, and its history."""

    kind: str
    column: str
    share: float
    usual: float
    runs: int
    history: list[tuple[Any, float]]


def odd_rules(draft: Draft) -> list[Odd]:
    """The rules whose share of failures is unlike that of earlier uploads of the same resource."""
    run = run_of(draft)
    return [
        Odd(
            kind=str(words.FINDINGS.get(one["kind"], one["kind"])),
            column=one["column"],
            share=one["share"],
            usual=one["usual"],
            runs=one["runs"],
            history=history_of(draft, one["key"]),
        )
        for one in (run.outliers if run else [])
    ]


@dataclass(frozen=True)
class Found:
    """A finding of the list."""

    key: str
    severity: str
    severity_name: str
    kind: str
    column: str
    message: str
    rows_total: int
    accepted: bool
    corrected: bool


def facts_of(draft: Draft, found: Inspected) -> list[Fact]:
    """Encoding, delimiter, header, skipped rows, what was read, what was set aside, the grade of the whole."""
    table, file, reading = found.table, found.file, draft.upload.reading
    made = [
        Fact(_("编码"), ENCODINGS.get(file["encoding"], file["encoding"].upper()), _("全文解码无误"), True)
        if file["encoding"]
        else Fact(_("格式"), (file["format"] or "").upper(), _("自带编码")),
    ]
    if reading.get("delimiter"):
        said = reading["delimiter"]
        made.append(Fact(_("分隔"), str(DELIMITERS.get(said, said)), _("由人指定"), True))
    columns = _("%(n)s 列") % {"n": len(found.columns)}
    header = table["header_rows"]
    rows = "-".join(str(row) for row in dict.fromkeys((header[0], header[-1]))) if header else ""
    made.append(Fact(_("表头"), _("第 %(rows)s 行") % {"rows": rows} if rows else _("没有表头行"), columns, True))
    skipped = _("、").join(f"{SKIPPED.get(why, why)} {n}" for why, n in found.skipped.items())
    made.append(Fact(_("跳过"), _("%(n)s 行") % {"n": len(table["skipped_rows"])}, skipped, bool(skipped)))
    note = size(draft.upload.size)
    seconds = _seconds(draft)
    if seconds is not None:
        note += _("，用时 %(n)s 秒") % {"n": f"{seconds:.1f}"}
    made.append(Fact(_("读入"), _("%(n)s 行") % {"n": figure(table["rows"])}, note))
    kept = _("原值留存，未进表") if table["quarantined_total"] else _("没有读不进的值")
    made.append(Fact(_("隔离"), _("%(n)s 处") % {"n": figure(table["quarantined_total"])}, kept))
    subject = words.SUBJECTS.get(table["subject"], table["subject"])
    whole = _("%(level)s 级，主体为%(subject)s") % {"level": table["level"], "subject": subject}
    made.append(Fact(_("整表提议"), whole, _("取各列最高级")))
    return made


def finding_list(draft: Draft, found: Inspected) -> list[Found]:
    """The findings as the inspection found them, errors first; those that the last check no longer has are corrected."""
    still = set(open_errors(draft, found)) | set(draft.accepted)
    checked = draft.checked_edition == draft.edition and "errors" in draft.checked
    return [
        Found(
            key=key,
            severity=one["severity"],
            severity_name=str(words.SEVERITIES.get(one["severity"], one["severity"])),
            kind=str(words.FINDINGS.get(one["kind"], one["kind"])),
            column=one["column"] or "",
            message=message_in_words(one, found.columns_of(one)),
            rows_total=one["rows_total"],
            accepted=key in draft.accepted,
            corrected=checked and one["severity"] == "error" and key not in still,
        )
        for key, one in found.findings.items()
    ]


def _seconds(draft: Draft) -> float | None:
    job = (
        Job.objects.filter(pk=draft.upload.job).only("created_at", "finished_at").first() if draft.upload.job else None
    )
    return (job.finished_at - job.created_at).total_seconds() if job and job.finished_at else None
