"""Problem details (RFC 9457): every error of the API says what, where and how to mend it, and never shows a trace."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import DatabaseError
from django.http import Http404, JsonResponse
from django_fsm import TransitionNotAllowed
from rest_framework import exceptions as drf
from rest_framework.response import Response

from apps.core.context import correlation_id
from apps.core.errors import BadInput, Conflict, Rejected, TieoutError, TransientFailure

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:tieout:problem:{}"
RETRY_AFTER_S = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as the caller sees it. `errors` holds path, message and mend of each fault in the input."""

    code: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[Mapping[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, *, instance: str) -> dict[str, Any]:
        """The document. `instance` is the address that was called."""
        found: dict[str, Any] = {
            "type": TYPE.format(self.code),
            "title": self.title,
            "status": self.status,
            "detail": self.detail or self.title,
            "instance": instance,
            "correlation_id": correlation_id(),
        }
        if self.errors:
            found["errors"] = [dict(error) for error in self.errors]
        return found


NOT_FOUND = Problem("not_found", "There is no such object, or you may not see it.", 404)
UNREADABLE = Problem(
    "bad_request", "The request cannot be read.", 400, "Check the method, the headers and the address."
)
NO_CSRF_TOKEN = Problem(
    "forbidden",
    "The CSRF token is missing.",
    403,
    "With a session, send the token of the csrftoken cookie as X-CSRFToken.",
)
UNAVAILABLE = Problem(
    "unavailable",
    "The database does not answer.",
    503,
    "Nothing was stored. Send the same request again in a few seconds.",
    headers={"Retry-After": str(RETRY_AFTER_S)},
)
UNEXPECTED = Problem(
    "unexpected", "Something went wrong on our side.", 500, "Tell support the correlation id; the log has the details."
)


def problem_response(problem: Problem, *, instance: str) -> JsonResponse:
    """The problem as an HTTP answer, for views outside of the REST framework."""
    return JsonResponse(
        problem.body(instance=instance), status=problem.status, content_type=CONTENT_TYPE, headers=dict(problem.headers)
    )


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response:
    """The REST framework's exception handler: any error at all becomes a problem document."""
    problem = problem_of(error)
    if problem.status >= 500:
        log.error("api_call_failed", problem=problem.code, exc_info=error)
    request = context.get("request")
    return Response(
        problem.body(instance=request.path if request is not None else ""),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=dict(problem.headers),
    )


def problem_of(error: Exception) -> Problem:
    """Which problem an error is for the caller."""
    for kinds, build in _PROBLEMS:
        if isinstance(error, kinds):
            return build(error)
    return UNEXPECTED


def _bad_input(error: BadInput) -> Problem:
    fault = {"path": error.path, "message": str(error), "mend": error.mend}
    return Problem("bad_input", "The input cannot be used.", 422, str(error), (fault,))


def _conflict(error: Exception) -> Problem:
    detail = str(error) or "The object has moved on since you read it. Read it again and decide anew."
    return Problem("conflict", "Somebody else was faster.", 409, detail)


def _forbidden(error: Exception) -> Problem:
    return Problem("forbidden", "You may not do this.", 403, str(error))


def _invalid(error: drf.ValidationError) -> Problem:
    faults = tuple(_faults(error.detail))
    return Problem("bad_input", "The input cannot be used.", 422, faults[0]["message"] if faults else "", faults)


def _transient(error: TransientFailure) -> Problem:
    wait_s = max(1, round(error.retry_after_s or RETRY_AFTER_S))
    return Problem("not_now", "Not now.", 503, str(error), headers={"Retry-After": str(wait_s)})


def _throttled(error: drf.Throttled) -> Problem:
    wait_s = str(max(1, round(getattr(error, "wait", None) or 1)))
    return Problem("throttled", "Too many requests.", 429, f"Try again in {wait_s} s.", headers={"Retry-After": wait_s})


def _rejected(error: Rejected) -> Problem:
    fault = {"path": error.field, "message": str(error), "mend": ""}
    return Problem(error.code or "rejected", "The request was refused.", 422, str(error), (fault,))


def _framework(error: drf.APIException) -> Problem:
    headers = {"WWW-Authenticate": header} if (header := getattr(error, "auth_header", "")) else {}
    code = str(error.default_code)
    title = str(error.default_detail) if error.status_code < 500 else UNEXPECTED.title
    return Problem(code, title, error.status_code, str(error.detail), headers=headers)


_PROBLEMS: tuple[tuple[Any, Any], ...] = (
    (BadInput, _bad_input),
    ((Conflict, TransitionNotAllowed), _conflict),
    (TransientFailure, _transient),
    (Rejected, _rejected),
    ((DjangoPermissionDenied, drf.PermissionDenied), _forbidden),
    ((Http404, ObjectDoesNotExist, drf.NotFound), lambda error: NOT_FOUND),
    (drf.ValidationError, _invalid),
    (drf.Throttled, _throttled),
    (drf.APIException, _framework),
    (DatabaseError, lambda error: UNAVAILABLE),
    (TieoutError, lambda error: Problem("refused", "The request was refused.", 422, str(error))),
)


def _faults(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """The framework's nested errors, flattened to one line each with a path like ``lines[2].amount``."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            key = "" if name == "non_field_errors" else str(name)
            yield from _faults(inner, ".".join(part for part in (path, key) if part))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _faults(inner, f"{path}[{number}]" if nested else path)
    else:
        yield {"path": path, "message": str(detail), "mend": ""}
