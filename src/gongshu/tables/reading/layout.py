"""Which rows of a source are titles, header, records, subtotals and footnotes.

Works on the first records (as lists of cells) of any source: delimited text and sheets share it. Careful by design: a
record is set aside only on evidence that it can be none, and whatever is set aside is listed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from gongshu.tables.model import ROW, HeaderNote, Skipped
from gongshu.tables.reading.options import ReadingOptions

Cells = list[str]
# (first row, first column, last row, last column), 0-based
Merge = tuple[int, int, int, int]

_NUMBER = re.compile(
    r"^[\s　]*[-+−]?[¥￥$]?[\d０-９]+([,，][\d０-９]{3})*([.．][\d０-９]*)?([eE][-+]?\d+)?[\s　]*[%％‰]?[\s　]*$"
)
_YEAR = re.compile(r"^(19|20)\d\d年?$")
_DATE = re.compile(
    r"^(\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]\d{1,2}:\d{2}(:\d{2})?)?"
)
TOTAL = r"(?:合\s*计|小\s*计|总\s*计|共\s*计|累\s*计|总\s*合\s*计|本页合计|本页小计|本月合计|本月累计|本年累计|[^\s,，、]{1,12}(?:小计|合计)|(?i:grand\s+total|sub-?total|total))"
TOTAL_ROW = rf"^[\s　]*{TOTAL}[\s　]*[:：]?[\s　]*$"
_TOTAL = re.compile(TOTAL_ROW)
_FOOTNOTE = re.compile(
    r"^[\s　*※（(【]*(注|备注|附注|注释|注意|说明|填表说明|填报说明|数据来源|资料来源|来源|填表人|填报人|填表单位|填报单位|制表人|制表单位|制表|审核人|审核|复核人|复核|经办人"
    r"|负责人|单位负责人|统计负责人|联系人|联系电话|填表日期|填报日期|制表日期|打印时间|导出时间|截止日期|单位|source|notes?)[】）)\s　]*\d*[\s　]*[:：.]",
    re.I,
)
_LABELLED = re.compile(r"^[^:：]{1,12}[:：]")
_HEADER_WORD = re.compile(
    r"(名称|姓名|编号|编码|代码|序号|日期|时间|地址|电话|手机|类型|类别|状态|金额|数量|单位|备注|经度|纬度|区县|行政区|地区|城市|性别|年龄|年份|月份|机构|证件|说明|号码?$|率$|数$|价格|面积|等级)"
    r"|^(区|市|县|省|街道|镇|乡|村|社区|值|年|月|日|项目|指标|部门|学校|医院|企业|公司)$"
    r"|^(id|name|code|type|date|time|year|month|day|address|phone|lat|lon|lng|longitude|latitude|status|value|count|"
    r"city|province|district|label|sex|age|amount|no|num|index|key|url|email)$"
    r"|(_|\b)(id|name|code|type|date|time|no|num|count|address|lat|lon|lng)$",
    re.I,
)


@dataclass
class Layout:
    """Where things are: rows are 1-based rows of the source; ``used`` counts the head's rows before the first record."""

    names: list[str]
    header_rows: list[int]
    used: int
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[HeaderNote] = field(default_factory=list)
    text_columns: frozenset[int] = frozenset()  # columns whose sampled records nearly all hold text that is no number
    first_is_number: bool = False
    no_header: bool = False
    originals: list[str] = field(default_factory=list)  # header texts before empty and repeated ones got names

    @property
    def width(self) -> int:
        """Columns of the table."""
        return len(self.names)


def is_number(cell: str) -> bool:
    """Does the cell look like a number: sign, thousands, decimals, percent, full-width digits included?"""
    return bool(_NUMBER.match(cell))


