"""How commands speak: Chinese first, errors with the English below, on standard error."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from gongshu.tables.errors import TableError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def fail(zh: str, en: str, code: int = 1) -> NoReturn:
    """Say what went wrong in both languages and leave with ``code``."""
    errors.print(f"[bold red]错误[/] {escape(zh)}", soft_wrap=True)
    errors.print(f"[dim]Error {escape(en)}[/]", soft_wrap=True)
    raise typer.Exit(code)


def fail_with(error: TableError) -> NoReturn:
    """The same for an error of the data plane."""
    fail(error.text("zh-hans"), error.text("en"))
