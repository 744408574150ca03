"""What every page needs besides its own words: preferences, menu and correlation id."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language_bidi

from apps.core.context import correlation_id
from apps.workbench.menu import menu_for
from apps.workbench.preferences import preferences_of


def page(request: HttpRequest) -> dict[str, Any]:
    """Context processor of the whole site."""
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    return {
        "preferences": preferences_of(user),
        "menu": menu_for(request) if signed_in else [],
        "dir": "rtl" if get_language_bidi() else "ltr",
        "correlation_id": correlation_id(),
    }
