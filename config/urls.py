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
handler400 = "config.error_pages.bad_request"
handler403 = "config.error_pages.forbidden"
handler404 = "config.error_pages.not_found"
handler500 = "config.error_pages.fault"
