from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "gongshu.parties"
    verbose_name = "机构与人员"
    default_auto_field = "django.db.models.BigAutoField"
