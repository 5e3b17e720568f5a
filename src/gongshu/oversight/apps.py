from django.apps import AppConfig


class OversightConfig(AppConfig):
    name = "gongshu.oversight"
    verbose_name = "审计"
    default_auto_field = "django.db.models.BigAutoField"
