"""What a dataset page says of a version: passport, dictionary, quality, files, versions, how to call."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.opening import exports, queries, terms
from gongshu.opening.models import Dataset, Version
from gongshu.parties.models import Organisation
from gongshu.rulebooks import rulebook
from gongshu.web import words

FEW_CODES = 3


def describe(version: Version, site: str) -> dict[str, Any]:
    """The context of the page; ``site`` is this installation's address for snippets."""
    dataset = version.dataset
    past = list(queries.history(dataset).defer("contract"))
    published = [each.published_at for each in past if each.state == Version.State.PUBLISHED]
    fresh = queries.freshness(dataset, published) if dataset.current_id == version.pk else None
    return {
        "dataset": dataset,
        "version": version,
        "title": words.local(dataset, "title"),
        "summary": words.local(dataset, "summary"),
        "note": words.local(dataset, "source_note"),
        "given": dataset.provider.kind == Organisation.Kind.SOCIETY,
        "provider": words.local(dataset.provider, "name"),
        "topic": terms.topic(dataset.topic),
        "licence": terms.licence(dataset.licence),
        "frequency": terms.frequency(dataset.update_frequency),
        "open_word": words.OPEN_TYPES.get(dataset.open_type, dataset.open_type),
        "current": dataset.current_id == version.pk,
        "freshness": fresh,
        "fresh_label": _fresh_label(dataset, fresh) if fresh else "",
        "personal": version.dropped > 0 or any((c.get("level") or 1) > 1 for c in version.columns),
        "dictionary": [_column(version, c) for c in version.columns],
        "described": _described(version),
        "quality": quality(version),
        "files": files(version),
        "versions": _history(past, dataset),
        "calls": _calls(version, site),
    }


def files(version: Version) -> list[dict[str, Any]]:
    """Every format: its address, and its size once it was made."""
    made = {one.format: one for one in version.distributions.all()}
    found = []
    for one in exports.available(version):
        url = reverse("download_version", args=[version.dataset.name, version.number, version.dataset.name, one.key])
        found.append({"format": one, "url": url, "made": made.get(one.key)})
    return found


def quality(version: Version) -> dict[str, Any]:
    """Score, six dimensions and findings in words."""
    found = version.quality
    dimensions = found.get("dimensions") or {}
    findings = sorted(found.get("findings", []), key=lambda f: (_rank(f.get("severity")), -(f.get("rows_total") or 0)))
    return {
        "total": terms.quality_total(found),
        "profile": found.get("profile", ""),
        "rules": found.get("rules", 0),
        "dimensions": [
            {"name": name, "score": dimensions.get(code), "share": (dimensions.get(code) or 0) / 100}
            for code, name in terms.DIMENSIONS.items()
            if dimensions.get(code) is not None
        ],
        "findings": [
            {
                "what": words.FINDINGS.get(f["kind"], f["kind"]),
                "column": f.get("column") or "",
                "severity": f.get("severity", "info"),
                "severity_word": words.SEVERITIES.get(f.get("severity", "info"), ""),
                "message": words.local(f, "message"),
                "rows": f.get("rows_total") or 0,
            }
            for f in findings
        ],
    }


def _rank(severity: str | None) -> int:
    return {"error": 0, "warning": 1}.get(severity or "", 2)


def _fresh_label(dataset: Dataset, fresh: queries.Freshness) -> str:
    promise = terms.frequency(dataset.update_frequency).name
    return _("距上次更新 %(age)s 天，承诺%(promise)s更新") % {"age": fresh.age, "promise": promise}


def _described(version: Version) -> float:
    columns = version.columns
    return sum(1 for c in columns if c.get("description") or c.get("title")) / len(columns) if columns else 0.0


