"""Addresses of what follows the inspection of a draft."""

from __future__ import annotations

from django.urls import path

from gongshu.governance import protection_pages

urlpatterns = [
    path("drafts/<uuid:draft_id>/protect", protection_pages.protect_page, name="protect"),
    path("drafts/<uuid:draft_id>/protect/again", protection_pages.preview_again, name="preview_again"),
    path("drafts/<uuid:draft_id>/describe", protection_pages.describe_page, name="describe"),
]
