"""All addresses of an installation."""

from __future__ import annotations

from django.urls import include, path

from gongshu.surfaces.rest import api

urlpatterns = [
    path("", include("gongshu.surfaces.urls")),
    path("", include("gongshu.catalogue.urls")),
    path("", include("gongshu.gathering.urls")),
    path("", include("gongshu.governance.protection_urls")),
    path("", include("gongshu.opening.urls")),
    path("", include("gongshu.feedback.urls")),
    path("", include("gongshu.evaluation.urls")),
    path("", include("gongshu.federation.urls")),
    path("custody/", include("gongshu.custody.urls")),
    path("", include("gongshu.governance.urls")),
    path("account/", include("gongshu.parties.urls")),
    path("api/v1/", api.urls),
]
handler400 = "gongshu.web.errors.bad_request"
handler403 = "gongshu.web.errors.forbidden"
handler404 = "gongshu.web.errors.not_found"
handler429 = "gongshu.web.errors.too_many_requests"
handler500 = "gongshu.web.errors.server_error"
