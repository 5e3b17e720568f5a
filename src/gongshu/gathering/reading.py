"""How a file was read, in words, and what a person says against the reader's guesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from gongshu.gathering import store
from gongshu.gathering.models import Upload
from gongshu.tables.contract import load_contract
from gongshu.tables.errors import TableError

ENCODINGS = {"utf-8": "UTF-8", "gb18030": "GBK / GB18030", "big5": "Big5", "utf-16": "UTF-16"}
MOST_ROWS_NAMED = 200
LAST_ROW = 1_048_576


def delimiters() -> dict[str, str]:
    """The delimiters that can be chosen, by the key of the form."""
    return {
        "comma": _("逗号 ,"),
        "semicolon": _("分号 ;"),
        "tab": _("制表符"),
        "bar": _("竖线 |"),
        "space": _("空格"),
    }


_SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}


def options_of(form: Mapping[str, str]) -> dict[str, Any]:
    """The form's overrides as ReadingOptions in JSON; what is left empty is found out. TableError for what can't be meant."""
    found: dict[str, Any] = {}
    if encoding := form.get("encoding", ""):
        if encoding not in ENCODINGS:
            raise TableError("encoding_unknown", "没有这种编码")
        found["encoding"] = encoding
    if delimiter := form.get("delimiter", ""):
        if delimiter not in _SIGNS:
            raise TableError("delimiter_unknown", "没有这种分隔符")
        found["delimiter"] = _SIGNS[delimiter]
    if form.get("no_header"):
        found["no_header"] = True
    elif rows := _rows(form.get("header_rows", "")):
        found["header_rows"] = rows
    if rows := _rows(form.get("skip_rows", "")):
        found["skip_rows"] = rows
    if sheet := form.get("sheet", "").strip():
        found["sheet"] = sheet[:200]
    return found


def typed(form: Mapping[str, str] | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows: what was typed, else the options in force."""
    if form is not None:
        names = ("encoding", "delimiter", "header_rows", "skip_rows", "sheet", "no_header")
        return {name: form.get(name, "") for name in names}
    sign = options.get("delimiter") or ""
    return {
        "encoding": options.get("encoding") if options.get("encoding") in ENCODINGS else "",
        "delimiter": next((key for key, value in _SIGNS.items() if value == sign), ""),
        "header_rows": _ranges(options.get("header_rows") or []),
        "skip_rows": _ranges(options.get("skip_rows") or []),
        "sheet": options.get("sheet") or "",
        "no_header": "1" if options.get("no_header") else "",
    }


def facts(upload: Upload, file: Mapping[str, Any], table: Mapping[str, Any], number: int) -> dict[str, Any]:
    """How table ``number`` of an inspected file was read, for the bar of facts."""
    contract = load_contract(store.contract_of(upload, number).read_text(encoding="utf-8"))
    sign = contract.reading.get("delimiter") or ""
    key = next((key for key, value in _SIGNS.items() if value == sign), "")
    skipped = Counter(each["why"] for each in table["skipped_rows"])
    names = skip_words()
    return {
        "number": number,
        "name": table["name"],
        "format": file["format"].upper(),
        "encoding": ENCODINGS.get(file["encoding"] or "", (file["encoding"] or "").upper()),
        "delimiter": delimiters().get(key, sign),
        "columns": len(table["columns"]),
        "header": _ranges(table["header_rows"]),
        "skipped": sum(skipped.values()),
        "skipped_why": [(names.get(why, why), n) for why, n in skipped.most_common(4)],
        "rows": table["rows"],
        "quarantined": table["quarantined_total"],
        "ask": sum(1 for column in table["columns"] if column["ask"]),
        "findings": len(table["findings"]),
        "options": upload.reading,
    }


def skip_words() -> dict[str, str]:
    """Why a row of the source is no record, in words."""
    return {
        "title": _("标题"),
        "blank": _("空行"),
        "subtotal": _("合计"),
        "footnote": _("脚注"),
        "header": _("重复的表头"),
    }


def _rows(text: str) -> list[int]:
    """``3``, ``1-2`` or ``1,4-6`` as row numbers from 1."""
    found: list[int] = []
    for part in text.replace("，", ",").replace("、", ",").split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if not first:
            continue
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and len(end) <= 7 for end in ends):
            raise TableError("rows_wrong", "行号这样写：3，或 1-2，或 1,4-6")
        begin, end = (int(each) for each in ends)
        if not 1 <= begin <= end <= LAST_ROW or end - begin >= MOST_ROWS_NAMED:
            raise TableError("rows_wrong", "行号这样写：3，或 1-2，或 1,4-6")
        found += range(begin, end + 1)
    if len(found) > MOST_ROWS_NAMED:
        raise TableError("rows_many", "最多写 {most} 行", most=MOST_ROWS_NAMED)
    return sorted(set(found))


def _ranges(rows: list[int] | tuple[int, ...]) -> str:
    """Row numbers as a person writes them: ``1-2, 5``."""
    parts: list[list[int]] = []
    for row in sorted(rows):
        if parts and row == parts[-1][1] + 1:
            parts[-1][1] = row
        else:
            parts.append([row, row])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
