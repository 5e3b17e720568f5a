"""The documents say what the program does: generated pages are fresh, links hold, nothing is left unsaid."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from docs.generate import PAGES, REFERENCE, commands_page

from gongshu.site.options import OPTIONS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")) if path.is_file()
]
LINK = re.compile(
    r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\""
)
COMMANDS = re.findall(r"^## (gongshu .+)$", commands_page(), re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_fresh(name):
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "run: python docs/generate.py"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [markdown or html for markdown, html in LINK.findall(text)]
    here = [unquote(link.partition("#")[0]) for link in links if not re.match(r"[a-z][a-z0-9+.-]*:|#|//", link)]
    assert [link for link in here if not (document.parent / link).exists()] == []


def test_every_setting_is_used():
    declared = ROOT / "src" / "gongshu" / "site" / "options.py"
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py") if path != declared)
    assert [name for name in OPTIONS if f'option("{name}")' not in source] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told_of(command):
    guides = [ROOT / "README.md", ROOT / "docs" / "tutorial.md", *(ROOT / "docs" / "howto").glob("*.md")]
    assert any(re.search(rf"\b{command}\b", path.read_text(encoding="utf-8")) for path in guides)


def test_importing_gongshu_loads_nothing_heavy():
    code = "import gongshu, sys; print(*sorted({'ibis', 'duckdb', 'django', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
