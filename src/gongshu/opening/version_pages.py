"""What is said of a version besides its rows: the statistics of all its columns, and how it is cited."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from gongshu.opening import citations, column_statistics
from gongshu.opening.pages import found_version
from gongshu.web import words
from gongshu.web.access import public

LISTED = 50


@require_safe
@public
def columns_page(request: HttpRequest, name: str, number: int | None = None) -> HttpResponseBase:
    """The statistics of all columns."""
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
    page = Paginator(version.columns, LISTED).get_page(request.GET.get("page"))
    context = {
        "dataset": version.dataset,
        "version": version,
        "title": words.local(version.dataset, "title"),
        "page": page,
        "statistics": column_statistics.of(version, list(page)),
    }
    return render(request, "opening/columns.html", context)


@require_safe
@public
def citation_file(request: HttpRequest, name: str, number: int, form: str) -> HttpResponseBase:
    """How the version is cited, for a reference manager: BibTeX (bib) or RIS (ris)."""
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
    address = request.build_absolute_uri(reverse("dataset_version", args=[name, number]))
    found = citations.citation(version, address)
    response = HttpResponse(found.bib if form == "bib" else found.ris, content_type=citations.TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{name}-v{number}.{form}"'
    return response