def find_layout(
    rows: list[tuple[int, Cells]], width: int, options: ReadingOptions, merges: tuple[Merge, ...] = ()
) -> Layout:
    """Find titles and header in the head of a source.

    ``rows``: (source row, cells) of the first records, blank ones as empty lists or all-empty cells. ``width``: columns of
    the table. ``merges`` in the same 0-based rows as ``source row - 1``.
    """
    rows = [(number, [cell.strip() for cell in cells]) for number, cells in rows]
    if options.no_header:
        header: list[int] = []
        start = _first_filled(rows, 0)
    elif options.header_rows:
        header = [place for place, (number, _) in enumerate(rows) if number in options.header_rows]
        start = header[-1] + 1 if header else 0
    else:
        header, start = _header(rows, width, merges)
    body = [cells for _, cells in rows[start:] if any(cells)]
    skipped = []
    for place, (number, cells) in enumerate(rows[:start]):
        if place not in header:
            skipped.append(Skipped(number, "title" if any(cells) else "blank"))
    names = _joined([(rows[place][0], rows[place][1]) for place in header], width, merges) if header else [""] * width
    named, notes = name_columns(names, quiet=not header)
    filled = [sum(1 for cell in cells if cell) for cells in body]
    # records as they usually are: without subtotals, headings and notes, which leave most cells empty
    usual = [cells for cells, count in zip(body, filled, strict=True) if count >= 0.7 * max(filled)]
    text = frozenset(
        column
        for column in range(width)
        if len(usual) >= 2
        and sum(1 for cells in usual if column < len(cells) and cells[column] and not is_number(cells[column]))
        >= 0.8 * len(usual)
    )
    numbers = sum(1 for cells in body if cells and is_number(cells[0]))
    return Layout(
        named,
        [rows[place][0] for place in header],
        start,
        skipped,
        notes,
        text,
        first_is_number=len(body) >= 3 and numbers >= 0.8 * len(body),
        no_header=not header,
        originals=names if header else [],
    )


def name_columns(originals: list[str], quiet: bool = False) -> tuple[list[str], list[HeaderNote]]:
    """Give empty and repeated header names a name of their own: ``列3``, ``name_2``; case counts for nothing, as in SQL.

    >>> name_columns(["id", "", "ID"])[0]
    ['id', '列2', 'ID_2']
    """
    taken = {ROW} | {name.casefold() for name in originals if name}
    seen: set[str] = {ROW}
    names, notes = [], []
    for place, original in enumerate(originals, 1):
        base = name = original or f"列{place}"
        number = 2
        while name.casefold() in seen or (name != original and name.casefold() in taken):
            name = f"{base}_{number}"
            number += 1
        seen.add(name.casefold())
        names.append(name)
        if name != original and not quiet:
            notes.append(HeaderNote("repeated" if original else "empty", place, original, name))
    return names, notes


def _first_filled(rows: list[tuple[int, Cells]], start: int) -> int:
    for place in range(start, len(rows)):
        if any(rows[place][1]):
            return place
    return len(rows)


def _header(rows: list[tuple[int, Cells]], width: int, merges: tuple[Merge, ...]) -> tuple[list[int], int]:
    """Places (in ``rows``) of the header rows, and the place of the first record."""
    filled = [sum(1 for cell in cells if cell) for _, cells in rows]
    need = max(1, min(width, 2), round(0.6 * _usual(filled, width)))
    place = next((i for i, count in enumerate(filled) if count >= need and not _is_labelled(rows[i][1])), None)
    if place is None:
        place = _first_filled(rows, 0)
        return ([], place) if place < len(rows) else ([], len(rows))
    if width == 1:
        # a title of a one-column list stands apart by a blank row
        if place + 1 < len(rows) and not filled[place + 1] and place + 2 < len(rows):
            place = _first_filled(rows, place + 1)
        is_header = _votes(rows, place, width) > 0
        return ([place], place + 1) if is_header else ([], place)
    if not _looks_like_header(rows, place, width):
        return [], place
    above = []
    if place and _is_band(rows, place - 1, merges, width):
        above.append(place - 1)
        if place > 1 and _is_band(rows, place - 2, merges, width):
            above.insert(0, place - 2)
    below = [place]
    while _goes_on(rows, below, merges, width):
        below.append(below[-1] + 1)
    header = above + below
    return header, header[-1] + 1


def _usual(filled: list[int], width: int) -> int:
    """How many cells of a record are usually filled."""
    counts = Counter(count for count in filled if count)
    return max(counts, key=lambda count: (counts[count], count)) if counts else width


