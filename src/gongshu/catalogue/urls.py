"""Addresses of the catalogue."""

from __future__ import annotations

from django.urls import path

from gongshu.catalogue import pages

urlpatterns = [
    path("resources", pages.resource_list, name="resources"),
    path("resources.csv", pages.resource_table, name="resource_table"),
    path("resources/new", pages.resource_new, name="resource_new"),
    path("resources/<int:resource_id>", pages.resource_page, name="resource"),
    path("resources/<int:resource_id>/edit", pages.resource_edit, name="resource_edit"),
    path("systems", pages.system_list, name="systems"),
    path("systems/<int:system_id>/name", pages.system_name, name="system_name"),
]
