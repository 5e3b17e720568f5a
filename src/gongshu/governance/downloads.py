"""What can be taken home of a draft: the rows of a finding for the business side to check, the columns, the contract."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.governance import cells
from gongshu.governance.columns import columns_of, semantic_title
from gongshu.governance.inspected import inspected
from gongshu.governance.masked import FindingRowNumbers, whole_rows
from gongshu.governance.pages import found_draft
from gongshu.governance.queries import contract_of
from gongshu.oversight import access
from gongshu.parties.permissions import check_may, person_of
from gongshu.web import words
from gongshu.web.access import needs
from gongshu.web.streaming import TextStream

CSV = "text/csv; charset=utf-8"


@require_safe
@needs("upload.see")
def finding_csv(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """The whole rows of a finding as they were read, all of them, while they are read."""
    draft = found_draft(request, draft_id)
    check_may(person_of(request), "upload.see", draft.resource.organisation)
    document = inspected(draft.upload, draft.table)
    key = request.GET.get("finding", "")
    if document is None or key not in document.findings:
        raise Http404(_("这份工作稿没有这个问题"))
    names, finding = list(document.columns), document.findings[key]
    access.record(
        "upload.export",
        f"upload:{draft.upload_id}",
        by=person_of(request).actor_id,
        rule=key.partition("|")[0],
        rows=len(FindingRowNumbers(draft, finding)),
    )
    rows = ([str(row), *line] for row, line in whole_rows(draft, finding, names))
    return TextStream(
        _lines([_("行"), *names], rows), content_type=CSV, headers=_attachment(draft.resource.slug, "rows")
    )


@require_safe
@needs("resource.see")
def columns_csv(request: HttpRequest, draft_id: str) -> HttpResponse:
    """The columns with their judgements; no values of the data."""
    draft = found_draft(request, draft_id)
    columns = columns_of(draft, contract_of(draft), inspected(draft.upload, draft.table), in_file_order=True)
    states = {"ask": _("要你判断"), "proposed": _("提议"), "confirmed": _("已确认"), "overridden": _("已改判")}
    head = [_("列名"), _("类型"), _("语义类型"), _("把握"), _("级别"), _("开放属性"), _("空值"), _("问题"), _("状态"), _("理由")]  # fmt: skip
    rows = (
        [
            one.field.name,
            one.storage,
            semantic_title(one.field.semantic_type),
            f"{one.field.probability:.0%}" if one.field.probability is not None else "",
            str(one.field.level or ""),
            str(words.OPEN_TYPES.get(one.field.open_type or "", "")),
            str(one.found.get("nulls", "")),
            str(one.problems),
            states[one.state],
            str(one.decided.get("reason", "")),
        ]
        for one in columns.proposed
    )
    return _csv(draft.resource.slug, "columns", head, rows)


@require_safe
@needs("resource.see")
def contract_file(request: HttpRequest, draft_id: str) -> HttpResponse:
    """The data contract as it stands."""
    draft = found_draft(request, draft_id)
    answer = HttpResponse(draft.contract, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(draft.resource.slug)}.odcs.yaml"'
    return answer


def _csv(slug: str, what: str, head: list[str], rows: Iterable[Sequence[str | None]]) -> HttpResponse:
    return HttpResponse("".join(_lines(head, rows)), content_type=CSV, headers=_attachment(slug, what))


def _attachment(slug: str, what: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{slugify(slug)}-{what}.csv"'}


def _lines(head: list[str], rows: Iterable[Sequence[str | None]]) -> Iterator[str]:
    """A CSV file with a byte-order mark, line by line; no cell of it is computed by a spreadsheet."""
    line = io.StringIO()
    writer = csv.writer(line)
    yield "\ufeff"
    for row in chain[Sequence[str | None]]([head], rows):
        writer.writerow([cells.guarded(value) for value in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
