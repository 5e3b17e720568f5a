"""The addresses under which other software finds the catalogue and its datasets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from django.core.cache import caches
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu import clock
from gongshu.feedback import queries as feedback
from gongshu.opening import documents, queries, terms
from gongshu.opening.described import EN, ZH, Described, describe, described, in_sight
from gongshu.opening.pages import answers_for_data, found_version
from gongshu.surfaces.requests import open_to_all, site_of
from gongshu.surfaces.standards import rdf
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.feeds import Entry, atom

PAGE = 100  # datasets of a page of the catalogue
SITEMAP = 20_000  # addresses of a sitemap; the protocol allows 50,000
FEED = 50
KEPT_SECONDS = 600
PAGES = (
    "home", "datasets", "topics", "organisations", "districts", "graph", "promises", "api_page", "help", "ask", "demands",
    "answering", "reuses", "news", "statistics", "self_assessment", "rules", "portals", "give",
)  # fmt: skip


@require_safe
@public
def catalogue(request: HttpRequest, suffix: str = "") -> HttpResponse:
    """The catalogue as RDF (DCAT-AP 3), in pages of 100; without a suffix in the format that the client prefers."""
    suffix = suffix or _preferred(request)
    number = _page_number(request)
    total = queries.visible().count()
    site = site_of(request)
    address = f"{site}{reverse('catalogue_as', args=[suffix])}"
    if number > 1 and (number - 1) * PAGE >= total:
        raise Http404
    page = rdf.Page(
        site=site,
        title={ZH: f"{settings.CITY['zh-hans']}公共数据开放平台", EN: f"{settings.CITY['en']} open data"},
        summary={ZH: "依法开放的公共数据，可下载、可调用。", EN: "Public data opened by law, to download and to call."},
        publisher={ZH: settings.CITY["zh-hans"], EN: settings.CITY["en"]},
        place={ZH: settings.CITY["zh-hans"], EN: settings.CITY["en"]},
        issued=queries.first_publication(),
        licence=settings.CATALOGUE_LICENCE,
        total=total,
        here=f"{address}?page={number}",
        first=f"{address}?page=1",
        following=f"{address}?page={number + 1}" if number * PAGE < total else "",
    )

    def make() -> bytes:
        shown = in_sight()[(number - 1) * PAGE : number * PAGE]
        return rdf.serialize(rdf.catalogue_graph(page, describe(shown, site)), suffix)

    response = HttpResponse(_kept(f"{suffix}:{number}:{site}", make), content_type=_type(suffix))
    response["Vary"] = "Accept"
    if page.following:
        response["Link"] = f'<{page.following}>; rel="next"'
    return open_to_all(response)


@require_safe
@public
def data_json(request: HttpRequest) -> HttpResponse:
    """The catalogue in DCAT-US 1.1, all of it, as harvesters expect it at this address."""
    site = site_of(request)

    def make() -> bytes:
        return json.dumps(documents.data_json(site, describe(in_sight(), site)), ensure_ascii=False).encode()

    return open_to_all(HttpResponse(_kept(f"data.json:{site}", make), content_type="application/json"))


@require_safe
@answers_for_data
@public
def dataset_rdf(request: HttpRequest, name: str, suffix: str) -> HttpResponseBase:
    """One dataset as RDF."""
    one = _one(request, name)
    if not isinstance(one, Described):
        return one
    return open_to_all(HttpResponse(rdf.serialize(rdf.dataset_graph(one), suffix), content_type=_type(suffix)))


@require_safe
@answers_for_data
@public
def croissant(request: HttpRequest, name: str) -> HttpResponseBase:
    """One dataset for machine learning."""
    return _document(request, name, documents.croissant, "application/ld+json")


@require_safe
@answers_for_data
@public
def datapackage(request: HttpRequest, name: str) -> HttpResponseBase:
    """One dataset as a data package."""
    return _document(request, name, documents.datapackage, "application/json")


@require_safe
@public
def sitemap_index(request: HttpRequest) -> HttpResponse:
    """The sitemaps (sitemaps.org 0.9): pages, datasets, and datasets of other portals."""
    site, pages = site_of(request), -(-queries.visible().count() // SITEMAP)
    external = -(-queries.visible_external().count() // SITEMAP)
    places = [f"{site}{reverse('sitemap', args=[number])}" for number in range(pages + 1)]
    places += [f"{site}{reverse('sitemap_external', args=[number])}" for number in range(1, external + 1)]
    found = "".join(f"<sitemap><loc>{escape(place)}</loc></sitemap>" for place in places)
    return _xml(f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{found}</sitemapindex>')


@require_safe
@public
def sitemap(request: HttpRequest, number: int) -> HttpResponse:
    """A sitemap: 0 is of the pages, the others are of datasets."""
    places: list[tuple[str, datetime | None]]
    if number == 0:
        places = [(reverse(name), None) for name in PAGES]
        places += [(reverse("topic", args=[key]), None) for key in terms.topics()]
        codes = queries.visible().order_by("provider__code").values_list("provider__code", flat=True).distinct()
        places += [(reverse("organisation", args=[code]), None) for code in codes]
        places += [(reverse("district", args=[one.code]), None) for one in queries.districts().order_by("code")]
        demands = feedback.public_demands().values_list("number", "answered_at")
        news = feedback.public_news().values_list("pk", "changed_at")
        places += [(reverse("demand", args=[one]), at) for one, at in demands[:SITEMAP]]
        places += [(reverse("news_page", args=[one]), at) for one, at in news[:FEED]]
    else:
        rows = queries.visible().order_by("name").values_list("name", "current__published_at")
        places = _places("dataset", rows, number)
    return _urlset(request, places)


@require_safe
@public
def sitemap_external(request: HttpRequest, number: int) -> HttpResponse:
    """A sitemap of the entries of other portals' datasets."""
    rows = queries.visible_external().order_by("name").values_list("name", "changed_at")
    return _urlset(request, _places("external", rows, number))