def _column(version: Version, column: dict[str, Any]) -> dict[str, Any]:
    nulls = column.get("nulls") or 0
    codes = list((column.get("codes") or {}).items())
    kind = str(words.STORAGE.get(column["storage_type"], column["storage_type"]))
    if codes:
        kind = _("代码")
    elif column.get("unit"):
        kind = f"{kind} ({column['unit']})" if words.english() else f"{kind}（{column['unit']}）"
    title = words.local(column, "title")
    meaning = words.local(column, "description") or title
    return {
        "name": column["name"],
        "key": column["name"] in version.key,
        "title": title if title not in (column["name"], meaning) else "",
        "meaning": meaning,
        "type": kind,
        "semantic": _semantic(column.get("semantic_type")),
        "codes": codes,
        "few": len(codes) <= FEW_CODES,
        "empty": nulls / version.rows if version.rows else 0.0,
        "nulls": nulls,
        "protection": words.protection(column),
    }


def _semantic(code: str | None) -> str:
    try:
        known = rulebook("semantic-2026/types")["types"].get(code or "", {})
    except FileNotFoundError:
        return ""
    return words.local(known, "title")


def history(dataset: Dataset) -> list[dict[str, Any]]:
    """The versions of the dataset with what each changed, the newest first."""
    return _history(list(queries.history(dataset).defer("contract")), dataset)


def _history(past: list[Version], dataset: Dataset) -> list[dict[str, Any]]:
    found = []
    for i, version in enumerate(past):
        before = past[i + 1] if i + 1 < len(past) else None
        found.append(
            {
                "number": version.number,
                "published_at": version.published_at,
                "current": version.pk == dataset.current_id,
                "gone": version.state == Version.State.WITHDRAWN,
                "url": reverse("dataset_version", args=[dataset.name, version.number]),
                "changes": _changes(version, before),
            }
        )
    return found


def _changes(version: Version, before: Version | None) -> str:
    if version.state == Version.State.WITHDRAWN:
        return _("已撤回")
    if before is None:
        return _("首次发布，%(rows)s 行，%(columns)s 列") % {
            "rows": f"{version.rows:,}",
            "columns": len(version.columns),
        }
    said = []
    difference = version.rows - before.rows
    if difference:
        word = _("多 %(n)s 行") if difference > 0 else _("少 %(n)s 行")
        said.append(word % {"n": f"{abs(difference):,}"})
    now, then = [c["name"] for c in version.columns], [c["name"] for c in before.columns]
    if new := [name for name in now if name not in then]:
        said.append(_("增加列 %(names)s") % {"names": ", ".join(new[:3])})
    if gone := [name for name in then if name not in now]:
        said.append(_("去掉列 %(names)s") % {"names": ", ".join(gone[:3])})
    return _("，").join(said) or _("%(n)s 行，行数不变") % {"n": f"{version.rows:,}"}


def _calls(version: Version, site: str) -> dict[str, str]:
    """Snippets that work when copied: a filter that this version answers."""
    url = f"{site}/api/v1/datasets/{version.dataset.name}/rows"
    candidates = [
        c for c in version.columns if c.get("top") and (c.get("distinct") or 0) > 1 and c["storage_type"] == "string"
    ]
    column = min(candidates, key=lambda c: (c.get("semantic_type") != "division_name", c["distinct"]), default=None)
    pair = (column["name"], str(column["top"][0][0])) if column else None
    # inside double quotes a shell joins a line that ends with a backslash
    shell = [f'curl -G "{url.replace("/api/v1/", "/api/v1" + chr(92) + chr(10) + "/")}" \\']
    if pair and not set('"\\$`\n') & set("".join(pair)):
        shell.append(f'  --data-urlencode "{pair[0]}={pair[1]}" \\')
    shell.append("  -d limit=20")
    asked = f"{{{pair[0]!r}: {pair[1]!r}, 'limit': 20}}" if pair else "{'limit': 20}"
    python = f"import json, urllib.parse, urllib.request\n\nquery = urllib.parse.urlencode({asked})\nurl = {url!r} + '?' + query\nrows = json.load(urllib.request.urlopen(url))['items']"
    return {"shell": "\n".join(shell), "python": python}
