from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PartiesConfig(AppConfig):
    name = "gongshu.parties"
    verbose_name = "机构与人员"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Learn from every app what waits for people and what they answer for."""
        autodiscover_modules("inbox", "handover")
