"""The addresses: ``/api/3/action/NAME`` and ``/api/action/NAME`` (ckanapi), by GET and POST, and ``/datastore/dump/ID``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from gongshu.opening.rows import limits
from gongshu.opening.search import IndexMissing
from gongshu.surfaces.ckan import datastore, dumping
from gongshu.surfaces.ckan.actions import ACTIONS, Call
from gongshu.surfaces.ckan.errors import CkanError, Invalid, Unavailable
from gongshu.surfaces.requests import client_of, open_to_all, site_of
from gongshu.web.access import public
from gongshu.web.streaming import TextStream

MOST_BYTES = 1024 * 1024  # of a question
DATASTORE = ("datastore_search", "datastore_search_sql", "datastore_info")  # what asks the rows counts there
CHOOSING = ("limit", "offset", "fields", "filters", "q", "full_text", "sort", "distinct", "bom")


@csrf_exempt  # nothing here changes anything, and no session is looked at
@require_http_methods(["GET", "HEAD", "POST", "OPTIONS"])
@public
def action(request: HttpRequest, name: str) -> HttpResponse:
    """One action; an unknown one is answered as CKAN does, by a bare JSON string."""
    if request.method == "OPTIONS":
        return open_to_all(HttpResponse(status=204))
    made = ACTIONS.get(name)
    if made is None:
        return open_to_all(_json(400, json.dumps(f"Bad request: Action name not known: {name[:80]}")))
    site = site_of(request)
    told = json.dumps(f"{site}{reverse('ckan_action', args=['help_show'])}?name={name}")
    try:
        client = _client(request)
        if name not in DATASTORE and (wait := limits.gate().take(*client)):
            raise Unavailable(429, "Too many requests", wait)
        result = made(Call(_params(request), site, client))
    except (CkanError, IndexMissing) as known:
        error = known if isinstance(known, CkanError) else Unavailable(503, "The search index is being made anew", 60)
        body = json.dumps(error.body, ensure_ascii=False)
        response = _json(error.status, f'{{"help": {told}, "success": false, "error": {body}}}')
        if seconds := getattr(error, "retry_after", None):
            response["Retry-After"] = str(seconds)
        return open_to_all(response)
    return open_to_all(_json(200, f'{{"help": {told}, "success": true, "result": {_written(result)}}}'))


@require_safe
@public
def root(request: HttpRequest) -> HttpResponse:
    """The version of the interface."""
    return open_to_all(_json(200, '{"version": 3}'))


@require_safe
@public
def dump(request: HttpRequest, resource: str) -> HttpResponseBase:
    """All rows of a table: as plain CSV it leads to the file, which has an address that stays; what chooses rows, columns or
    another form is answered as CKAN does, with ``_id`` first."""
    params = _params(request) | {"resource_id": resource}
    form = str(params.pop("format", "csv")).lower()
    try:
        name, _key = datastore.dataset_of(resource)
        if form == "csv" and not any(params.get(key) for key in CHOOSING):
            return open_to_all(HttpResponseRedirect(reverse("download", args=[name, form])))
        table, text = dumping.dump(params, form, _client(request))
    except CkanError as error:
        body = json.dumps({"success": False, "error": error.body}, ensure_ascii=False)
        response = open_to_all(_json(error.status, body))
        if seconds := getattr(error, "retry_after", None):
            response["Retry-After"] = str(seconds)
        return response
    file = f"{table.dataset}-v{table.number}-dump.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "Access-Control-Allow-Origin": "*"}
    return TextStream(text, content_type=dumping.TYPES[form], headers=headers)


def _params(request: HttpRequest) -> dict[str, Any]:
    """Parameters of the address and of the body (JSON or a form); what comes twice in an address is a list."""
    query = parse_qs(request.META.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=2000)
    found: dict[str, Any] = {key: values[0] if len(values) == 1 else values for key, values in query.items()}
    if request.method != "POST":
        return found
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise Invalid(body=["Must be at most 1 MB"])
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = {key: values[0] if len(values) == 1 else values for key, values in request.POST.lists()}
        if len(form) == 1 and next(iter(form.values())) in ("", "1"):  # JSON sent as a form, as curl -d does
            with_json = _body(next(iter(form)).encode(), strict=False)
            return found | (with_json if with_json is not None else form)
        return found | form
    return found | (_body(request.body, strict=True) or {})


def _body(text: bytes, *, strict: bool) -> dict[str, Any] | None:
    try:
        body = json.loads(text or b"{}")
    except (ValueError, RecursionError) as error:
        if strict:
            raise Invalid(body=["JSON Error: Error decoding JSON data."]) from error
        return None
    if isinstance(body, dict):
        return body
    if strict:
        raise Invalid(body=["JSON Error: a dictionary was expected"])
    return None


def _client(request: HttpRequest) -> tuple[str, str]:
    token = request.headers.get("Authorization", "") or request.headers.get("X-CKAN-API-Key", "")
    return client_of(request, f"Bearer {token}" if token and " " not in token else token)  # CKAN's clients send it bare


def _written(result: Any) -> str:
    """JSON, in which the rows stand as the engine wrote them."""
    if not isinstance(result, dict) or not isinstance(result.get("records"), datastore.Raw):
        return json.dumps(result, ensure_ascii=False)
    rest = json.dumps({key: value for key, value in result.items() if key != "records"}, ensure_ascii=False)
    return f'{rest[:-1]}, "records": {result["records"]}}}'


def _json(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json;charset=utf-8")
