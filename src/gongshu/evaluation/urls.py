"""Addresses of statistics and scores; they stay as they are."""

from __future__ import annotations

from django.urls import path

from gongshu.evaluation import pages

urlpatterns = [
    path("statistics", pages.statistics_page, name="statistics"),
    path("statistics.json", pages.statistics_json, name="statistics_json"),
    path("statistics/self-assessment", pages.assessment_page, name="self_assessment"),
    path("statistics/self-assessment/<slug:key>", pages.evidence_page, name="self_assessment_evidence"),
    path("rules", pages.rules_page, name="rules"),
]
