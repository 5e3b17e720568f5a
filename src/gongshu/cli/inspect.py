"""`gongshu inspect FILE...`: what is known of files, for people (terminal, HTML), for programs (JSON), as a contract (YAML)."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from gongshu.i18n import gettext, use_language

if TYPE_CHECKING:
    from gongshu.tables.report import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inspect_command(app: typer.Typer) -> None:
    """Register ``inspect`` with the command line."""
    app.command("inspect")(inspect)


def _print_schema(asked: bool) -> None:
    if asked:
        from gongshu.tables.report_schema import inspect_schema

        typer.echo(json.dumps(inspect_schema(), ensure_ascii=False, indent=2))
        raise typer.Exit


def inspect(
    files: Annotated[list[Path], typer.Argument(help="要看的文件，可多个", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="在标准输出打印一个 JSON 文档，别无其他")] = False,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", callback=_print_schema, is_eager=True, help="打印该文档的 JSON Schema")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="另存为一个自足的网页", metavar="FILE")] = None,
    contract: Annotated[
        Path | None, typer.Option(help="另存为数据契约（ODCS YAML），供修改和发布", metavar="FILE")
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="全部列、列统计、规则都列出")] = False,
    rows: Annotated[int, typer.Option(help="每类问题列出几个行号", min=1)] = 3,
    max_rows: Annotated[int, typer.Option(help="每类问题最多记下几个行号", min=0)] = 1000,
    full: Annotated[bool, typer.Option("--full", help="逐行识别语义类型，不抽样（慢一些）")] = False,
    engine: Annotated[
        str | None,
        typer.Option(help="在 Spark Connect 服务上计算，如 sc://主机:15002", metavar="URL", show_default=False),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="编码，如 gb18030", show_default=False)] = None,
    delimiter: Annotated[str | None, typer.Option(help="分隔符，\\t 是制表符", show_default=False)] = None,
    header_row: Annotated[
        str | None, typer.Option(help="表头在第几行，如 3 或 3-4；0 为没有表头", show_default=False)
    ] = None,
    skip_rows: Annotated[str | None, typer.Option(help="跳过第几行，如 1,2,5-8", show_default=False)] = None,
    sheet: Annotated[str | None, typer.Option(help="只读这个工作表", show_default=False)] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="指定列的类型，可多次", metavar="COL=TYPE", show_default=False)
    ] = None,
    quarantine: Annotated[Path | None, typer.Option(help="把隔离的值另存为 CSV", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="zh 或 en", show_default=False)] = None,
) -> None:
    """看一个或多个文件：列、语义类型、级别、问题、个人风险；不改动任何东西。"""
    with use_language(lang or os.environ.get("GONGSHU_LANG") or "zh-hans"):
        options = _reading_options(encoding, delimiter, header_row, skip_rows, sheet, types)
        report = _run(files, max_rows, options, full=full, quiet=as_json, engine=engine)
        if quarantine:
            _write_quarantine(report, quarantine)
        if html:
            from gongshu.tables.report_html import report_html

            _write(html, report_html(report))
        if contract:
            _write_contract(report, contract)
        if as_json:
            sys.stdout.buffer.write(report.to_json(indent=2).encode("utf-8") + b"\n")
            sys.stdout.buffer.flush()
        else:
            from gongshu.cli.inspect_terminal import show

            show(report, rows=rows, everything=show_all, wrote=[path for path in (html, contract, quarantine) if path])
    _leave(report)


def _leave(report: Report) -> None:
    from gongshu.cli.output import errors

    failed = [file for file in report.files if file.error]
    for file in failed:
        assert file.error is not None
        errors.print(
            f"错误 {Path(file.path).name}：{file.error.text('zh-hans')}", style="bold red", markup=False, soft_wrap=True
        )
        errors.print(
            f"Error {Path(file.path).name}: {file.error.text('en')}", style="dim", markup=False, soft_wrap=True
        )
    if failed:
        raise typer.Exit(1)


def _run(files: list[Path], max_rows: int, options: Any, *, full: bool, quiet: bool, engine: str | None) -> Report:
    from gongshu.cli.output import fail
    from gongshu.tables.errors import TableError

    try:
        return _watched(files, max_rows, options, full=full, quiet=quiet, engine=engine)
    except TableError as error:  # of the engine; what is wrong with a file is in the report
        fail(error.text("zh-hans"), error.text("en"), 2 if error.code == "engine_address" else 1)


def _watched(files: list[Path], max_rows: int, options: Any, *, full: bool, quiet: bool, engine: str | None) -> Report:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from gongshu.cli.output import errors
    from gongshu.tables.inspection import inspect_files

    if quiet or not errors.is_terminal:
        return inspect_files(files, max_rows=max_rows, options=options, full=full, engine=engine)
    steps = {
        "read": gettext("读取"),
        "type": gettext("辨类型"),
        "recognise": gettext("识语义"),
        "count": gettext("统计"),
        "check": gettext("检核"),
    }
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=errors, transient=True
    ) as progress:
        task = progress.add_task("", total=1.0)

        def moved(step: str, share: float) -> None:
            progress.update(task, description=steps[step], completed=share)

        return inspect_files(files, max_rows=max_rows, options=options, full=full, progress=moved, engine=engine)


def _reading_options(
    encoding: str | None,
    delimiter: str | None,
    header_row: str | None,
    skip_rows: str | None,
    sheet: str | None,
    types: list[str] | None,
) -> Any:
    from gongshu.tables.reading import ReadingOptions

    header = _numbers(header_row, "--header-row") if header_row else None
    declared = {}
    for text in types or []:
        name, sign, kind = text.rpartition("=")
        if not sign or not name:
            _usage(f"--type 要写成 列名=类型，这里是「{text}」", f"--type wants COLUMN=TYPE, got {text!r}")
        declared[name] = kind
    _check_types(declared)
    if encoding:
        _check_encoding(encoding)
    return ReadingOptions(
        encoding=encoding,
        delimiter=delimiter.replace("\\t", "\t") if delimiter else None,
        header_rows=header if header != (0,) else None,
        no_header=header == (0,),
        skip_rows=_numbers(skip_rows, "--skip-rows") if skip_rows else (),
        sheet=sheet,
        types=declared,
    )


def _check_types(declared: dict[str, str]) -> None:
    if not declared:
        return
    from gongshu.tables.storage import STORAGE_TYPES

    for kind in declared.values():
        if kind not in STORAGE_TYPES:
            known = ", ".join(STORAGE_TYPES)
            _usage(f"没有类型「{kind}」，可用：{known}", f"no type {kind!r}; there are: {known}")


def _check_encoding(encoding: str) -> None:
    import codecs

    try:
        codecs.lookup(encoding)
    except LookupError:
        _usage(f"没有编码「{encoding}」", f"unknown encoding {encoding!r}")


def _numbers(text: str, option: str) -> tuple[int, ...]:
    """``1,2,5-8`` as numbers."""
    found: list[int] = []
    for part in text.replace("，", ",").split(","):
        first, sign, last = part.strip().partition("-")
        if not first.isdecimal() or (sign and not last.isdecimal()) or int(last or first) - int(first) > 100_000:
            _usage(
                f"{option} 要写成 1,2,5-8 这样，这里是「{text}」", f"{option} wants rows such as 1,2,5-8, got {text!r}"
            )
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def _usage(zh: str, en: str) -> NoReturn:
    from gongshu.cli.output import fail

    fail(zh, en, 2)


def _write(path: Path, text: str) -> None:
    from gongshu.cli.output import fail

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"写不了文件「{path}」：{error.strerror}", f"can't write {path}: {error.strerror}")


def _write_contract(report: Report, path: Path) -> None:
    from gongshu.tables.contract import dump_contract

    if len(report.tables) != 1:
        names = "、".join(table.name for table in report.tables[:8])
        _usage(
            f"一份契约说一张表，这里有 {len(report.tables)} 张（{names}）：请用 --sheet 或只给一个文件",
            f"a contract is of one table, here are {len(report.tables)}: use --sheet, or give one file",
        )
    _write(path, dump_contract(report.contract()))


def _write_quarantine(report: Report, path: Path) -> None:
    """All that did not fit; texts that a spreadsheet would take for formulas are guarded by an apostrophe."""
    from gongshu.cli.output import fail

    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file)
            out.writerow(
                [gettext("文件"), gettext("表"), gettext("行"), gettext("列"), gettext("原值"), gettext("原因")]
            )
            for source in report.files:
                for table in source.tables:
                    for bad in table.quarantined:
                        cells = [
                            Path(source.path).name,
                            table.name,
                            bad.row,
                            bad.column or gettext("整行"),
                            bad.value,
                            bad.why,
                        ]
                        out.writerow(
                            [
                                "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
                                for cell in cells
                            ]
                        )
    except OSError as error:
        fail(f"写不了文件「{path}」：{error.strerror}", f"can't write {path}: {error.strerror}")
