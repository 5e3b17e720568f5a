from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class PartiesConfig(AppConfig):
    name = "gongshu.parties"
    verbose_name = "机构与人员"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Learn from every app what waits for people and what they answer for; listen to what happens to accounts."""
        from gongshu.parties import account_events  # noqa: F401

        autodiscover_modules("inbox", "handover")
        post_migrate.connect(_make_cache_table, sender=self)  # the shared cache has its table with the others


def _make_cache_table(using: str, **_: Any) -> None:
    from django.core.management import call_command

    call_command("createcachetable", database=using, verbosity=0)
