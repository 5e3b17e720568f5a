"""Addresses of the pages that span several apps."""

from __future__ import annotations

from django.urls import path

from gongshu.surfaces import documentation, pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("healthz", pages.healthz, name="healthz"),
    path("help", pages.help_page, name="help"),
    path("api/", documentation.api_page, name="api_page"),
    path("workbench", pages.workbench, name="workbench"),
    path("jobs/<uuid:job_id>", pages.job_page, name="job"),
    path("jobs/<uuid:job_id>/cancel", pages.cancel_job, name="cancel_job"),
]
