"""Addresses of what readers do and what comes after a publication."""

from __future__ import annotations

from django.urls import path

from gongshu.opening import history_pages, offer_pages, problem_pages, reader_pages

urlpatterns = [
    path("datasets/<slug:name>/versions", history_pages.version_list, name="versions"),
    path(
        "datasets/<slug:name>/versions/<int:number>/difference",
        history_pages.difference_page,
        name="version_difference",
    ),
    path("datasets/<slug:name>/feed.atom", history_pages.feed, name="feed"),
    path("datasets/<slug:name>/withdraw", history_pages.withdraw_page, name="withdraw"),
    path("datasets/<slug:name>/subscribe", reader_pages.subscribe, name="subscribe"),
    path("datasets/<slug:name>/rate", reader_pages.rate, name="rate"),
    path("datasets/<slug:name>/problems", reader_pages.problem_reports, name="problem_reports"),
    path("datasets/<slug:name>/problems/new", reader_pages.report_new, name="report_new"),
    path("subscriptions/<str:secret>", reader_pages.subscription, name="subscription"),
    path("reports/<str:key>", reader_pages.report, name="report"),
    path("promises", history_pages.promise_list, name="promises"),
    path("give", offer_pages.give, name="give"),
    path("give/<str:secret>", offer_pages.given_offer, name="given_offer"),
    path("offers", offer_pages.offer_list, name="offers"),
    path("offers/<slug:number>", offer_pages.offer_page, name="offer"),
    path("problems", problem_pages.problem_list, name="problems"),
    path("problems/<slug:number>", problem_pages.problem_page, name="problem"),
]
