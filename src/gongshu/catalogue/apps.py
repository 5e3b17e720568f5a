from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CatalogueConfig(AppConfig):
    name = "gongshu.catalogue"
    verbose_name = "数据目录"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Learn from the apps above what they know of resources."""
        autodiscover_modules("standing")
