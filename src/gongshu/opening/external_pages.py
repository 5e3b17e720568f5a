"""The page of a dataset that another portal publishes: what it says, where it is, and that it is not ours."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.opening import terms
from gongshu.opening.models import ExternalDataset
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.errors import problem


@require_safe
@public
def external_page(request: HttpRequest, name: str) -> HttpResponse:
    """One dataset of another portal; 410 when that portal no longer has it."""
    row = get_object_or_404(ExternalDataset, name=name)
    if row.state == ExternalDataset.State.GONE:
        return problem(
            request,
            410,
            _("“%(title)s”已不在来源门户") % {"title": words.local(row, "title")},
            _("它由%(portal)s发布，那里已撤下，所以这里也不再列出。") % {"portal": words.local(row, "portal")},
            code="gone",
            where={"dataset": row.name},
            moment=row.missing_since,
        )
    site = request.build_absolute_uri("/").rstrip("/")
    context = {
        "row": row,
        "title": words.local(row, "title"),
        "summary": words.local(row, "summary"),
        "origin": row.landing_page or row.portal_url,
        "topic": terms.topic(row.topic) if row.topic else None,
        "licence": terms.licence(row.licence) if row.licence else None,
        "frequency": terms.frequency(row.update_frequency) if row.update_frequency else None,
        "machine_readable": [schema_org(row, f"{site}{row.get_absolute_url()}")],
    }
    return render(request, "opening/external.html", context)


def schema_org(row: ExternalDataset, address: str) -> dict[str, Any]:
    """The entry for search engines: a schema.org Dataset whose origin (``sameAs``, ``isBasedOn``) is the other portal's page."""
    origin = row.landing_page or row.portal_url
    licence = terms.licence(row.licence).url if row.licence else ""
    found: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": origin,
        "url": origin,
        "sameAs": origin,
        "name": row.title,
        "description": (row.summary or row.title)[:5000],
        "identifier": row.remote_id,
        "keywords": row.keywords,
        "subjectOf": {"@type": "WebPage", "url": address},
        "includedInDataCatalog": {"@type": "DataCatalog", "name": row.portal, "url": row.portal_url},
        "distribution": [
            {"@type": "DataDownload", "name": one["title"], "encodingFormat": one["media_type"] or one["format"], "contentUrl": one["url"]}
            for one in row.distributions
        ],
    }  # fmt: skip
    optional = {
        "publisher": {"@type": "Organization", "name": row.publisher} if row.publisher else None,
        "license": licence or row.licence_said,
        "inLanguage": row.language,
        "datePublished": row.issued.isoformat() if row.issued else None,
        "dateModified": row.modified.isoformat() if row.modified else None,
        "spatialCoverage": row.spatial,
    }
    return found | {key: value for key, value in optional.items() if value}