def _is_labelled(cells: Cells) -> bool:
    """``填报单位：某局 | 填报日期：2021年`` is a title line, not a header."""
    texts = [cell for cell in cells if cell]
    return len(texts) > 0 and sum(1 for cell in texts if _LABELLED.match(cell) and len(cell) > 3) >= max(
        1, 0.5 * len(texts)
    )


def _looks_like_header(rows: list[tuple[int, Cells]], place: int, width: int) -> bool:
    cells = rows[place][1]
    if len([cell for cell in cells if len(cell) > 200]) > 0:
        return False
    below = [other for _, other in rows[place + 1 :] if any(other)]
    if not below:
        return not any(is_number(cell) and not _YEAR.match(cell) for cell in cells)
    return _votes(rows, place, width) >= 0


def _votes(rows: list[tuple[int, Cells]], place: int, width: int) -> float:
    """For (+) and against (-) the row at ``place`` being a header, one column after the other."""
    head = rows[place][1]
    # the same header again further down (printed page by page) tells nothing
    below = [cells for _, cells in rows[place + 1 :] if any(cells) and cells != head]
    texts = [cell for cell in head if cell]
    if texts and all(cell.isdigit() for cell in texts) and len(set(texts)) == len(texts) and len(texts) > 2:
        # identifiers of sensors or stations over columns of measurements with decimals
        decimal = sum(
            1
            for c in range(len(head))
            if sum(1 for cells in below if c < len(cells) and "." in cells[c]) > 0.3 * len(below)
        )
        if below and decimal >= 0.9 * len(texts):
            return 1.0
    votes = 0.0
    for column in range(width):
        title = head[column] if column < len(head) else ""
        values = [cells[column] for cells in below if column < len(cells) and cells[column]]
        if not title:
            continue
        if _HEADER_WORD.search(title) and len(title) <= 30:
            votes += 1
        if not values:
            continue
        numbers = sum(1 for value in values if is_number(value))
        dates = sum(1 for value in values if _DATE.match(value))
        if numbers >= 0.8 * len(values):
            if _YEAR.match(title) and not all(_YEAR.match(value) for value in values[:20]):
                votes += 1
            else:
                votes += -1 if is_number(title) else 1
        elif dates >= 0.8 * len(values):
            votes += -1 if _DATE.match(title) else 1
        elif title in values:
            # a category that comes again below; in a long column chance may do it
            votes -= 1
        elif is_number(title) and not _YEAR.match(title):
            votes -= 0.5
        elif title == "*" or (len(values) >= 5 and len({len(value) for value in values}) == 1):
            votes += 0.5 if len(title) != len(values[0]) else -0.25
    if any(cell and len(cell) > 60 for cell in head):
        votes -= 1
    return votes


def _is_band(rows: list[tuple[int, Cells]], place: int, merges: tuple[Merge, ...], width: int) -> bool:
    """Is this row a band of upper headers (基本信息 | 其他信息) over the header row below it?"""
    number, cells = rows[place]
    texts = [cell for cell in cells if cell]
    if len(texts) < 2 or _is_labelled(cells) or any(is_number(cell) for cell in texts):
        return False
    spans = [merge for merge in merges if merge[0] == number - 1 and merge[3] > merge[1]]
    if any(merge[1] == 0 and merge[3] >= width - 1 for merge in spans):
        return False
    return bool(spans) or bool(cells and cells[0] and len(set(texts)) == len(texts) and len(texts) <= width / 2)


def _goes_on(rows: list[tuple[int, Cells]], header: list[int], merges: tuple[Merge, ...], width: int) -> bool:
    """Does the header go on in the next row (lower names under merged or empty upper cells)?"""
    last = header[-1]
    if last + 1 >= len(rows) or len(header) >= 4:
        return False
    number = rows[last][0]
    if any(merge[0] <= number - 1 < merge[2] and merge[2] > merge[0] for merge in merges):
        return True  # a cell of this row is merged downwards
    upper, lower = rows[last][1], rows[last + 1][1]
    texts = [cell for cell in lower if cell]
    if not texts or any(is_number(cell) or _DATE.match(cell) or len(cell) > 30 for cell in texts):
        return False
    across = any(merge[0] == number - 1 and merge[3] > merge[1] for merge in merges)
    if across and len(header) == 1 and len(texts) == width == len({text.casefold() for text in texts}):
        return True  # a band of merged upper names over a row that names every column
    gaps = [c for c in range(width) if not (c < len(upper) and upper[c])]
    under_gaps = [c for c in gaps if c < len(lower) and lower[c]]
    bare = [c for c in range(width) if c < len(upper) and upper[c] and not (c < len(lower) and lower[c])]
    # every gap of the upper row is filled from below, and plain columns stay empty below
    return bool(gaps) and len(under_gaps) == len(gaps) and len(bare) >= 1 and len(texts) < width


