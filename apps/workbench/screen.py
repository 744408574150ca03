"""The door of every screen: signed in, allowed, in the reader's time zone, never cached by others."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers

from apps.access.errors import NotAllowed
from apps.access.models import User
from apps.access.policy import require
from apps.workbench.preferences import preferences_of

View = Callable[..., HttpResponse]


def screen(*, needs: str = "") -> Callable[[View], View]:
    """Guard one view. `needs` is a permission, "staff", or nothing for everybody who has signed in.

    A page and its fragments share addresses, so both vary by HX-Request, or Back would show a bare fragment.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            _check(request, needs)
            with timezone.override(preferences_of(request.user).zone):
                response = view(request, *args, **kwargs)
            patch_vary_headers(response, ["HX-Request"])
            patch_cache_control(response, private=True, no_cache=True)
            return response

        return guarded

    return guard


def user_of(request: HttpRequest) -> User:
    """The person behind a request that `screen` has let in."""
    return cast(User, request.user)


def _check(request: HttpRequest, needs: str) -> None:
    """Refuse in words that name what is missing; the 403 page shows them."""
    try:
        if needs == "staff" and not request.user.is_staff:
            raise NotAllowed("This page is for the people who run Tieout (staff).")
        if needs and needs != "staff":
            require(user_of(request), needs)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    answer = redirect_to_login(request.get_full_path())
    if request.headers.get("HX-Request"):
        # A fragment must not be replaced by a sign-in page; the browser goes there as a whole.
        fresh = HttpResponse(status=401)
        fresh["HX-Redirect"] = answer["Location"]
        return fresh
    return answer