def _places(view: str, rows: QuerySet[Any, tuple[str, Any]], number: int) -> list[tuple[str, datetime | None]]:
    """The addresses of page ``number`` (from 1) of what has pages of its own."""
    found = rows[(number - 1) * SITEMAP : number * SITEMAP] if number > 0 else ()
    if not found:
        raise Http404
    return [(reverse(view, args=[name]), at) for name, at in found]


def _urlset(request: HttpRequest, places: list[tuple[str, datetime | None]]) -> HttpResponse:
    site = site_of(request)
    found = "".join(
        f"<url><loc>{escape(site + place)}</loc>{f'<lastmod>{at.isoformat()}</lastmod>' if at else ''}</url>"
        for place, at in places
    )
    return _xml(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{found}</urlset>')


@require_safe
@public
def robots(request: HttpRequest) -> HttpResponse:
    """What robots may read: pages and descriptions; the rows themselves are for those who ask for them."""
    rules = "User-agent: *\nDisallow: /account/\nDisallow: /api/v1/datasets/*/rows\n"
    said = f"{rules}\nSitemap: {site_of(request)}{reverse('sitemap_index')}\n"
    return HttpResponse(said, content_type="text/plain; charset=utf-8")


@require_safe
@public
def feed(request: HttpRequest) -> HttpResponse:
    """Atom: what was published last on the whole portal."""
    page = request.build_absolute_uri(reverse("datasets"))
    found = []
    for one in queries.visible().order_by("-current__published_at")[:FEED]:
        assert one.current is not None
        address = request.build_absolute_uri(reverse("dataset", args=[one.name]))
        said = _("%(title)s，第 %(n)s 版") % {"title": words.local(one, "title"), "n": one.current.number}
        key = f"{address}#v{one.current.number}"
        found.append(Entry(key, said, one.current.published_at, address, words.local(one, "summary")))
    city = settings.CITY["en" if words.english() else "zh-hans"]
    empty = [Entry(page, _("还没有数据集"), clock.now(), page)]  # a feed has a date, also when it has nothing to tell
    return atom(request, page, _("%(city)s公共数据：新发布") % {"city": city}, city, found or empty)


def _document(
    request: HttpRequest, name: str, make: Callable[[Described], dict[str, Any]], kind: str
) -> HttpResponseBase:
    one = _one(request, name)
    if not isinstance(one, Described):
        return one
    return open_to_all(
        JsonResponse(make(one), json_dumps_params={"ensure_ascii": False, "indent": 1}, content_type=kind)
    )


def _one(request: HttpRequest, name: str) -> Described | HttpResponseBase:
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    found = described(name, site_of(request))
    if not found:  # it went in between
        raise Http404
    return found[0]


def _kept(key: str, make: Callable[[], bytes]) -> bytes:
    """Made anew when anything visible changes: a catalogue of a thousand datasets takes seconds to write."""
    key = f"standards:{key}:{queries.fingerprint()}"
    found: bytes | None = caches["process"].get(key)
    if found is None:
        found = make()
        caches["process"].set(key, found, KEPT_SECONDS)
    return found


def _preferred(request: HttpRequest) -> str:
    kinds = {kind: suffix for suffix, (_name, kind) in rdf.FORMATS.items()}
    chosen = request.get_preferred_type(list(kinds))
    return kinds.get(chosen or "", "ttl")


def _page_number(request: HttpRequest) -> int:
    said = request.GET.get("page", "1")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 8 and int(said) else 1


def _type(suffix: str) -> str:
    kind = rdf.FORMATS[suffix][1]
    return f"{kind}; charset=utf-8" if suffix == "ttl" else kind


def _xml(body: str) -> HttpResponse:
    return HttpResponse(
        f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', content_type="application/xml; charset=utf-8"
    )