def _joined(header: list[tuple[int, Cells]], width: int, merges: tuple[Merge, ...]) -> list[str]:
    """One name a column from one or several header rows.

    When the lowest row names every column by itself it is taken as it is; else upper and lower names are joined with "/".
    """
    filled: list[Cells] = []
    for place, (number, cells) in enumerate(header):
        row = [_tidy(cell) for cell in cells] + [""] * (width - len(cells))
        row = row[:width]
        known = {
            c for first, left, last, right in merges if first <= number - 1 <= last for c in range(left, right + 1)
        }
        for first, left, last, right in merges:
            if first == number - 1 and right > left and left < width:
                row[left + 1 : right + 1] = [row[left]] * (min(right, width - 1) - left)
            if first < number - 1 <= last:
                row[left : right + 1] = [""] * (min(right, width - 1) - left + 1)
        if place < len(header) - 1 and not known:
            # no merges told (text file): an upper name reaches to the right until the next one
            below = header[place + 1][1]
            for c in range(1, width):
                if not row[c] and c < len(below) and below[c]:
                    row[c] = row[c - 1]
        filled.append(row)
    lowest = filled[-1]
    if len(filled) == 1 or (all(lowest) and len({name.casefold() for name in lowest}) == width):
        return lowest
    names = []
    for c in range(width):
        parts: list[str] = []
        for row in filled:
            if row[c] and row[c] not in parts:
                parts.append(row[c])
        names.append("/".join(parts))
    return names


def _tidy(name: str) -> str:
    """Line ends inside a header cell go; other runs of white space become one space."""
    name = re.sub(r"(?<=[^\x00-\x7f])\s*[\r\n]+\s*|\s*[\r\n]+\s*(?=[^\x00-\x7f])", "", name)
    return re.sub(r"\s+", " ", name).strip(" \u3000\ufeff")


def is_total(cells: list[str | None], layout: Layout) -> str | None:
    """Is the record a subtotal or total? ``"sure"`` with an empty cell where records hold text, ``"maybe"`` without, else None."""
    place = next((i for i, cell in enumerate(cells) if cell and cell.strip()), None)
    if place is None or place > 2 or not _TOTAL.match(cells[place] or "") or len(cells) < 2:
        return None
    rest = [cell for cell in cells[place + 1 :] if cell and cell.strip()]
    if not all(is_number(cell) or cell.strip() in "-—/" for cell in rest):
        return None
    others = layout.text_columns - {place}
    if any(column < len(cells) and not (cells[column] or "").strip() for column in others):
        return "sure"
    return "maybe"


def is_header_again(cells: list[str | None], layout: Layout) -> bool:
    """The header once more between the records, as printing page by page or joining files leaves it."""
    return len(layout.originals) > 1 and [_tidy(cell or "") for cell in cells] == layout.originals


def is_section(cells: list[str | None], layout: Layout) -> bool:
    """A heading between records (``北京市（92所）``): text alone in a first column that otherwise holds numbers."""
    first = (cells[0] or "").strip()
    return bool(
        layout.first_is_number
        and len(cells) >= 3
        and first
        and not is_number(first)
        and not any((c or "").strip() for c in cells[1:])
    )


def is_footnote(cells: list[str | None], width: int) -> bool:
    """Notes and signatures (注：…, 数据来源：…, 填表人：… 审核人：…), which count only after the last record."""
    texts = [cell.strip() for cell in cells if cell and cell.strip()]
    if not texts or not _FOOTNOTE.match(texts[0]):
        return False
    return len(texts) == 1 or (
        all(_LABELLED.match(text) or len(text) <= 12 for text in texts) and len(texts) <= max(2, width / 2)
    )
