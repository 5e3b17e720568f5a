from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.module_loading import autodiscover_modules


class OpeningConfig(AppConfig):
    name = "gongshu.opening"
    verbose_name = "开放"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Learn from the apps above what they add to the pages of datasets and organisations; follow changed organisations."""
        from gongshu.opening.search.index import note_organisation

        post_save.connect(note_organisation, sender="parties.Organisation")
        autodiscover_modules("sections")
