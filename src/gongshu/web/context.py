"""What every page knows of the installation it belongs to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from gongshu import __version__

# url name of the entry -> url names of the pages under it
SECTIONS = {
    "datasets": {"datasets", "dataset", "dataset_version", "graph", "dataset_graph"},
    "topics": {"topics", "topic"},
    "organisations": {"organisations", "organisation", "districts", "district"},
    "ask": {
        "ask",
        "demand_new",
        "consultation_new",
        "complaint_new",
        "suggestion_new",
        "demands",
        "demand",
        "asked",
        "answering",
    },
    "api_page": {"api_page"},
    "help": {"help"},
}


def installation(request: HttpRequest) -> dict[str, Any]:
    """City, demo flag, version, navigation and the other language, for the base template."""
    language = get_language() or settings.LANGUAGE_CODE
    match = request.resolver_match
    here = match.url_name if match else None
    words = {
        "datasets": _("数据"),
        "topics": _("专题"),
        "organisations": _("机构"),
        "ask": _("问与答"),
        "api_page": _("接口"),
        "help": _("帮助"),
    }
    return {
        "city": settings.CITY.get(language, settings.CITY["zh-hans"]),
        "demo": settings.DEMO,
        "release": __version__,
        "language": language,
        "other_language": "zh-hans" if language == "en" else "en",
        "navigation": [
            {"url": reverse(name), "label": words[name], "current": here in names} for name, names in SECTIONS.items()
        ],
    }
