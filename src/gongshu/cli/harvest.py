"""`gongshu harvest ADDRESS`: what the catalogue of another portal would bring; nothing is taken in."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from gongshu.cli.environment import start_django
from gongshu.cli.output import console, fail, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError

SHOWN = 20


def harvest(
    address: Annotated[str, typer.Argument(help="目录的网址", show_default=False)],
    kind: Annotated[str, typer.Option(help="目录的种类：ckan、data_json、dcat、gongshu")] = "dcat",
) -> None:
    """试读别的门户的目录：能收下多少、哪些不收、为什么；什么都不写。"""
    start_django()
    from django.core.management import call_command

    from gongshu.federation.models import Source
    from gongshu.federation.trying import try_out
    from gongshu.federation.words import FIELDS, TROUBLES

    if kind not in Source.Kind.values:
        fail(f"没有这个种类：{kind}", f"no such kind: {kind}", 2)
    call_command(
        "migrate", verbosity=0, interactive=False
    )  # what is new is told by what there is: also in a new folder
    try:
        report = try_out(kind, address)
    except TableError as error:
        fail_with(error)
    numbers = {"taken": report.taken, "refused": report.refused, "defective": report.defective, "pages": report.pages}
    console.print(gettext("能收下 {taken} 个，不收 {refused} 个，有缺陷 {defective} 个；读了 {pages} 页", **numbers))
    if not report.whole:
        console.print(gettext("目录没有读完"))
    console.print(
        gettext(
            "对上专题 {topic} 个，许可 {licence} 个，更新频率 {frequency} 个；有文件 {distributions} 个",
            **{name: report.mapped[name] for name in ("topic", "licence", "frequency", "distributions")},
        )
    )
    for title in report.titles:
        console.print(f"  {escape(title)}", soft_wrap=True)
    for _kind, title, note in report.troubles[:SHOWN]:
        where = str(FIELDS.get(note.field, note.field))
        said = [title or "—", str(TROUBLES.get(note.code, note.code)), where, note.value[:80]]
        console.print(f"[dim]! {escape('｜'.join(part for part in said if part))}[/]", soft_wrap=True)
    if len(report.troubles) > SHOWN:
        console.print(gettext("还有 {n} 条", n=len(report.troubles) - SHOWN))
