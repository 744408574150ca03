"""Error pages: what happened, what to do, and the correlation id."""

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from apps.core.context import correlation_id


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _page(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, naming what is missing and who can give it."""
    return _page(request, "errors/403.html", status=403, reason=str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404; the same for what does not exist and what this person may not see."""
    return _page(request, "errors/404.html", status=404)


def fault(request: HttpRequest) -> HttpResponse:
    """500. Reads nothing: what failed may be the database, or the template's own context."""
    return HttpResponse(render_to_string("errors/500.html", {"correlation_id": correlation_id()}), status=500)


def stale_form(request: HttpRequest) -> HttpResponse:
    """403 for a form without a valid CSRF token: most often one that was open while the session ended."""
    return _page(request, "errors/csrf.html", status=403)


def _page(request: HttpRequest, template: str, *, status: int, reason: str = "") -> HttpResponse:
    try:
        return render(request, template, {"reason": reason}, status=status)
    except DatabaseError:
        return fault(request)
