"""Addresses of API version 1."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularJSONAPIView

from apps.api.v1.inbound import inbound
from apps.api.v1.opportunities import ConfirmOpportunity

app_name = "api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("inbound/<slug:system>/", inbound, name="inbound"),
    path("opportunities/<str:ref>/confirm", ConfirmOpportunity.as_view(), name="confirm_opportunity"),
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
]
