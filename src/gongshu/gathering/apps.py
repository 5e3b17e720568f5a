from django.apps import AppConfig


class GatheringConfig(AppConfig):
    name = "gongshu.gathering"
    verbose_name = "数据归集"
    default_auto_field = "django.db.models.BigAutoField"
