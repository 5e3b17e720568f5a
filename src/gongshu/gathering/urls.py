"""Addresses of uploads."""

from __future__ import annotations

from django.urls import path

from gongshu.gathering import pages

urlpatterns = [
    path("resources/<int:resource_id>/upload", pages.upload_page, name="upload_new"),
    path("resources/<int:resource_id>/upload/file", pages.upload_file, name="upload_file"),
    path("resources/<int:resource_id>/upload/start", pages.start_upload, name="upload_start"),
    path("uploads/<uuid:upload_id>", pages.upload_detail, name="upload"),
    path("uploads/<uuid:upload_id>/state", pages.upload_state, name="upload_state"),
    path("uploads/<uuid:upload_id>/pieces", pages.put_piece, name="upload_piece"),
    path("uploads/<uuid:upload_id>/inspect", pages.inspect_upload, name="upload_inspect"),
    path("uploads/<uuid:upload_id>/cancel", pages.cancel_inspection, name="upload_cancel"),
    path("uploads/<uuid:upload_id>/discard", pages.discard_upload, name="upload_discard"),
]
