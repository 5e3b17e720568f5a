"""How a version is cited: in the forms that people paste and that reference managers read."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from gongshu import clock
from gongshu.opening.models import Version
from gongshu.web import words

_TEX = str.maketrans(
    {c: f"\\{c}" for c in "#$%&_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
TYPES = {"bib": "application/x-bibtex; charset=utf-8", "ris": "application/x-research-info-systems; charset=utf-8"}


@dataclass(frozen=True)
class Citation:
    """``standard``: GB/T 7714-2015 (8.8 electronic resources; DS/OL: a dataset, online). ``apa``: APA 7, data set (10.9)."""

    standard: str
    apa: str
    bib: str
    ris: str


def citation(version: Version, address: str) -> Citation:
    """The version at ``address``, as it is read today."""
    dataset = version.dataset
    title, who = words.local(dataset, "title"), words.local(dataset.provider, "name")
    published, today = timezone.localdate(version.published_at), timezone.localdate(clock.now())
    edition = f"Version {version.number}" if words.english() else f"第{version.number}版"
    bib = {
        "author": f"{{{who.translate(_TEX)}}}",
        "title": f"{{{title.translate(_TEX)}}}",
        "year": str(published.year),
        "month": str(published.month),
        "note": f"Data set, version {version.number}",
        "url": address,
        "urldate": str(today),
    }
    ris = [
        ("TY", "DATA"), ("AU", who), ("TI", title), ("PY", str(published.year)), ("DA", published.strftime("%Y/%m/%d")),
        ("ET", str(version.number)), ("UR", address), ("Y2", today.strftime("%Y/%m/%d")), ("ER", ""),
    ]  # fmt: skip
    return Citation(
        standard=f"{who}. {title}: {edition}[DS/OL]. ({published})[{today}]. {address}.",
        apa=f"{who}. ({published.year}). {title} (Version {version.number}) [Data set]. {address}",
        bib="@misc{"
        + f"{dataset.name}-v{version.number},\n"
        + "".join(f"  {k} = {{{v}}},\n" for k, v in bib.items())
        + "}\n",
        ris="".join(f"{tag}  - {' '.join(value.split())}\r\n" for tag, value in ris),
    )
