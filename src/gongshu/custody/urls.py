from django.urls import path

from gongshu.custody import pages

urlpatterns = [
    path("keys", pages.keys_page, name="keys"),
    path("keys/reverse", pages.reverse_page, name="reverse_tokens"),
    path("figures", pages.figures_list, name="figures_list"),
    path("figures/<slug:name>", pages.figures_page, name="figures"),
]
