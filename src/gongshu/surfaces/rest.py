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
from gongshu.lake import serving
from gongshu.opening import rows
from gongshu.opening.api import StoppedError, WithdrawnError, router
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


def _answer(request: HttpRequest, status: int, message: str, code: str = "", **where: Any) -> HttpResponse:
    return api.create_response(request, envelope(status, message, code=code, where=where), status=status)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _answer(request, 404, _("没有这个数据集"), path=request.path)


@api.exception_handler(WithdrawnError)
def _withdrawn(request: HttpRequest, error: WithdrawnError) -> HttpResponse:
    return _answer(request, 410, _("数据集已撤回：%(reason)s") % {"reason": error}, "withdrawn", dataset=error.name)


@api.exception_handler(StoppedError)
def _stopped(request: HttpRequest, error: StoppedError) -> HttpResponse:
    return _answer(request, 503, _("数据集已紧急停止提供，平台正在核查"), "stopped", dataset=str(error))


@api.exception_handler(rows.BadQuestion)
def _bad_question(request: HttpRequest, error: rows.BadQuestion) -> HttpResponse:
    return _answer(request, 400, str(error), "bad_parameter", **error.where)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    name = str(first["loc"][-1])
    message = _("参数“%(name)s”不对：%(why)s") % {"name": name, "why": first["msg"]}
    return _answer(request, 400, message, "bad_parameter", parameter=name)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _answer(request, error.status_code, str(error))


@api.exception_handler(serving.CopyMissing)
def _missing(request: HttpRequest, error: serving.CopyMissing) -> HttpResponse:
    return _answer(request, 410, _("这个版本不再提供"), "withdrawn")


@api.exception_handler(serving.TooSlow)
def _too_slow(request: HttpRequest, error: serving.TooSlow) -> HttpResponse:
    return _answer(request, 503, _("这个查询太慢，已经停下"), "too_slow")


@api.exception_handler(serving.TooBusy)
def _too_busy(request: HttpRequest, error: serving.TooBusy) -> HttpResponse:
    response = _answer(request, 429, _("同时查询的人太多"))
    response["Retry-After"] = "5"
    return response
