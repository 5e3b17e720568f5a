from django.apps import AppConfig


class FederationConfig(AppConfig):
    name = "gongshu.federation"
    verbose_name = "联通"
    default_auto_field = "django.db.models.BigAutoField"
