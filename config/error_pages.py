"""What a failed request is answered with: a problem document below /api/, a page elsewhere."""

from django.http import HttpRequest, HttpResponse

from apps.api import problems
from apps.workbench.views import errors as pages


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    if _is_api(request):
        return problems.problem_response(problems.UNREADABLE, instance=request.path)
    return pages.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    if _is_api(request):
        return problems.problem_response(problems.problem_of(exception), instance=request.path)
    return pages.forbidden(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    if _is_api(request):
        return problems.problem_response(problems.NOT_FOUND, instance=request.path)
    return pages.not_found(request, exception)


def fault(request: HttpRequest) -> HttpResponse:
    """500."""
    if _is_api(request):
        return problems.problem_response(problems.UNEXPECTED, instance=request.path)
    return pages.fault(request)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 because the CSRF token is missing or old."""
    if _is_api(request):
        return problems.problem_response(problems.NO_CSRF_TOKEN, instance=request.path)
    return pages.stale_form(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")
