"""The root of the REST interface: one OpenAPI document, one shape of error, open to other origins for reading."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.renderers import JSONRenderer

from gongshu import __version__
from gongshu.gathering.api import router as uploads
from gongshu.opening.api import router
from gongshu.opening.rows import failures
from gongshu.opening.search import IndexMissing
from gongshu.surfaces.graph_pages import router as graph
from gongshu.web.errors import envelope


class OpenApi(NinjaAPI):
    """Answers carry CORS for reading and ask caches to check back, so that a withdrawal is seen at once."""

    def create_response(self, request: HttpRequest, data: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().create_response(request, data, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        response["Cache-Control"] = "no-cache"
        return response


class Json(JSONRenderer):
    """Chinese stays readable in an answer."""

    json_dumps_params = {"ensure_ascii": False}


api = OpenApi(
    renderer=Json(),
    title="公数 Gongshu",
    version="1",
    description=f"Public data of the city. Reading needs no key. Gongshu {__version__}.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
)
api.add_router("", router)
api.add_router("", uploads)
api.add_router("", graph)


def _answer(request: HttpRequest, status: int, message: str, code: str = "", **where: Any) -> HttpResponse:
    return api.create_response(request, envelope(status, message, code=code, where=where), status=status)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _answer(request, 404, _("没有这个数据集"), path=request.path)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    name = str(first["loc"][-1])
    message = _("参数“%(name)s”不对：%(why)s") % {"name": name, "why": first["msg"]}
    return _answer(request, 400, message, "bad_parameter", parameter=name)


@api.exception_handler(IndexMissing)
def _no_index(request: HttpRequest, error: IndexMissing) -> HttpResponse:
    response = _answer(request, 503, _("检索索引正在重建"), "index_missing")
    response["Retry-After"] = "60"
    return response


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _answer(request, error.status_code, str(error))


def _known(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    found = failures.failure(error)
    response = api.create_response(request, found.body, status=found.status)
    if found.retry_after is not None:
        response["Retry-After"] = str(found.retry_after)
    return response


for kind in failures.KNOWN:
    api.add_exception_handler(kind, _known)
