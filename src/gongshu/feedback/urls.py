"""Addresses of questions and answers, of what was made with the data, and of news; they stay as they are."""

from __future__ import annotations

from django.urls import path

from gongshu.feedback import ask_pages, demand_pages, desk_pages, news_pages, reuse_pages

urlpatterns = [
    path("ask", ask_pages.ask, name="ask"),
    path("ask/demand", ask_pages.demand_new, name="demand_new"),
    path("ask/demand/matches", ask_pages.demand_matches, name="demand_matches"),
    path("ask/consultation", ask_pages.consultation_new, name="consultation_new"),
    path("ask/complaint", ask_pages.complaint_new, name="complaint_new"),
    path("ask/suggestion", ask_pages.suggestion_new, name="suggestion_new"),
    path("asked/<str:key>", ask_pages.asked, name="asked"),
    path("demands", demand_pages.demand_list, name="demands"),
    path("demands/feed.atom", demand_pages.demand_feed, name="demand_feed"),
    path("demands/<slug:number>", demand_pages.demand_page, name="demand"),
    path("demands/<slug:number>/support", demand_pages.demand_support, name="demand_support"),
    path("datasets/<slug:name>/questions", demand_pages.questions, name="questions"),
    path("datasets/<slug:name>/questions/new", ask_pages.question_new, name="question_new"),
    path("answering", demand_pages.answering, name="answering"),
    path("cases", desk_pages.case_list, name="cases"),
    path("cases/<slug:number>", desk_pages.case_page, name="case"),
    path("complaints", desk_pages.complaint_list, name="complaints"),
    path("complaints/<slug:number>", desk_pages.complaint_page, name="complaint"),
    path("reuses", reuse_pages.reuse_list, name="reuses"),
    path("reuses/new", reuse_pages.reuse_new, name="reuse_new"),
    path("reuses/checks", reuse_pages.reuse_checks, name="reuse_checks"),
    path("news", news_pages.news_list, name="news"),
    path("news/feed.atom", news_pages.news_feed, name="news_feed"),
    path("news/new", news_pages.news_new, name="news_new"),
    path("news/<int:number>", news_pages.news_page, name="news_page"),
    path("news/<int:number>/edit", news_pages.news_edit, name="news_edit"),
]
