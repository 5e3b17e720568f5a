"""A report as one self-contained web page: no script, no third-party host; everything from the file is escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from gongshu import __version__
from gongshu.i18n import current_language, gettext
from gongshu.rulebooks import rulebook
from gongshu.tables.report import ColumnReport, FileReport, Report, TableReport, json_value
from gongshu.tables.semantic import type_title
from gongshu.tables.wording import kind_title, rule_title

_CSS = Path(__file__).with_name("report.css")
ROWS_SHOWN = 50
VEILED_FROM = 3  # the page may be passed on: values of columns of this level and above are not shown


def report_html(report: Report) -> str:
    """The whole page; values of columns of level 3 and above are left out of it."""
    title = gettext("检查报告")
    body = "".join(_file(file) for file in report.files)
    language = "zh-Hans" if current_language() == "zh-hans" else "en"
    foot = gettext("由公数 Gongshu {version} 生成；级别和规则是按默认规则集的提议，由人确认", version=__version__)
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_CSS.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{body}</main><footer>{escape(foot)}</footer></body></html>\n"
    )


def _file(file: FileReport) -> str:
    name = f"<h1>{escape(Path(file.path).name)}</h1>"
    if file.error:
        return f'<section>{name}<p class="harm">{escape(file.error.text(current_language()))}</p></section>'
    facts = [gettext("格式 {format}", format=(file.format or "").upper())]
    if file.encoding:
        facts.append(gettext("编码 {encoding}", encoding=file.encoding.upper()))
    notes = "".join(f"<li>{escape(note)}</li>" for note in file.notes)
    head = f'<p class="q">{escape(gettext("，").join(facts))}</p>' + (f"<ul>{notes}</ul>" if notes else "")
    return f"<section>{name}{head}</section>" + "".join(_table(table, len(file.tables) > 1) for table in file.tables)


def _table(table: TableReport, named: bool) -> str:
    parts = [
        f"<h2>{escape(table.name)}</h2>" if named else "",
        _summary(table),
        _columns(table),
        _findings(table),
        _scores(table),
    ]
    return f"<section>{''.join([*parts, _quarantine(table), _risk(table), _rules(table)])}</section>"


def _summary(table: TableReport) -> str:
    total = table.scores["total"]
    facts = [
        (gettext("行数"), f"{table.rows:,}"),
        (gettext("列数"), f"{len(table.columns):,}"),
        (gettext("整表级别"), gettext("{level} 级", level=table.grade.level)),
        (gettext("开放属性"), _open(table.grade.open_type)),
        (gettext("质量"), gettext("不适用") if total is None else f"{total:g}"),
        (gettext("隔离"), f"{table.quarantined_total:,}"),
    ]
    cells = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in facts)
    skipped = gettext("、").join(
        gettext("第 {row} 行 {why}", row=entry.row, why=entry.why) for entry in table.skipped[:20]
    )
    said = f'<p class="q">{escape(gettext("跳过：{rows}", rows=skipped))}</p>' if skipped else ""
    return f'<dl class="facts">{cells}</dl>{said}'


def _open(open_type: str) -> str:
    return {"unconditional": gettext("无条件开放"), "conditional": gettext("有条件开放"), "none": gettext("非开放")}[
        open_type
    ]


def _columns(table: TableReport) -> str:
    heads = (
        gettext("名称"),
        gettext("类型"),
        gettext("语义类型"),
        gettext("把握"),
        gettext("凭据"),
        gettext("级别"),
        gettext("开放属性"),
        gettext("空值"),
        gettext("不同值"),
        gettext("范围"),
        gettext("最常见的值"),
    )
    rows = "".join(_column(column) for column in table.columns)
    unsure = sum(column.semantic.ask for column in table.columns)
    said = gettext("，{count} 列要你判断", count=unsure) if unsure else ""
    title = gettext("{count} 列", count=len(table.columns)) + said
    return _titled(gettext("列"), title, _grid(heads, rows))


def _column(column: ColumnReport) -> str:
    found, numbers = column.semantic, column.statistics
    kind = type_title(found.code) if found.code else gettext("未识别") if found.ask else "—"
    if found.rival:
        kind = f"{kind}/{type_title(found.rival)}"
    veiled = column.grade.level >= VEILED_FROM
    span = (
        ""
        if numbers.minimum is None
        else gettext("{low} 至 {high}", low=json_value(numbers.minimum), high=json_value(numbers.maximum))
    )
    frequent = gettext("、").join(f"{value} ({n:,})" for value, n in numbers.top[:5])
    hidden = gettext("{level} 级，不列出值", level=column.grade.level)
    cells = [
        f"<th scope=row>{escape(column.name)}</th>",
        _cell(column.storage_type),
        _cell(kind),
        _cell(f"{found.probability:.0%}" if found.code or found.ask else "", "n"),
        _cell(gettext("；").join(found.evidence)),
        _cell(gettext("{level} 级", level=column.grade.level)),
        _cell(_open(column.grade.open_type)),
        _cell(f"{numbers.nulls:,}", "n"),
        _cell(f"{numbers.distinct:,}", "n"),
        _cell(hidden if veiled and span else span, "q" if veiled else ""),
        _cell(hidden if veiled and frequent else frequent, "q" if veiled else "v"),
    ]
    return f"<tr{' class=ask' if found.ask else ''}>{''.join(cells)}</tr>"


def _findings(table: TableReport) -> str:
    levels = {column.name: column.grade.level for column in table.columns}
    words = {"error": gettext("错"), "warning": gettext("疑"), "info": gettext("注")}
    rows = []
    for finding in table.findings:
        veiled = finding.column is None or levels.get(finding.column, 1) >= VEILED_FROM
        shown = "" if veiled else gettext("、").join(value for value in finding.examples if value)
        numbers = ", ".join(map(str, finding.rows[:ROWS_SHOWN])) + (" …" if finding.rows_total > ROWS_SHOWN else "")
        rows.append(
            f"<tr class={finding.severity}>{_cell(words[finding.severity])}<th scope=row>{escape(kind_title(finding.kind))}</th>"
            f"{_cell(finding.message)}{_cell(f'{finding.rows_total:,}', 'n')}{_cell(shown, 'v')}{_cell(numbers, 'v')}</tr>"
        )
    score = table.scores
    said = (
        gettext("质量 {score}（{profile}）", score=score["total"], profile=score["profile"])
        if score["total"] is not None
        else ""
    )
    heads = ("", gettext("问题"), gettext("说明"), gettext("处"), gettext("例"), gettext("数据行"))
    body = _grid(heads, "".join(rows)) if rows else f"<p>{escape(gettext('没有发现'))}</p>"
    return _titled(gettext("问题"), said, body)


def _quarantine(table: TableReport) -> str:
    if not table.quarantined:
        return ""
    levels = {column.name: column.grade.level for column in table.columns}
    rows = []
    for bad in table.quarantined[:200]:
        veiled = bad.column is None or levels.get(bad.column, 1) >= VEILED_FROM
        value = gettext("不列出值") if veiled else bad.value
        rows.append(
            f"<tr>{_cell(str(bad.row), 'n')}{_cell(bad.column or gettext('整行'))}{_cell(value, 'v')}{_cell(bad.why)}</tr>"
        )
    heads = (gettext("行"), gettext("列"), gettext("原值"), gettext("原因"))
    return _titled(
        gettext("隔离"), gettext("{count} 格", count=f"{table.quarantined_total:,}"), _grid(heads, "".join(rows))
    )


def _risk(table: TableReport) -> str:
    risk = table.risk
    if not risk:
        return ""
    names = gettext("、").join(risk["quasi_identifiers"])
    said = gettext(
        "凭{names}，{share} 的行独此一行；最小的组 k = {k}，对社会发布的阈值是 {limit}（默认）",
        names=names,
        share=f"{risk['unique_share']:.1%}",
        k=risk["k"],
        limit=risk["threshold"],
    )
    harm = " class=harm" if risk["k"] < risk["threshold"] else ""
    return _titled(gettext("个人风险"), "", f"<p{harm}>{escape(said)}</p>")


def _scores(table: TableReport) -> str:
    """Every metric of the standard that something was counted for, in the order of its codes."""
    scores = table.scores
    if scores["total"] is None:
        return ""
    tree = rulebook(f"quality-2024/{scores['rulebook']}")["indicators"]
    said = "title" if current_language() == "zh-hans" else "title_en"
    rows = "".join(
        f"<tr><th scope=row>{escape(code)} {escape(tree[code][said])}</th>{_cell(_count(one, 'a'), 'n')}"
        f"{_cell(_count(one, 'b'), 'n')}{_cell(_share(one, 'value'), 'n')}{_cell(_share(one, 'weight'), 'n')}</tr>"
        for code, one in sorted(scores["indicators"].items())
    )
    heads = (gettext("指标"), "A", "B", "X", gettext("在总分里的权重"))
    how = gettext("{profile}；没有数据的指标不计，其权重归同级", profile=scores["profile"])
    return _titled(gettext("评分"), how, _grid(heads, rows))


def _count(one: dict[str, Any], name: str) -> str:
    return f"{one[name]:,}"


def _share(one: dict[str, Any], name: str) -> str:
    return f"{one[name]:.4f}"


def _rules(table: TableReport) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(rule_title(rule.kind))}</th>{_cell(rule.column or gettext('、').join(rule.columns) or gettext('整行'))}"
        f"{_cell(rule.dimension)}{_cell(rule.severity)}{_cell(rule.evidence)}</tr>"
        for rule in table.rules
    )
    heads = (gettext("规则"), gettext("列"), "DB31/T 1523", gettext("轻重"), gettext("依据"))
    return _titled(gettext("规则"), gettext("{count} 条", count=len(table.rules)), _grid(heads, rows)) if rows else ""


def _titled(title: str, said: str, body: str) -> str:
    return f'<h3>{escape(title)} <span class="q">{escape(said)}</span></h3>{body}'


def _grid(heads: tuple[str, ...], rows: str) -> str:
    cells = "".join(f"<th scope=col>{escape(head)}</th>" for head in heads)
    return f'<div class="tw" tabindex="0"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(text: str, kind: str = "") -> str:
    return f"<td{f' class={kind}' if kind else ''}>{escape(text)}</td>"
