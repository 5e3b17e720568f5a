"""Addresses of datasets; they stay as they are."""

from __future__ import annotations

from django.urls import include, path, re_path

from gongshu.opening import (
    analysis_pages,
    console_pages,
    downloads,
    external_pages,
    list_pages,
    pages,
    review_pages,
    submit_pages,
    synonym_pages,
    version_pages,
)

urlpatterns = [
    path("", include("gongshu.opening.reader_urls")),
    path("submissions", review_pages.submission_list, name="submissions"),
    path("submissions/<uuid:submission_id>", review_pages.submission_page, name="submission"),
    path("submissions/<uuid:submission_id>/decide", review_pages.decide, name="decide"),
    path("submissions/<uuid:submission_id>/take-back", review_pages.take_back, name="take_back"),
    path("drafts/<uuid:draft_id>/submit", submit_pages.submit_page, name="submit"),
    path("stops", review_pages.stop_page, name="stops"),
    path("datasets", list_pages.dataset_list, name="datasets"),
    path("suggest", list_pages.suggest, name="suggest"),
    path("datasets/<slug:name>", pages.dataset_page, name="dataset"),
    path("datasets/<slug:name>/analysis", analysis_pages.analysis_page, name="analysis"),
    path("datasets/<slug:name>/analysis/embed", analysis_pages.embed_page, name="analysis_embed"),
    path("datasets/<slug:name>/api", console_pages.console_page, name="console"),
    path("api/v1/datasets/<slug:name>/openapi.json", console_pages.openapi_document, name="dataset_openapi"),
    path("datasets/<slug:name>/download.<slug:format_key>", downloads.download_current, name="download"),
    path("datasets/<slug:name>/versions/<int:number>", pages.dataset_page, name="dataset_version"),
    path("datasets/<slug:name>/columns", version_pages.columns_page, name="columns"),
    path("datasets/<slug:name>/versions/<int:number>/columns", version_pages.columns_page, name="columns_version"),
    re_path(
        r"^datasets/(?P<name>[-\w]+)/versions/(?P<number>[0-9]{1,9})/citation\.(?P<form>bib|ris)$",
        version_pages.citation_file,
        name="citation",
    ),
    path("datasets/<slug:name>/versions/<int:number>/selection", downloads.selection, name="selection"),
    path(
        "datasets/<slug:name>/versions/<int:number>/<slug:again>.<slug:format_key>",
        downloads.download_version,
        name="download_version",
    ),
    path("external/<slug:name>", external_pages.external_page, name="external"),
    path("synonyms", synonym_pages.synonym_page, name="synonyms"),
    path("topics", list_pages.topic_list, name="topics"),
    path("topics/<str:key>", list_pages.topic_page, name="topic"),
    path("districts", list_pages.district_list, name="districts"),
    path("districts/<slug:code>", list_pages.district_page, name="district"),
    path("organisations", list_pages.organisation_list, name="organisations"),
    path("organisations/<slug:code>", list_pages.organisation_page, name="organisation"),
]
