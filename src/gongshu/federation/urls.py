from django.urls import path

from gongshu.federation import pages

urlpatterns = [
    path("portals", pages.portals, name="portals"),
    path("portals/<slug:key>", pages.portal, name="portal"),
    path("federation/sources", pages.source_list, name="sources"),
    path("federation/sources/new", pages.source_new, name="source_new"),
    path("federation/sources/<slug:key>", pages.source_page, name="source"),
    path("federation/sources/<slug:key>/edit", pages.source_edit, name="source_edit"),
    path("federation/runs/<uuid:run_id>", pages.run_page, name="harvest_run"),
    path("federation/runs/<uuid:run_id>/records.csv", pages.run_csv, name="harvest_run_csv"),
]
