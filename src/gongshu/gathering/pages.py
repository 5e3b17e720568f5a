"""Uploading in the browser: choosing a file, sending it in pieces, watching its inspection, saying how it is to be read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gongshu.catalogue.models import Resource
from gongshu.gathering import actions, reading, receiving, store
from gongshu.gathering.models import Upload
from gongshu.jobs.models import Job
from gongshu.parties.actions import cancel_job
from gongshu.parties.permissions import check_may, may, person_of
from gongshu.tables.errors import TableError, storage_error
from gongshu.tables.reading.sniff import SUPPORTED
from gongshu.web import words
from gongshu.web.access import needs

State = Upload.State
HEAD_BYTES = 256 * 1024  # of a file's beginning, by which a browser's file is known again
STATUS = {"disk_full": 507, "disk_limit": 507, "disk_short": 507, "file_too_large": 413, "quota_exceeded": 413, "piece_too_long": 413}  # fmt: skip
STEPS = {
    "read": gettext_lazy("读取文件"),
    "type": gettext_lazy("认列的类型"),
    "recognise": gettext_lazy("认列的含义"),
    "count": gettext_lazy("逐列统计"),
    "check": gettext_lazy("质量检核"),
}
OPEN_JOBS = (Job.State.QUEUED, Job.State.RUNNING)


@require_safe
@needs("upload.make")
def upload_page(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Choose or drop a file for a resource; what was begun and not finished."""
    return _form(request, _resource(request, resource_id))


@csrf_exempt  # the handler of the file must be set before the form is read: the token is checked below
@require_POST
@needs("upload.make")
def upload_file(request: HttpRequest, resource_id: int) -> HttpResponse:
    """The whole file in one form, for browsers without script; it goes to the data folder's disk as it comes."""
    resource = _resource(request, resource_id)
    handler = _Handler(request)
    request.upload_handlers = [handler]  # type: ignore[list-item]
    try:
        return _take_form(request, resource)
    except OSError as error:
        told = storage_error(error, settings.DATA)
        if told is None:
            raise
        with suppress(OSError):  # the spool has gone with its room
            handler.file.close()
        return _form(request, resource, words.message_of(told), 507)


class _Handler(TemporaryFileUploadHandler):
    """Files of a form go to the file system of the data folder, not to the system's small temporary one."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open the file that the form's is spooled to; it goes with the request."""
        FileUploadHandler.new_file(self, *args, **kwargs)
        store.arriving().mkdir(parents=True, exist_ok=True)
        self.file = _Spooled(self.file_name, self.content_type, self.charset)


class _Spooled(TemporaryUploadedFile):
    def __init__(self, name: str | None, content_type: str | None, charset: str | None) -> None:
        spool = tempfile.NamedTemporaryFile(dir=store.arriving())  # noqa: SIM115 - closed with the request
        UploadedFile.__init__(self, spool, name, content_type, 0, charset)  # type: ignore[arg-type]


@csrf_protect
def _take_form(request: HttpRequest, resource: Resource) -> HttpResponse:
    given = request.FILES.get("file")
    if given is None:
        return _form(request, resource, _("请先选择文件"), 400)
    try:
        upload = receiving.start(person_of(request), resource, given.name or "", given.size or 0)
        receiving.receive(person_of(request), upload, 0, given.chunks(receiving.BLOCK))
    except TableError as error:
        return _form(request, resource, words.message_of(error), STATUS.get(error.code, 400))
    return redirect("upload", upload.pk)


@require_POST
@needs("upload.make")
def start_upload(request: HttpRequest, resource_id: int) -> JsonResponse:
    """Begin, or go on with, an upload: ``name`` and ``size`` in the query, the first bytes of the file as the raw body."""
    resource = _resource(request, resource_id)
    size = request.GET.get("size", "")
    try:
        if not size.isascii() or not size.isdigit() or len(size) > 15:
            raise TableError("size_wrong", "文件大小应是字节数")
        head = request.read(HEAD_BYTES)
        name, person = request.GET.get("name", ""), person_of(request)
        upload = receiving.find_unfinished(person, resource, name, int(size), head)
        upload = upload or receiving.start(person, resource, name, int(size))
    except TableError as error:
        return refused(error)
    return JsonResponse(state_of(upload))


@require_http_methods(["PUT", "POST"])
@needs("upload.make")
def put_piece(request: HttpRequest, upload_id: str) -> JsonResponse:
    """A piece at ``offset``, as the raw body."""
    return take_piece(request, _upload(request, upload_id, "upload.make"), person_of(request))


def take_piece(request: HttpRequest, upload: Upload, person: Any) -> JsonResponse:
    """Receive the request's body as a piece of ``upload``; 409 tells the right offset, 507 that the disk is full."""
    offset = request.GET.get("offset", "")
    if not offset.isascii() or not offset.isdigit() or len(offset) > 15:
        return _answer(400, "offset_wrong", _("offset 应是已收到的字节数"), upload)
    try:
        row = receiving.receive(person, upload, int(offset), _blocks(request))
    except receiving.OffsetError as error:
        return _answer(409, "offset_mismatch", _("请从第 %(n)s 字节接着传") % {"n": error.expected}, upload)
    except receiving.BusyError:
        return _answer(423, "upload_busy", _("另一个窗口正在传这个文件：请等它传完，或关掉它"), upload)
    except TableError as error:
        return refused(error, upload)
    return JsonResponse(state_of(row))


@require_safe
@needs("upload.make")
def upload_state(request: HttpRequest, upload_id: str) -> JsonResponse:
    """How much has come, for the script that sends it."""
    return JsonResponse(state_of(_upload(request, upload_id, "upload.make")))


