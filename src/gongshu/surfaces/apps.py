from django.apps import AppConfig


class SurfacesConfig(AppConfig):
    name = "gongshu.surfaces"
    verbose_name = "门户"
    default_auto_field = "django.db.models.BigAutoField"
