from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PartiesConfig(AppConfig):
    name = "gongshu.parties"
    verbose_name = "机构与人员"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what happens to accounts; make the table of the shared cache with the others."""
        from gongshu.parties import account_events  # noqa: F401

        post_migrate.connect(_make_cache_table, sender=self)


def _make_cache_table(using: str, **_: Any) -> None:
    from django.core.management import call_command

    call_command("createcachetable", database=using, verbosity=0)