def state_of(upload: Upload) -> dict[str, Any]:
    """Where an upload stands, for programs."""
    return {
        "id": str(upload.id),
        "filename": upload.filename,
        "size": upload.size,
        "received": upload.received,
        "state": upload.state,
        "sha256": upload.sha256,
        "page": reverse("upload", args=[upload.id]),
    }


def refused(error: TableError, upload: Upload | None = None) -> JsonResponse:
    """A TableError as the JSON envelope with the status that fits."""
    return _answer(STATUS.get(error.code, 400), error.code, words.message_of(error), upload)


def _answer(status: int, code: str, message: str, upload: Upload | None = None) -> JsonResponse:
    where = {}
    if upload is not None:
        upload.refresh_from_db(fields=["received", "state"])
        where = {"received": upload.received}
    return JsonResponse({"error": {"code": code, "message": message, "where": where}}, status=status)


@require_safe
@needs("upload.see")
def upload_detail(request: HttpRequest, upload_id: str) -> HttpResponse:
    """One upload: its inspection as it goes, then what to do with it."""
    return _detail(request, _upload(request, upload_id, "upload.see"))


@require_POST
@needs("upload.make")
def inspect_upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Have it inspected again, read as the form says."""
    upload, person = _upload(request, upload_id, "upload.make"), person_of(request)
    try:
        actions.inspect(person, upload, reading.options_of(request.POST))
    except TableError as error:
        return _detail(request, upload, words.message_of(error))
    return redirect("upload", upload.pk)


@require_POST
@needs("upload.make")
def cancel_inspection(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Stop the inspection; the file stays as it is."""
    upload = _upload(request, upload_id, "upload.make")
    if job := _job(upload):
        cancel_job(person_of(request), job)
        actions.settle()
    return redirect("upload", upload.pk)


@require_POST
@needs("upload.make")
def discard_upload(request: HttpRequest, upload_id: str) -> HttpResponse:
    """Throw the file away; one that a draft uses stays."""
    upload = _upload(request, upload_id, "upload.make")
    try:
        actions.discard(person_of(request), upload)
    except TableError as error:
        messages.error(request, words.message_of(error))
        return redirect("upload", upload.pk)
    messages.success(request, _("文件已丢弃"))
    return redirect("upload_new", upload.resource_id)


def _resource(request: HttpRequest, resource_id: int) -> Resource:
    row = get_object_or_404(Resource.objects.select_related("organisation", "system"), pk=resource_id)
    check_may(person_of(request), "upload.make", row.organisation)
    return row


def _upload(request: HttpRequest, upload_id: str, permission: str) -> Upload:
    found = Upload.objects.select_related("resource__organisation", "resource__system", "person")
    row = get_object_or_404(found, pk=upload_id)
    check_may(person_of(request), permission, row.resource.organisation)
    return row


def _blocks(request: HttpRequest) -> Iterator[bytes]:
    while block := request.read(receiving.BLOCK):
        yield block


def _form(request: HttpRequest, resource: Resource, error: str = "", status: int = 200) -> HttpResponse:
    person = person_of(request)
    context = {
        "resource": resource,
        "error": error,
        "unfinished": [
            {"upload": one, "percent": 100 * one.received // one.size} for one in receiving.unfinished(person, resource)
        ],
        "formats": SUPPORTED,
        "limit": settings.UPLOAD_LIMIT,
        "used": receiving.used_by(resource.organisation),
        "quota": settings.UPLOAD_QUOTA,
    }
    return render(request, "gathering/upload_form.html", context, status=400 if error and status == 200 else status)


def _detail(request: HttpRequest, upload: Upload, error: str = "") -> HttpResponse:
    if upload.state == State.DISCARDED:
        raise Http404
    person, job = person_of(request), _job(upload)
    inspecting = upload.state == State.INSPECTING
    mine = may(person, "upload.make", upload.resource.organisation)
    tables = _tables(upload) if upload.state == State.INSPECTED else []
    chosen = tables[0]["options"] if len(tables) == 1 else {}
    context = {
        "upload": upload,
        "resource": upload.resource,
        "inspecting": inspecting,
        "job": job,
        "percent": round(job.progress * 100) if job else 0,
        "step": STEPS.get(job.step, "") if job else "",
        "stopping": bool(job and job.cancel_requested and job.state in OPEN_JOBS),
        "error": error,
        "problem": _problem(upload.error),
        "tables": tables,
        "one": tables[0] if len(tables) == 1 else None,
        "mine": mine,
        "received_percent": 100 * upload.received // max(upload.size, 1),
        "reading": reading.typed(request.POST if error else None, upload.reading or chosen),
        "encodings": reading.ENCODINGS.items(),
        "delimiters": reading.delimiters().items(),
        "in_use": upload.drafts.exists(),
    }
    response = render(request, "gathering/upload.html", context, status=400 if error else 200)
    if inspecting and "HX-Request" not in request.headers:
        response["Refresh"] = "5"  # without script the page asks again by itself
    return response


def _job(upload: Upload) -> Job | None:
    return Job.objects.filter(pk=upload.job).first() if upload.job else None


def _problem(error: dict[str, Any]) -> dict[str, Any]:
    if not error:
        return {}
    said = error.get("message_en") if words.english() else ""
    return {"message": said or error.get("message", ""), "where": error.get("where", {})}


def _tables(upload: Upload) -> list[dict[str, Any]]:
    """The tables of an inspected file: name, how they were read, how many columns need a person."""
    try:
        file = json.loads(store.report_of(upload).read_text(encoding="utf-8"))["files"][0]
    except (OSError, ValueError):
        return []
    return [reading.facts(upload, file, table, number) for number, table in enumerate(file["tables"])]
