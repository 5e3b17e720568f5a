from django.apps import AppConfig


class CustodyConfig(AppConfig):
    name = "gongshu.custody"
    verbose_name = "保管"
    default_auto_field = "django.db.models.BigAutoField"
