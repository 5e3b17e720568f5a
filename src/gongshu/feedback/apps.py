from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "gongshu.feedback"
    verbose_name = "问与答"
    default_auto_field = "django.db.models.BigAutoField"
