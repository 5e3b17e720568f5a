"""English is complete: every msgid of the pages has a translation that keeps its placeholders."""

from __future__ import annotations

import re
from pathlib import Path

from babel.messages.pofile import read_po

from tests.messages import of_package, of_template

PACKAGE = Path(__file__).resolve().parents[2] / "src/gongshu"
_PLACES = re.compile(r"%\((\w+)\)s")


def catalogue() -> dict[str, tuple[str, ...]]:
    with (PACKAGE / "locale/en/parts/web.po").open("rb") as file:
        found = {}
        for message in read_po(file):
            key, text = message.id, message.string
            found[key[0] if isinstance(key, tuple) else key] = text if isinstance(text, tuple) else (text,)
    return found


def test_every_msgid_of_the_pages_is_translated():
    known = catalogue()
    wanted = {text for text in of_package(PACKAGE, ["web", "opening", "surfaces"]) if "{" not in text}
    assert sorted(wanted - {key for key, texts in known.items() if all(texts)}) == []


def test_translations_keep_their_placeholders():
    for msgid, texts in catalogue().items():
        for text in texts:
            assert set(_PLACES.findall(text)) == set(_PLACES.findall(msgid)), msgid


def test_templates_are_read_as_django_reads_them(tmp_path):
    template = tmp_path / "x.html"
    template.write_text(
        "{% translate '甲' %}{% blocktranslate with n=a|b:'%' %}乙 {{ n }} 100%{% endblocktranslate %}",
        encoding="utf-8",
    )
    assert list(of_template(template)) == ["甲", "乙 %(n)s 100%%"]
