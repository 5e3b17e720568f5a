"""What every answer carries: the security headers, and the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string
from django.utils.translation.trans_real import parse_accept_lang_header
from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

from gongshu.i18n import use_language
from gongshu.web.errors import bad_request
from gongshu.web.streaming import WORTH_PACKING, accepts

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
MOST_RANDOM_BYTES = 100
LANGUAGE_COOKIE_SECONDS = 365 * 24 * 3600


class _Middleware:
    """A middleware that runs in both of Django's modes, so that no hop between threads is added."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)  # type: ignore[type-var]


class _Afterwards(_Middleware):
    """A middleware that changes answers only."""

    def __call__(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        if self.is_async:
            return self._later(request)
        return self.changed(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponse:
        return self.changed(request, await self.get_response(request))

    @staticmethod
    def changed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The answer as it goes out."""
        raise NotImplementedError


class SecurityHeaders(_Afterwards):
    """Nothing but our own host: no inline script or style, no frame, no plug-in, no sensor."""

    @staticmethod
    def changed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """With the headers that are not set yet."""
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response


class PackedPages(_Afterwards):
    """Pages are gzipped for browsers that take it. Random bytes of random length hide what their length could tell of secrets in
    them (Heal-the-BREACH, as Django's own middleware does); files and answers of the interface are packed by their own rules."""

    @staticmethod
    def changed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Packed, when it is a page and the browser takes it."""
        if response.streaming or response.headers.get("Content-Type", "").partition(";")[0] != "text/html":
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if len(response.content) < WORTH_PACKING or response.has_header("Content-Encoding"):
            return response
        if accepts("gzip", request.headers.get("Accept-Encoding", "")):
            response.content = compress_string(response.content, max_random_bytes=MOST_RANDOM_BYTES)
            response.headers["Content-Length"] = str(len(response.content))
            response.headers["Content-Encoding"] = "gzip"
        return response


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise for ASGI: assets are small and sent whole; Django would collect a streamed file anyway, with a warning."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """The file, or what the request's conditions call for instead of it."""
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        content = b"".join(streamed.streaming_content)
        streamed.close()
        return HttpResponse(content, status=streamed.status_code, headers=dict(streamed.headers))


class Language(_Middleware):
    """Chinese unless the reader says otherwise: ``?lang=``, then the cookie, then Accept-Language."""

    def __call__(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        refused = _unreadable(request)
        if refused:  # so that the page which says so can be made
            request.META["QUERY_STRING"] = ""
        language = chosen_language(request)
        if self.is_async:
            return self._later(request, language, refused)
        with translation.override(language), use_language(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            answer = bad_request(request) if refused else self.get_response(request)
            return self._remember(request, answer, language)

    async def _later(self, request: HttpRequest, language: str, refused: bool) -> HttpResponse:
        with translation.override(language), use_language(language):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
            answer = await sync_to_async(bad_request)(request) if refused else await self.get_response(request)
            return self._remember(request, answer, language)

    @staticmethod
    def _remember(request: HttpRequest, response: HttpResponse, language: str) -> HttpResponse:
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        if settings.SESSION_COOKIE_NAME in request.COOKIES:  # what somebody signed in reads is for no shared cache
            response.headers.setdefault("Cache-Control", "private, no-cache")
        if request.GET.get("lang") in dict(settings.LANGUAGES):
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                language,
                max_age=LANGUAGE_COOKIE_SECONDS,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response


def _unreadable(request: HttpRequest) -> bool:
    """Whether the address has more parameters than Django reads, or a zero byte, which no database takes (PostgreSQL)."""
    query = request.META.get("QUERY_STRING", "")
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    return "\0" in request.path or "%00" in query or (most is not None and query.count("&") >= most)


def chosen_language(request: HttpRequest) -> str:
    """``zh-hans`` or ``en`` for this request."""
    wishes = (request.GET.get("lang"), request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME))
    return language_of(wishes, request.headers.get("Accept-Language", ""))


def language_of(wishes: Iterable[str | None], accepted: str) -> str:
    """The first of ``wishes`` that is a language of ours, else what an Accept-Language header says."""
    known = dict(settings.LANGUAGES)
    for wish in wishes:
        if wish in known:
            return str(wish)
    for code, _ in parse_accept_lang_header(accepted):
        if code.startswith("zh"):
            return "zh-hans"
        if code.startswith("en"):
            return "en"
    return settings.LANGUAGE_CODE


def plain_headers() -> dict[str, str]:
    """The security headers that every answer carries, for answers that pass no middleware."""
    found = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Permissions-Policy": PERMISSIONS_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    }
    if settings.SECURE_HSTS_SECONDS:
        found["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return found
