from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "gongshu.governance"
    verbose_name = "数据治理"
    default_auto_field = "django.db.models.BigAutoField"
