"""The door for vendors' webhooks: verified, stored, and only then answered; many requests in one transaction."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from apps.api.problems import CONTENT_TYPE, UNAVAILABLE, UNEXPECTED, Problem
from apps.connectors.base import Connector, RawEvent, Request
from apps.connectors.models import ConnectedSystem
from apps.connectors.registry import connector_of
from apps.core import clock
from apps.core.context import correlated, correlation_id
from apps.core.errors import BadInput, Misconfigured, Rejected
from apps.events import bell, inbox

LIMIT_BYTES = 10 * 1024 * 1024
LONGEST_ID, LONGEST_STORY = 160, 64
REMEMBER_S = 1.0

WRONG_METHOD = Problem("method_not_allowed", "Events are sent by POST.", 405, headers={"Allow": "POST"})
NO_SUCH_DOOR = Problem("not_found", "No system is connected under this address.", 404)
TOO_LARGE = Problem("too_large", "The body is larger than 10 MB.", 413, "Send fewer events in one request.")
# One answer for missing, wrong and stale: the difference would help only somebody who forges.
NOT_SIGNED = Problem("unauthorized", "The signature is missing, wrong or too old.", 401)
NOT_READY = Problem(
    "not_ready",
    "This system is not fully set up.",
    503,
    "Nothing was stored. Send the event again later.",
    headers={"Retry-After": "60"},
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One request at the door. `target` is path and query as they were asked for; `headers` in lower case."""

    system: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    story: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller is told."""

    status: int
    body: Mapping[str, object]
    headers: Mapping[str, str]


def refusal(problem: Problem, *, target: str, story: str) -> Reply:
    """The problem as a reply."""
    with correlated(story):
        body = problem.body(instance=target.partition("?")[0])
    return Reply(problem.status, body, {"content-type": CONTENT_TYPE, **problem.headers})


def take_in(calls: Sequence[Call]) -> list[Reply]:
    """Take in a set of requests and answer each, in their order.

    202 means: committed. What is verified is never refused for what it says; a body that cannot be read is
    stored whole and becomes a case. Sending again changes nothing and is answered 202 as well.
    Raises nothing; call it from a thread that may wait.
    """
    try:
        found = [_read(call) for call in calls]
        return _stored(calls, found)
    except DatabaseError as error:
        # A connection that died while idle is noticed on first use; storing twice stores once, so try anew.
        log.warning("inbound_tries_again", reason=str(error))
        connection.close()
    try:
        return _stored(calls, [_read(call) for call in calls])
    except DatabaseError:
        log.exception("inbound_not_stored", requests=len(calls))
        connection.close()
        return [refusal(UNAVAILABLE, target=call.target, story=call.story) for call in calls]


@csrf_exempt
def inbound(request: HttpRequest, system: str) -> HttpResponse:
    """The door as a view: one request, one transaction. The web server uses `door.py`, which works in sets."""
    target, story = request.get_full_path(), correlation_id()
    if request.method != "POST":
        return _response(refusal(WRONG_METHOD, target=target, story=story))
    # Read by hand: Django's own limit is smaller, and a chunked request does not say how long it is.
    body = request.read(LIMIT_BYTES + 1)
    if len(body) > LIMIT_BYTES:
        return _response(refusal(TOO_LARGE, target=target, story=story))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return _response(take_in([Call(system, target, headers, bytes(body), story)])[0])


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(json.dumps(reply.body), status=reply.status, headers=dict(reply.headers))


def _read(call: Call) -> Sequence[RawEvent] | Problem:
    with correlated(call.story):
        try:
            return _events_in(call)
        except Misconfigured as error:
            log.error("inbound_not_ready", system=call.system, reason=str(error))
            return NOT_READY
        except DatabaseError:
            raise
        except Exception:
            # A connector's fault must not take the other requests of the set down with it.
            log.exception("inbound_failed", system=call.system)
            return UNEXPECTED


def _events_in(call: Call) -> Sequence[RawEvent] | Problem:
    system = _system(call.system)
    if system is None:
        return NO_SUCH_DOOR
    connector = connector_of(system)
    # The address comes from our settings: a Host header is the caller's word only.
    base = str(system.settings.get("public_url") or settings.PUBLIC_URL).rstrip("/")
    asked = Request(method="POST", url=base + call.target, headers=call.headers, body=call.body)
    try:
        connector.verify(asked)
    except Rejected as error:
        log.warning("inbound_refused", system=call.system, reason=error.code)
        return NOT_SIGNED
    return [_fit(raw) for raw in _split(connector, asked)]


_known: dict[str, tuple[float, ConnectedSystem | None]] = {}


def _system(code: str) -> ConnectedSystem | None:
    """The enabled system of that code, remembered for a second; unknown codes are not, or guessing would fill memory."""
    until, system = _known.get(code, (0.0, None))
    if time.monotonic() < until:
        return system
    system = ConnectedSystem.objects.filter(code=code, enabled=True).first()
    if system is not None:
        _known[code] = (time.monotonic() + REMEMBER_S, system)
    else:
        _known.pop(code, None)
    return system


def _stored(calls: Sequence[Call], found: Sequence[Sequence[RawEvent] | Problem]) -> list[Reply]:
    """Store what was read, in one transaction; when one body breaks it, each alone."""
    pairs = list(zip(calls, found, strict=True))
    try:
        new = iter(
            inbox.accept_all([(call.system, read, call.story) for call, read in pairs if not isinstance(read, Problem)])
        )
    except DataError:
        if len(calls) > 1:
            return [reply for call, read in pairs for reply in _stored([call], [read])]
        log.exception("inbound_stored_whole", system=calls[0].system)
        return _stored(calls, [[_whole(calls[0].body)]])
    replies = [
        refusal(read, target=call.target, story=call.story)
        if isinstance(read, Problem)
        else _accepted(call, len(read), new=next(new))
        for call, read in pairs
    ]
    if any(reply.body.get("accepted") for reply in replies):
        bell.ring_inbox()
    return replies


def _accepted(call: Call, number: int, *, new: int) -> Reply:
    body = {"accepted": new, "duplicates": number - new, "correlation_id": call.story}
    return Reply(202, body, {"content-type": "application/json"})


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
