"""The command line: `gongshu COMMAND`. Each command imports what it needs when it runs."""

from __future__ import annotations

import typer

from gongshu import __version__

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
    from gongshu.cli import audit, datasets, demo, doctor, serve
    from gongshu.cli.inspect import inspect_command

    app = typer.Typer(
        help="公数 Gongshu：一座城市的公共数据平台",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    inspect_command(app)
    app.command()(datasets.publish)
    app.command()(datasets.withdraw)
    app.command()(demo.demo)
    app.command()(serve.up)
    app.command()(serve.worker)
    app.command()(doctor.doctor)
    app.add_typer(audit.app, name="audit")
    return app


def main() -> None:
    """The entry point of the command."""
    build_app()()
