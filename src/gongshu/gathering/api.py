"""Uploading by programs: begin, send pieces, ask how far it is; with a token of the scope ``upload``."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.core.internal import ratelimit
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema
from ninja.security import HttpBearer

from gongshu.catalogue.models import Resource
from gongshu.gathering import pages, receiving
from gongshu.gathering.models import Upload
from gongshu.parties.actions import person_with_token
from gongshu.parties.models import Person
from gongshu.parties.permissions import may
from gongshu.tables.errors import TableError
from gongshu.web.errors import envelope

SCOPE = "upload"
LIMITS = {"pieces": "600/m/key"}  # writing requests of one person's programs


class UploadToken(HttpBearer):
    """Authorization: Bearer with a token of the scope ``upload``."""

    def authenticate(self, request: HttpRequest, token: str) -> Person | None:
        """Whom the token lets act."""
        return person_with_token(token, SCOPE)


class UploadQuestion(Schema):
    """The file that is to come."""

    resource: str = Field(max_length=80, description="code or slug of the resource")
    filename: str = Field(max_length=500)
    size: int = Field(ge=0, le=10**15, description="bytes of the whole file")


class UploadAnswer(Schema):
    """Where an upload stands; `received` is the offset of the next piece."""

    id: uuid.UUID
    filename: str
    size: int
    received: int
    state: str
    sha256: str
    page: str


class UploadProblemBody(Schema):
    """What was wrong; `where.received` tells the offset to go on from."""

    code: str
    message: str
    where: dict[str, Any] = {}


class UploadProblem(Schema):
    """The shape of every error."""

    error: UploadProblemBody


router = Router(auth=UploadToken(), tags=["uploads"])
ERRORS = dict.fromkeys((400, 401, 403, 404, 413, 429, 507), UploadProblem)
PIECE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [{"name": "offset", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 0}}],
}


@router.post("/uploads", response={201: UploadAnswer, **ERRORS}, summary="Begin an upload", url_name="api_uploads")
def begin_upload(request: HttpRequest, question: UploadQuestion) -> HttpResponse:
    """Begin an upload; send its pieces next, of 4 to 16 MB each."""
    if refused := _too_often(request):
        return refused
    person = _person(request)
    found = Resource.objects.select_related("organisation")
    resource = found.filter(code=question.resource).first() or found.filter(slug=question.resource).first()
    if resource is None or not may(person, "upload.make", resource.organisation):
        raise Http404
    try:
        upload = receiving.start(person, resource, question.filename, question.size)
    except TableError as error:
        return pages.refused(error)
    return JsonResponse(pages.state_of(upload), status=201)


@router.put(
    "/uploads/{uuid:upload_id}/pieces",
    response={200: UploadAnswer, 409: UploadProblem, 423: UploadProblem, **ERRORS},
    summary="Send a piece",
    description="The raw bytes from `offset` on. 409 tells in `where.received` where to go on; 507: the disk is full, the "
    "piece doesn't count, go on later. With the last piece the file is inspected.",
    openapi_extra=PIECE,
    url_name="api_upload_piece",
)
def send_piece(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """A piece of one's own upload."""
    return _too_often(request) or pages.take_piece(request, _own(request, upload_id), _person(request))


@router.get(
    "/uploads/{uuid:upload_id}",
    response={200: UploadAnswer, **ERRORS},
    summary="How far an upload is",
    url_name="api_upload",
)
def one_upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """How much came, and what became of the inspection (`inspecting`, `inspected`, `failed`)."""
    return JsonResponse(pages.state_of(_own(request, upload_id)))


def _person(request: HttpRequest) -> Person:
    person = request.auth  # type: ignore[attr-defined]
    assert isinstance(person, Person)
    return person


def _own(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    person = _person(request)
    upload = Upload.objects.select_related("resource__organisation").filter(pk=upload_id, person=person).first()
    if upload is None or not may(person, "upload.make", upload.resource.organisation):
        raise Http404
    return upload


def _too_often(request: HttpRequest) -> HttpResponse | None:
    key = _person(request).username
    if ratelimit.consume(request, app="gongshu.gathering", action="pieces", config=LIMITS, key=key):
        return None
    answer = JsonResponse(envelope(429, _("请求太频繁了")), status=429)
    answer["Retry-After"] = "60"
    return answer
