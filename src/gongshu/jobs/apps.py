from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "gongshu.jobs"
    verbose_name = "作业"
    default_auto_field = "django.db.models.BigAutoField"
