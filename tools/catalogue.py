"""The English catalogue: find every Chinese text that a user may see, and say what has no English yet.

`python -m tools.catalogue` writes new msgids (untranslated) into the catalogue and drops those that are gone.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "gongshu"
CATALOGUE = PACKAGE / "locale" / "en" / "LC_MESSAGES" / "django.po"
HAN = re.compile("[一-鿿]")
CALLS = {"gettext", "_", "gettext_lazy", "ngettext", "TableError", "_wrong", "_missing"}


def messages() -> set[str]:
    """Every Chinese msgid of the sources: calls of gettext, errors, tables of words, templates, command help."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "migrations" not in path.parts:
            found.update(_from_python(path))
    for path in PACKAGE.rglob("*.html"):
        found.update(_from_template(path))
    found.update(_from_commands())
    return {message for message in found if HAN.search(message) and not re.search(r"[\[\\^$]", message)}  # no patterns


def catalogue() -> dict[str, str]:
    """The catalogue as msgid -> English."""
    with CATALOGUE.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file, locale="en") if entry.id}


def _from_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CALLS:
                for argument in node.args:
                    yield from (part.value for part in ast.walk(argument) if _is_text(part))
        # tables of words at module level, translated where they are used
        if isinstance(node, ast.Dict) and any(_is_text(value) for value in node.values):
            yield from (value.value for value in node.values if _is_text(value))


def _is_text(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(HAN.search(node.value))


def _from_template(path: Path) -> Iterator[str]:
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)
        django.setup()
    from django.utils.translation.template import templatize

    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    for literal in re.findall(r"""\b(?:n?gettext|_)\(\s*(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))""", code):
        yield ast.literal_eval(literal)


def _from_commands() -> Iterator[str]:
    from typer.main import get_command

    from gongshu.cli import build_app

    waiting = [get_command(build_app())]
    while waiting:
        command = waiting.pop()
        yield (command.help or "").strip()
        yield from (getattr(parameter, "help", "") or "" for parameter in command.params)
        waiting += list(getattr(command, "commands", {}).values())


def update() -> list[str]:
    """Bring the catalogue up to the sources; returns the msgids without English."""
    known, made = catalogue(), Catalog(locale="en", project="gongshu", fuzzy=False)
    for message in sorted(messages()):
        made.add(message, known.get(message, ""), flags=("python-brace-format",) if "{" in message else ())
    with CATALOGUE.open("wb") as file:
        write_po(file, made, omit_header=False, no_location=True, width=120, ignore_obsolete=True)
    return [message for message in sorted(messages()) if not known.get(message)]


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    missing = update()
    sys.stdout.write("\n".join(missing) + f"\n{len(missing)} without English\n")
    sys.exit(1 if missing else 0)
