"""Addresses of the pages that span several apps."""

from __future__ import annotations

from django.urls import path, re_path

from gongshu.surfaces import documentation, graph_pages, pages
from gongshu.surfaces.ckan import pages as ckan
from gongshu.surfaces.ogc import pages as ogc
from gongshu.surfaces.standards import pages as standards

urlpatterns = [
    path("", pages.home, name="home"),
    path("healthz", pages.healthz, name="healthz"),
    path("help", pages.help_page, name="help"),
    path("graph", graph_pages.graph_page, name="graph"),
    path("datasets/<slug:name>/graph", graph_pages.dataset_graph, name="dataset_graph"),
    path("api/", documentation.api_page, name="api_page"),
    path("catalog", standards.catalogue, name="catalogue"),
    re_path(r"^catalog\.(?P<suffix>ttl|jsonld|rdf)$", standards.catalogue, name="catalogue_as"),
    path("data.json", standards.data_json, name="data_json"),
    re_path(r"^datasets/(?P<name>[-\w]+)\.(?P<suffix>ttl|jsonld|rdf)$", standards.dataset_rdf, name="dataset_rdf"),
    path("datasets/<slug:name>/croissant.json", standards.croissant, name="croissant"),
    path("datasets/<slug:name>/datapackage.json", standards.datapackage, name="datapackage"),
    path("sitemap.xml", standards.sitemap_index, name="sitemap_index"),
    path("sitemap-<int:number>.xml", standards.sitemap, name="sitemap"),
    path("sitemap-external-<int:number>.xml", standards.sitemap_external, name="sitemap_external"),
    path("robots.txt", standards.robots, name="robots"),
    path("feed.atom", standards.feed, name="portal_feed"),
    re_path(r"^api/3/?$", ckan.root, name="ckan_root"),
    path("api/3/action/<slug:name>", ckan.action, name="ckan_action"),
    path("api/action/<slug:name>", ckan.action, name="ckan_action_unversioned"),
    path("datastore/dump/<slug:resource>", ckan.dump, name="ckan_dump"),
    path("ogc/", ogc.landing, name="ogc"),
    path("ogc/api", ogc.openapi, name="ogc_openapi"),
    path("ogc/conformance", ogc.conformance, name="ogc_conformance"),
    path("ogc/collections", ogc.collections, name="ogc_collections"),
    path("ogc/collections/<slug:name>", ogc.collection, name="ogc_collection"),
    path("ogc/collections/<slug:name>/items", ogc.feature_page, name="ogc_items"),
    path("ogc/collections/<slug:name>/items/<path:key>", ogc.feature, name="ogc_item"),
    path("workbench", pages.workbench, name="workbench"),
    path("jobs/<uuid:job_id>", pages.job_page, name="job"),
    path("jobs/<uuid:job_id>/cancel", pages.cancel_job, name="cancel_job"),
]
