from django.apps import AppConfig


class OpeningConfig(AppConfig):
    name = "gongshu.opening"
    verbose_name = "开放"
    default_auto_field = "django.db.models.BigAutoField"
