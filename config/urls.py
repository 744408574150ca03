"""The mounts: workbench, API, admin, and the answer to "are you ready?"."""

from django.contrib import admin
from django.urls import include, path

from config.health import health

urlpatterns = [
    path("", include("apps.workbench.urls")),
    path("api/v1/", include("apps.api.v1.urls")),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
]
