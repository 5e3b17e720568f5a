"""Every message of the knowing half has its English, with the same names to fill."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from babel.messages.pofile import read_po

SOURCE = Path(__file__).parents[2] / "src" / "gongshu"
FILES = [
    *(
        SOURCE / "tables" / f"{name}.py"
        for name in "contract_yaml check_cells check_groups checks classify inspection report report_html risk scores suggest wording".split()
    ),
    *(SOURCE / "tables" / "semantic").glob("*.py"),
    SOURCE / "cli" / "inspect.py",
    SOURCE / "cli" / "inspect_terminal.py",
]


def messages() -> set[str]:
    """Arguments of gettext and of errors, and the tables of wording."""
    found = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = {"gettext": 0, "_form": 1, "TableError": 1}.get(name)
                if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                    found.add(node.args[place].value)
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in (
                "_TITLES",
                "_RULES",
                "_SENTENCES",
            ):
                found |= {value.value for value in node.value.values}
    return {message for message in found if re.search("[一-鿿；、：，「]", message)}


def test_every_message_is_translated():
    parts = SOURCE / "locale" / "en"
    known = {}
    for path in [*parts.rglob("*.po")]:
        with path.open("rb") as file:
            known |= {entry.id: entry.string for entry in read_po(file) if entry.id and isinstance(entry.id, str)}
    wanted = messages()
    assert len(wanted) > 150
    assert sorted(wanted - set(known)) == []
    names = re.compile(r"\{(\w+)\}")
    for message in wanted:
        assert set(names.findall(message)) == set(names.findall(known[message])), message
