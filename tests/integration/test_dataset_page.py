"""What the page of a dataset says besides its rows: statistics of its columns, how it is cited, how it is used."""

from __future__ import annotations

import html
import re
from collections import Counter

import pytest
from django.utils import timezone

from gongshu.opening import usage
from gongshu.oversight import access
from tests import seeding

pytestmark = pytest.mark.django_db


def test_the_statistics_of_columns_are_those_of_the_rows(client):
    seeding.hospitals(500)
    rows = client.get("/api/v1/datasets/medical-institutions/rows", {"limit": 1000}).json()["items"]
    text = html.unescape(client.get("/datasets/medical-institutions/columns").content.decode())
    line = next(part for part in text.split("<tr>") if ">所在区<" in part)
    counted = Counter(row["所在区"] for row in rows)
    for name, number in counted.most_common(3):
        assert f"<span>{name}</span>" in line and f">{number}<" in line.replace("\u2002", "")
    assert f'data-label="不同值">{len(counted)}</td>' in line
    beds = next(part for part in text.split("<tr>") if ">核定床位<" in part)
    filled = [row["核定床位"] for row in rows if row["核定床位"] is not None]
    assert (
        f'{min(filled)}<br><span class="to">{max(filled)}</span>' in beds
        and f"{100 * len(filled) / len(rows):.0f}%" in beds
    )


def test_a_version_is_cited_in_the_forms_that_managers_read(client):
    version = seeding.hospitals(50)
    address = f"http://testserver/datasets/medical-institutions/versions/{version.number}"
    text = html.unescape(client.get("/datasets/medical-institutions").content.decode())
    today = timezone.localdate()
    assert re.search(rf"第{version.number}版\[DS/OL\]\. \(\d{{4}}-\d\d-\d\d\)\[{today}\]\. {address}\.", text)
    bib = client.get(f"/datasets/medical-institutions/versions/{version.number}/citation.bib")
    assert bib["Content-Type"].startswith("application/x-bibtex") and f"url = {{{address}}}" in bib.content.decode()
    ris = client.get(f"/datasets/medical-institutions/versions/{version.number}/citation.ris").content.decode()
    assert ris.startswith("TY  - DATA\r\n") and ris.endswith("ER  - \r\n") and f"UR  - {address}\r\n" in ris
    assert client.get("/datasets/medical-institutions/versions/99/citation.bib").status_code == 404


def test_the_use_of_a_dataset_is_counted_by_day(client):
    seeding.hospitals(50)
    before = _used()
    for _ in range(3):
        client.get("/datasets/medical-institutions")
    client.get("/api/v1/datasets/medical-institutions/rows")
    after = _used()
    assert [now - was for now, was in zip(after.last, before.last, strict=True)] == [3, 0, 1]
    assert after.year == after.last == after.months[0][1] and len(after.months) == 1
    assert usage.usage("none").last == (0, 0, 0)


def _used() -> usage.Usage:
    """With what this process has read so far merged into the log."""
    access.flush()
    access.merge()
    return usage.usage("medical-institutions")
