"""The command line: `gongshu COMMAND`. Each command imports what it needs when it runs."""

from __future__ import annotations

import os
from typing import Any

import typer
from typer.main import get_command

from gongshu import __version__
from gongshu.i18n import gettext, use_language


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gongshu {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="版本"),
) -> None:
    """公数 Gongshu：一座城市的公共数据平台。"""


def build_app() -> typer.Typer:
    """The command with all its subcommands."""
    from gongshu.cli import audit, datasets, demo, doctor, people, safekeeping, serve
    from gongshu.cli.check import check
    from gongshu.cli.environments import environment
    from gongshu.cli.figures import figures
    from gongshu.cli.harvest import harvest
    from gongshu.cli.inspect import inspect_command
    from gongshu.cli.risk import risk

    app = typer.Typer(
        help="公数 Gongshu：一座城市的公共数据平台",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    inspect_command(app)
    app.command()(check)
    app.command()(risk)
    app.command()(environment)
    app.command()(figures)
    app.command()(harvest)
    app.command()(datasets.publish)
    app.command()(datasets.withdraw)
    app.command()(demo.demo)
    app.command()(serve.up)
    app.command()(serve.worker)
    app.command()(doctor.doctor)
    app.command()(people.invite)
    app.command()(people.remove_factors)
    app.command()(safekeeping.backup)
    app.command()(safekeeping.restore)
    app.command()(safekeeping.upgrade)
    app.add_typer(audit.app, name="audit")
    return app


def main() -> None:
    """The entry point of the command; it speaks the language of ``GONGSHU_LANG`` (``zh`` when unset)."""
    with use_language(os.environ.get("GONGSHU_LANG", "zh")):
        command = get_command(build_app())
        _translate(command)
        command(prog_name="gongshu")


def _translate(command: Any) -> None:
    """Put help texts, which are declared in Chinese, into the language in force."""
    if command.help:
        command.help = gettext(command.help.strip())
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = gettext(parameter.help)
    for part in getattr(command, "commands", {}).values():
        _translate(part)
