"""The ASGI application, served by granian."""

from __future__ import annotations

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongshu.site.settings")
django = get_asgi_application()

from gongshu.opening.rows.web import Rows  # noqa: E402 - the apps have to be there
from gongshu.surfaces.mcp import Mcp  # noqa: E402

application = Rows(Mcp(django))


def _warm_up() -> None:
    """Import the pages and the engine now, so that the first reader does not wait for it."""
    from django.urls import get_resolver

    from gongshu.lake import serving

    _ = get_resolver().url_patterns
    serving.warm_up()
    gc.collect()
    gc.freeze()  # what was loaded stays: looking through it for garbage again and again takes time from questions


_warm_up()
