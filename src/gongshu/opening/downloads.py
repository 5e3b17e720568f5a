"""Files of a dataset: stable addresses, files of a version, the rows that a reader chose."""

from __future__ import annotations

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gongshu.opening import exports, queries
from gongshu.opening.models import Version
from gongshu.opening.pages import answers_for_data, found_version
from gongshu.opening.rows import grammar, tables
from gongshu.opening.stops import is_stopped
from gongshu.oversight import access
from gongshu.web import words
from gongshu.web.access import public
from gongshu.web.errors import problem
from gongshu.web.streaming import content_disposition, send_file

REVALIDATE = "public, no-cache"  # a withdrawn version must not live on in caches: they ask each time, answered by ETag
RETRY_SECONDS = 3


@require_safe
@answers_for_data
@public
def download_current(request: HttpRequest, name: str, format_key: str) -> HttpResponseBase:
    """The address that stays: leads to the current version's file."""
    version = found_version(request, name, None)
    if isinstance(version, HttpResponse):
        return version
    exports.check(version, format_key)
    response = HttpResponseRedirect(_address(version, format_key))
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
@answers_for_data
@public
def download_version(request: HttpRequest, name: str, number: int, again: str, format_key: str) -> HttpResponseBase:
    """The file of a version, made when first asked for."""
    if again != name:
        return problem(request, 404, _("这个地址上没有内容"), _("请从数据集页面下载。"))
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
    chosen = exports.check(version, format_key)
    made = exports.ready(version, format_key)
    if made is None:
        if exports.is_slow(version, format_key):
            if request.method == "HEAD":
                return HttpResponse(headers={"Cache-Control": REVALIDATE}, content_type=chosen.content_type)
            return _waiting(request, version, chosen)
        made = exports.ensure(version, format_key)
    if request.method == "GET":
        access.record(queries.DOWNLOAD, f"dataset:{name}", version=number, format=format_key)
    response = send_file(
        request,
        exports.file_of(made),
        content_type=chosen.content_type,
        filename=f"{version.dataset.title}.{format_key}",
        plain_name=f"{name}-v{number}.{format_key}",
        etag=made.sha256[:32],
        cache=REVALIDATE,
        stopped=lambda: _is_stopped(name),
    )
    response["Access-Control-Allow-Origin"] = "*"
    response["Digest"] = f"sha-256={made.sha256}"
    return response


@require_safe
@answers_for_data
@public
def selection(request: HttpRequest, name: str, number: int) -> HttpResponseBase:
    """What the reader sees: the filtered, sorted rows of the chosen columns as CSV."""
    version = found_version(request, name, number)
    if isinstance(version, HttpResponse):
        return version
    ask = grammar.parse(request.GET.lists(), tables.of(version))
    with exports.selection(version, ask) as path:
        content = path.read_bytes()
    access.record(queries.DOWNLOAD, f"dataset:{name}", version=number, format="csv", filters=len(ask.filters))
    response = HttpResponse(content, content_type=exports.FORMATS["csv"].content_type)
    filename = f"{version.dataset.title}-{_('筛选')}.csv"
    response["Content-Disposition"] = content_disposition(filename, f"{name}-v{number}-selection.csv")
    response["Cache-Control"] = "no-store"
    return response


def _waiting(request: HttpRequest, version: Version, chosen: exports.Format) -> HttpResponse:
    """A large workbook is made while the reader watches; the page asks again by itself."""
    percent = exports.ensure_later(version, chosen.key)
    context = {
        "title": words.local(version.dataset, "title"),
        "version": version,
        "format": chosen,
        "percent": percent,
        "back": reverse("dataset", args=[version.dataset.name]),
    }
    response = render(request, "opening/waiting.html", context, status=202)
    response["Refresh"] = str(RETRY_SECONDS)
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def _is_stopped(name: str) -> bool:
    try:
        return is_stopped(name)
    finally:
        close_old_connections()  # asked from a thread that no request tidies up after


def _address(version: Version, format_key: str) -> str:
    name = version.dataset.name
    return reverse("download_version", args=[name, version.number, name, format_key])
