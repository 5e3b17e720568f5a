"""Error pages in the pages' own hand, and the JSON envelope for programs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

CODES = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    410: "gone",
    413: "too_large",
    429: "too_many_requests",
    500: "server_error",
    503: "unavailable",
}


def envelope(status: int, message: str, *, code: str = "", where: dict[str, Any] | None = None) -> dict[str, Any]:
    """``{"error": {"code", "message", "where"}}``, the shape of every error of the API."""
    return {"error": {"code": code or CODES.get(status, "error"), "message": message, "where": where or {}}}


def problem(
    request: HttpRequest,
    status: int,
    what: str,
    how: str,
    *,
    code: str = "",
    where: dict[str, Any] | None = None,
    retry_after: int | None = None,
    **context: Any,
) -> HttpResponse:
    """An answer that says what is wrong, where, and what to do now: JSON under ``/api/v``, a page elsewhere."""
    response: HttpResponse
    if request.path.startswith("/api/v"):
        response = JsonResponse(envelope(status, what, code=code, where=where), status=status)
    else:
        facts = {"status": status, "what": what, "how": how, "where": where or {}, **context}
        response = render(request, "errors/problem.html", facts, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: Django could not accept the request."""
    return problem(request, 400, _("这个请求看不懂"), _("请回到上一页，核对填写的内容后再试。"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: no right to see or do this."""
    return problem(request, 403, _("这里需要相应的权限"), _("请用有权限的账号登录；仍然看不到，请联系平台运营。"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form is too old or comes from elsewhere."""
    return problem(request, 403, _("这张表单已经过期"), _("请回到上一页，刷新后再提交一次。"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: nothing lives at this address."""
    return problem(
        request,
        404,
        _("这个地址上没有内容"),
        _("可能是链接写错了，或数据集改了名字。可以用下面的搜索框找。"),
        search=True,
    )


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """429: the same thing was asked for too often."""
    return problem(request, 429, _("请求太频繁了"), _("请等一分钟再试。"), retry_after=60)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault, already in the log of the process."""
    return problem(request, 500, _("平台出了差错"), _("差错已记入运行日志。请稍后再试；若一直如此，请告知平台运营。"))
