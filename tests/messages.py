"""What the interface says: every msgid of the Python files and the templates, to be held against the English catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FUNCTIONS = {"_", "gettext", "gettext_lazy", "ngettext"}
_TRANSLATE = re.compile(r"""{%\s*translate\s+(?:"([^"]*)"|'([^']*)')""")
_BLOCK = re.compile(r"{%\s*blocktranslate(?:[^%]|%(?!}))*%}(.*?){%\s*endblocktranslate\s*%}", re.DOTALL)
_VARIABLE = re.compile(r"{{\s*(\w+)\s*}}")


def of_python(path: Path) -> Iterator[str]:
    """The literal first arguments of the translating functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[0]
            if name in FUNCTIONS and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def of_template(path: Path) -> Iterator[str]:
    """The msgids of translate and blocktranslate, as Django forms them."""
    text = path.read_text(encoding="utf-8")
    for match in _TRANSLATE.finditer(text):
        yield match.group(1) or match.group(2)
    for match in _BLOCK.finditer(text):
        first = re.split(r"{%\s*plural\s*%}", match.group(1))[0]
        yield _VARIABLE.sub(r"%(\1)s", first.replace("%", "%%"))


def of_package(package: Path, rooms: list[str]) -> set[str]:
    """All msgids below the named folders of the package."""
    found: set[str] = set()
    for room in rooms:
        for path in (package / room).rglob("*.py"):
            found.update(of_python(path))
        for path in (package / room).rglob("*.html"):
            found.update(of_template(path))
    return found
