"""A report in the terminal: 99 columns, width by East Asian Width, colour only repeats words.

Only characters of one certain width are ours: no box drawing, bullets, curly quotes, middle dots, dashes.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from gongshu.i18n import gettext
from gongshu.tables.report import ColumnReport, FileReport, Report, TableReport, json_value
from gongshu.tables.semantic import type_title
from gongshu.tables.wording import kind_title, rule_title

WIDTH = 99
COLUMNS_SHOWN = 16
FINDINGS_SHOWN = 9
_HEAD = ("编码", "格式", "表头", "行数", "隔离", "整表", "说明")
_OPEN = {"unconditional": "无条件", "conditional": "有条件", "none": "非开放"}
Piece = str | tuple[str, str]  # text, or text with a style


def show(
    report: Report,
    *,
    rows: int = 3,
    everything: bool = False,
    wrote: list[Path] | None = None,
    console: Console | None = None,
) -> None:
    """Print the report to standard output (or to ``console``)."""
    out = console or Console(highlight=False, soft_wrap=True, emoji=False)
    for number, file in enumerate(report.files):
        if file.error:
            continue
        if number:
            _line(out)
        _line(out, (Path(file.path).name, "bold"), "  ", (_size(file), "dim"))
        for table in file.tables:
            if len(file.tables) > 1:
                _line(out)
                _line(out, (gettext("表「{name}」", name=table.name), "bold"))
            _table(out, file, table, rows, everything)
    if any(not file.error for file in report.files):
        _next_steps(out, report, wrote or [])


def _table(out: Console, file: FileReport, table: TableReport, rows: int, everything: bool) -> None:
    _head(out, file, table)
    _columns(out, table, everything)
    if everything:
        _statistics(out, table)
    _findings(out, table, rows, everything)
    if everything:
        _rules(out, table)
    _quarantine(out, table, rows)
    _risk(out, table)


# head ------------------------------------------------------------------------------------------------------------


def _head(out: Console, file: FileReport, table: TableReport) -> None:
    def fact(label: str, value: str, said: str, option: str = "") -> None:
        bare = said + " " * max(2, WIDTH - labels - 10 - 17 - _width(said)) if option else said
        _line(out, "  ", (_pad(label, labels), "dim"), (_pad(value, 10), "bold"), bare, (option, "dim"))

    labels = _room(*_HEAD)
    skipped = Counter(entry.why for entry in table.skipped)
    names = {
        "title": gettext("标题"),
        "blank": gettext("空行"),
        "subtotal": gettext("小计"),
        "total": gettext("合计"),
        "footnote": gettext("脚注"),
    }
    left = gettext("、").join(
        gettext("{what} {count} 行", what=names.get(why, why), count=n) for why, n in skipped.items()
    )
    if file.encoding:
        fact(
            gettext("编码"),
            {"gb18030": "GBK", "utf-8": "UTF-8"}.get(file.encoding, file.encoding.upper()),
            gettext("全文解码无误"),
            "--encoding",
        )
    else:
        fact(gettext("格式"), (file.format or "").upper(), "")
    if table.header_rows:
        first, last = table.header_rows[0], table.header_rows[-1]
        where = (
            gettext("第 {row} 行", row=first) if first == last else gettext("{first}-{last} 行", first=first, last=last)
        )
        fact(gettext("表头"), where, "", "--header-row")
    else:
        fact(gettext("表头"), gettext("没有"), "", "--header-row" if file.encoding else "")
    fact(
        gettext("行数"),
        f"{table.rows:,}",
        gettext("{left}已跳过；一行不少", left=left) if left else gettext("一行不少"),
        "--skip-rows",
    )
    if table.quarantined_total:
        said = gettext("放不进类型的原值另存，见文末")
        fact(gettext("隔离"), gettext("{count} 格", count=f"{table.quarantined_total:,}"), said, "--quarantine")
    grade = table.grade
    said = gettext("{open}；主体：{subject}", open=open_word(grade.open_type), subject=_subject(grade.subject))
    fact(gettext("整表"), gettext("{level} 级", level=grade.level), said)
    for note in file.notes:
        _line(out, "  ", (_pad(gettext("说明"), labels), "dim"), note)


def _size(file: FileReport) -> str:
    size = float(file.bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    number = f"{size:.0f}" if unit == "B" else f"{size:.1f}"
    return gettext("{size}, 用 {seconds} 秒", size=f"{number} {unit}", seconds=f"{file.seconds:.1f}")


def open_word(open_type: str) -> str:
    """无条件, 有条件 or 非开放."""
    return gettext(_OPEN[open_type])


def _subject(subject: str) -> str:
    words = {
        "person": gettext("个人"),
        "organisation": gettext("组织"),
        "object": gettext("客体"),
        "mixed": gettext("组织与个人"),
    }
    return words[subject]


# columns ---------------------------------------------------------------------------------------------------------


def _columns(out: Console, table: TableReport, everything: bool) -> None:
    unsure = [column for column in table.columns if column.semantic.ask]
    said = gettext("{count} 列", count=len(table.columns))
    if unsure:
        said += gettext("，{count} 列要你判断", count=len(unsure))
    _section(out, gettext("列"), said)
    head = _pad(gettext("名称"), 20) + _pad(gettext("语义类型"), 19) + _pad(gettext("把握"), 4, right=True) + "  "
    _line(
        out, "  ", (head + _pad(gettext("凭据"), _evidence_room()) + _pad(gettext("级别"), 6) + gettext("开放"), "dim")
    )
    shown = table.columns
    if not everything and len(shown) > COLUMNS_SHOWN:
        # those that need a person, those that were recognised, and then the first of the rest
        order = sorted(shown, key=lambda column: (not column.semantic.ask, column.semantic.code is None))
        kept = {column.name for column in order[: max(COLUMNS_SHOWN - 1, len(unsure))]}
        shown = [column for column in shown if column.name in kept]
    for column in shown:
        _column(out, column)
    if hidden := len(table.columns) - len(shown):
        _line(out, "  ", (gettext("其余 {count} 列不用判断，用 --all 全部列出", count=hidden), "dim"))


def _column(out: Console, column: ColumnReport) -> None:
    found = column.semantic
    title = type_title(found.code) if found.code else gettext("未识别") if found.ask else _storage(column.storage_type)
    if found.rival:
        title = f"{title}/{type_title(found.rival)}"
    sure = f"{found.probability:.0%}" if found.code or found.ask else ""
    evidence = gettext("；").join(found.evidence) or column.storage_why
    name, level = _pad(column.name, 20), _pad(gettext("{level} 级", level=column.grade.level), 6)
    line = f"{name}{_pad(title, 19)}{_pad(sure, 4, right=True)}  {_pad(evidence, _evidence_room())}{level}{open_word(column.grade.open_type)}"
    if found.ask:
        _line(out, ("? ", "bold cyan"), (line, "bold"))
    else:
        _line(out, "  ", line)


def _storage(kind: str) -> str:
    words = {
        "string": gettext("文本"),
        "int64": gettext("整数"),
        "float64": gettext("小数"),
        "decimal": gettext("小数"),
        "boolean": gettext("真假"),
        "date": gettext("日期"),
        "timestamp": gettext("日期时间"),
        "time": gettext("时间"),
        "geometry": gettext("图形"),
        "percent": gettext("百分数"),
        "excel_date": gettext("日期"),
    }
    return words.get(kind, kind)


def _statistics(out: Console, table: TableReport) -> None:
    _section(out, gettext("列统计"), gettext("空、不同值、范围、最常见的值"))
    for column in table.columns:
        found = column.statistics
        facts = gettext("空 {nulls}，不同 {distinct}", nulls=f"{found.nulls:,}", distinct=f"{found.distinct:,}")
        if found.minimum is not None:
            facts += gettext("，{low} 至 {high}", low=json_value(found.minimum), high=json_value(found.maximum))
        _line(out, "  ", _pad(column.name, 20), _pad(_storage(column.storage_type), 10), facts)
        if found.top:
            frequent = ", ".join(f"{value} ({n:,})" for value, n in found.top[:5])
            _line(out, " " * 32, (_cut(frequent, WIDTH - 32), "dim"))


# findings --------------------------------------------------------------------------------------------------------


def _findings(out: Console, table: TableReport, rows: int, everything: bool) -> None:
    counted = [finding for finding in table.findings if finding.severity != "info"]
    total = sum(finding.rows_total for finding in counted)
    score = table.scores["total"]
    said = gettext("{kinds} 类 {total} 处", kinds=len(counted), total=f"{total:,}")
    if score is not None:
        said += gettext("，质量 {score}（{profile}）", score=score, profile=table.scores["profile"])
    _section(out, gettext("问题"), said)
    shown = table.findings if everything else counted[:FINDINGS_SHOWN]
    for finding in shown:
        mark = {"error": (gettext("错"), "bold"), "warning": (gettext("疑"), "dim"), "info": (gettext("注"), "dim")}[
            finding.severity
        ]
        place = finding.column or ""
        detail = gettext("行 {rows}", rows=", ".join(map(str, finding.rows[:rows]))) if finding.rows else ""
        if finding.rows_total > rows:
            detail += gettext(" 等")
        if any(finding.examples) and finding.column:
            detail += gettext("：") + gettext("、").join(
                gettext("「{value}」", value=_one_line(value)) for value in finding.examples if value
            )
        head = (
            _pad(kind_title(finding.kind), 20) + _pad(place, 18) + _pad(f"{finding.rows_total:,}", 6, right=True) + "  "
        )
        _line(out, "  ", (_pad(mark[0], 4), mark[1]), head, (_cut(detail, WIDTH - 52), "dim"))
    rest = counted[len(shown) :] if not everything else []
    if rest:
        said = gettext(
            "另 {kinds} 类 {total} 处，用 --all 全部列出；--rows N 多列几行",
            kinds=len(rest),
            total=f"{sum(f.rows_total for f in rest):,}",
        )
        _line(out, "  ", (said, "dim"))
    if not shown:
        _line(out, "  ", (gettext("没有发现"), "dim"))


def _rules(out: Console, table: TableReport) -> None:
    _section(out, gettext("规则"), gettext("{count} 条，按列学到，可写进契约", count=len(table.rules)))
    for rule in table.rules:
        place = rule.column or gettext("、").join(rule.columns) or gettext("整行")
        _line(
            out,
            "  ",
            _pad(rule_title(rule.kind), 20),
            _pad(place, 40),
            (_pad(rule.dimension, 8), "dim"),
            (_pad(rule.severity, 8), "dim"),
            (rule.evidence, "dim"),
        )


def _quarantine(out: Console, table: TableReport, rows: int) -> None:
    if not table.quarantined_total:
        return
    _section(out, gettext("隔离"), gettext("{count} 格", count=f"{table.quarantined_total:,}"))
    for bad in table.quarantined[: max(rows, 3)]:
        place = _pad(bad.column or gettext("整行"), 18)
        value = _pad(_one_line(bad.value) or "-", 20)
        _line(
            out,
            "  ",
            (gettext("行"), "dim"),
            _pad(str(bad.row), 8, right=True),
            "  ",
            place,
            value,
            " ",
            (_cut(bad.why, WIDTH - 54), "dim"),
        )


def _risk(out: Console, table: TableReport) -> None:
    risk = table.risk
    if not risk:
        return
    _section(out, gettext("个人风险"), "")
    by = gettext(
        "凭{names}；k = {k}，阈值 {limit}",
        names=gettext("、").join(risk["quasi_identifiers"]),
        k=risk["k"],
        limit=risk["threshold"],
    )
    if risk["unique_share"] > 0:
        # 0.004 is not nobody
        share = f"{risk['unique_share']:.0%}" if risk["unique_share"] >= 0.005 else "<1%"
        said = gettext("原样公开，{share} 的行可被唯一认出", share=share)
    else:
        said = gettext("没有一行可被唯一认出")
    harm = "red" if risk["k"] < risk["threshold"] else "dim"
    _line(out, "  ", (said, harm), "  ", (by, "dim"))


def _next_steps(out: Console, report: Report, wrote: list[Path]) -> None:
    _section(out, gettext("接下来"), "")
    for written in wrote:
        _line(out, "  ", (gettext("已写 {path}", path=written), ""))
    file = next(file for file in report.files if not file.error)
    path, stem = _quoted(file.path), Path(file.path).stem
    unsure = sum(column.semantic.ask for table in file.tables for column in table.columns)
    steps = [(f"gongshu inspect {path} --html {_quoted(stem + '.html')}", gettext("在浏览器里看"))]
    said = gettext("生成数据契约，先改「?」的 {count} 列", count=unsure) if unsure else gettext("生成数据契约")
    steps.append((f"gongshu inspect {path} --contract {_quoted(stem + '.odcs.yaml')}", said))
    for command, why in steps:
        _line(out, "  ", (_pad(command, 62, cut=False), "cyan"), "  ", (why, "dim"))


def _quoted(text: str) -> str:
    """The text as a shell takes it; Chinese needs no quotes, which shlex would give it."""
    return text if re.fullmatch(r"[\w./+:@%,-]+", text) and not text.startswith("-") else shlex.quote(text)


# text ------------------------------------------------------------------------------------------------------------


def _section(out: Console, title: str, said: str) -> None:
    _line(out)
    _line(out, (title, "bold"), "  ", (said, "dim"))


def _line(out: Console, *pieces: Piece) -> None:
    text = Text(no_wrap=True, overflow="ignore", end="\n")
    for piece in pieces:
        content, style = piece if isinstance(piece, tuple) else (piece, "")
        text.append(_one_line(content), style=style)
    text.rstrip()
    out.print(text, soft_wrap=True)


def _one_line(value: Any) -> str:
    """No control characters: a cell must not move the cursor, colour the screen or turn the writing direction."""
    return "".join(
        " " if char in "\t\r\n" else "?" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else char
        for char in str(value)
    )


def _room(*words: str) -> int:
    """The columns that the widest of the words takes, and two."""
    return 2 + max(_width(gettext(word)) for word in words)


def _evidence_room() -> int:
    """What the open type, whose words differ in length by language, leaves to the evidence."""
    return WIDTH - 51 - _room(*_OPEN.values())


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text
    )


def _cut(text: str, width: int) -> str:
    """The text in ``width`` columns, with two dots where some is left out."""
    text = _one_line(text)
    if _width(text) <= width:
        return text
    kept = ""
    for char in text:
        if _width(kept + char) > width - 2:
            break
        kept += char
    return kept + ".."


def _pad(text: str, width: int, *, right: bool = False, cut: bool = True) -> str:
    # one column stays empty between two fields
    text = _cut(text, width if right else width - 1) if cut else text
    space = " " * max(0, width - _width(text))
    return space + text if right else text + space
