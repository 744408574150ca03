"""The door for vendors' webhooks: verified, stored, and only then answered."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from apps.api.problems import UNAVAILABLE, Problem, problem_response
from apps.connectors.base import Connector, RawEvent, Request
from apps.connectors.models import ConnectedSystem
from apps.connectors.registry import connector_of
from apps.core import clock
from apps.core.context import correlation_id
from apps.core.errors import BadInput, Misconfigured, Rejected
from apps.events import bell, inbox

LIMIT_BYTES = 10 * 1024 * 1024
LONGEST_ID, LONGEST_STORY = 160, 64

WRONG_METHOD = Problem("method_not_allowed", "Events are sent by POST.", 405, headers={"Allow": "POST"})
NO_SUCH_DOOR = Problem("not_found", "No system is connected under this address.", 404)
TOO_LARGE = Problem("too_large", "The body is larger than 10 MB.", 413, "Send fewer events in one request.")
# One answer for missing, wrong and stale: the difference would help only somebody who forges.
NOT_SIGNED = Problem("unauthorized", "The signature is missing, wrong or too old.", 401)
NOT_READY = Problem(
    "not_ready",
    "This system is not fully set up.",
    503,
    "Nothing was stored. The operator of Tieout has been told; send the event again later.",
    headers={"Retry-After": "60"},
)

log = structlog.get_logger(__name__)


class _Refused(Exception):
    """The request is not taken in; `problem` is the answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


@csrf_exempt
def inbound(request: HttpRequest, system: str) -> HttpResponse:
    """Take in one request of a connected system.

    202 means: committed. What is verified is never refused for what it says; a body that cannot be read is
    stored whole and becomes a case. Sending again changes nothing and is answered 202 as well.
    """
    try:
        raws = _events_in(request, system)
        new = inbox.accept(raws, system=system, correlation_id=correlation_id())
    except _Refused as refused:
        return problem_response(refused.problem, instance=request.path)
    except Misconfigured as error:
        log.error("inbound_not_ready", system=system, reason=str(error))
        return problem_response(NOT_READY, instance=request.path)
    except DatabaseError:
        log.exception("inbound_not_stored", system=system)
        return problem_response(UNAVAILABLE, instance=request.path)
    if new:
        bell.ring_inbox()
    body = {"accepted": new, "duplicates": len(raws) - new, "correlation_id": correlation_id()}
    return JsonResponse(body, status=202)


def _events_in(request: HttpRequest, code: str) -> Sequence[RawEvent]:
    if request.method != "POST":
        raise _Refused(WRONG_METHOD)
    system = ConnectedSystem.objects.filter(code=code, enabled=True).first()
    if system is None:
        raise _Refused(NO_SUCH_DOOR)
    asked = _as_asked(request, system)
    connector = connector_of(system)
    try:
        connector.verify(asked)
    except Rejected as error:
        log.warning("inbound_refused", system=code, reason=error.code)
        raise _Refused(NOT_SIGNED) from error
    return [_fit(raw) for raw in _split(connector, asked)]


def _as_asked(request: HttpRequest, system: ConnectedSystem) -> Request:
    """What the vendor signed. The address comes from our settings: a Host header is the caller's word only."""
    base = str(system.settings.get("public_url") or settings.PUBLIC_URL).rstrip("/")
    return Request(
        method="POST",
        url=base + request.get_full_path(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=_body(request),
    )


def _body(request: HttpRequest) -> bytes:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LIMIT_BYTES:
        raise _Refused(TOO_LARGE)
    # Read by hand: Django's own limit is smaller, and a chunked request does not say how long it is.
    body = request.read(LIMIT_BYTES + 1)
    if len(body) > LIMIT_BYTES:
        raise _Refused(TOO_LARGE)
    return bytes(body)


def _split(connector: Connector, asked: Request) -> Sequence[RawEvent]:
    try:
        return connector.split(asked)
    except BadInput as error:
        log.warning("inbound_not_split", reason=str(error), path=error.path)
        return [_whole(asked.body)]


def _whole(body: bytes) -> RawEvent:
    """A body nobody can split, as one event: reading it fails later, where a case can be opened for it."""
    digest = hashlib.sha256(body).hexdigest()
    return RawEvent(external_id=f"unread:{digest}", subject=f"unread:{digest[:16]}", occurred_at=clock.now(), body=body)


def _fit(raw: RawEvent) -> RawEvent:
    """The event with ids the database can hold; one that is not fit is replaced by a digest that repeats with it."""
    at = raw.occurred_at if raw.occurred_at.tzinfo else raw.occurred_at.replace(tzinfo=UTC)
    return replace(
        raw,
        external_id=raw.external_id if _is_fit(raw.external_id, LONGEST_ID) else _digest_of(raw.external_id),
        subject=raw.subject if _is_fit(raw.subject, LONGEST_ID) else _digest_of(raw.subject),
        correlation_id=raw.correlation_id if _is_fit(raw.correlation_id, LONGEST_STORY) else "",
        occurred_at=at,
    )


def _is_fit(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()


def _digest_of(text: str) -> str:
    return "digest:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
