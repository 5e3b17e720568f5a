"""Addresses of drafts."""

from __future__ import annotations

from django.urls import path

from gongshu.governance import downloads, pages

urlpatterns = [
    path("uploads/<uuid:upload_id>/begin", pages.begin_draft, name="begin_draft"),
    path("drafts/<uuid:draft_id>", pages.draft_page, name="draft"),
    path("drafts/<uuid:draft_id>/confirm", pages.confirm_fields, name="confirm_fields"),
    path("drafts/<uuid:draft_id>/answer", pages.answer_field, name="answer_field"),
    path("drafts/<uuid:draft_id>/fields/<int:number>", pages.override_field, name="override_field"),
    path("drafts/<uuid:draft_id>/patch", pages.patch_cell, name="patch_cell"),
    path("drafts/<uuid:draft_id>/repair", pages.apply_repairs, name="apply_repairs"),
    path("drafts/<uuid:draft_id>/undo", pages.undo_patch, name="undo_patch"),
    path("drafts/<uuid:draft_id>/finding", pages.accept_finding, name="accept_finding"),
    path("drafts/<uuid:draft_id>/rows.csv", downloads.finding_csv, name="finding_csv"),
    path("drafts/<uuid:draft_id>/columns.csv", downloads.columns_csv, name="columns_csv"),
    path("drafts/<uuid:draft_id>/contract.yaml", downloads.contract_file, name="draft_contract"),
]
