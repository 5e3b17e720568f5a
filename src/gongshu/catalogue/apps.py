from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "gongshu.catalogue"
    verbose_name = "数据目录"
    default_auto_field = "django.db.models.BigAutoField"
