"""The connector interface: what every vendor folder offers, and what its capabilities are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from apps.canonical.commands import Command
from apps.canonical.events import Envelope

C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True)
class Request:
    """An inbound HTTP request as a webhook check needs it: raw bytes, headers in lower case, our public URL."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One outside event, unread.

    external_id: the vendor's own id of the event, or a digest that repeats when the event does.
    subject:     "<object type>:<vendor id>"; events of one subject are kept in order.
    occurred_at: the vendor's time, UTC.
    body:        the vendor's bytes for this one event.
    correlation_id: the story it belongs to where the vendor carries it, else empty.
    """

    external_id: str
    subject: str
    occurred_at: datetime
    body: bytes
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The system did it. `ref` is its own id of the object, `version` its version, `payload` canonical JSON."""

    ref: str = ""
    version: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The system took it on and finishes later; ask `poll(handle)`."""

    handle: str
    poll_after_s: float = 2.0


Answer = Done | Accepted


@dataclass(frozen=True, slots=True)
class Call:
    """One command on its way: what, under which key, for whom.

    deadline_s: seconds left of the lease; a connector never starts a call it cannot finish by then.
    settings:   the system's own settings (property names, API version, script ids …).
    """

    command: Command
    idempotency_key: str
    legal_entity: str = ""
    correlation_id: str = ""
    deadline_s: float = 30.0
    expected_version: str = ""
    attempt: int = 1

    def of(self, kind: type[C]) -> C:
        """The command, whose kind is certain: the connector's table gives each kind to a verb of its own."""
        assert isinstance(self.command, kind), f"a verb for {kind.__name__} was given a {type(self.command).__name__}"
        return self.command


@dataclass(frozen=True, slots=True)
class Changes:
    """What a poll found: events for the inbox, the cursor to go on from, and whether some may have been missed."""

    events: Sequence[RawEvent]
    cursor: str
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this system can do; sagas and the outbox ask here instead of asking which vendor it is."""

    idempotency: Literal["external_id_upsert", "natural_key", "async_key", "search_first", "event_id"]
    concurrency: Literal["etag", "star_only", "modified_timestamp", "none"]
    invoice_create: Literal["sync", "action_poll", "batch_job", "unsupported"] = "unsupported"
    post_separate: bool = False
    budget: bool = False
    revenue: Literal["read", "write", "none"] = "none"
    billing_event_model: Literal[
        "charge", "event", "budget_progress", "billing_request", "proposal", "task_progress", "none"
    ] = "none"
    change_feed: Literal["grpc", "delta", "webhook_signed", "webhook_unsigned", "poll", "none"] = "none"
    deletes_visible: bool = False
    batch_size: int = 1
    batch_atomic: bool = False
    throttle_signal: Literal["429_retry_after", "429_plain", "403_code", "400_code"] = "429_retry_after"
    needs_csrf: bool = False
    needs_company_scope: bool = False
    max_concurrency: int = 8
    # Longest the vendor may still work on a call after our time-out; look-ups wait for it.
    max_in_flight_s: float = 60.0
    timeout_s: float = 30.0


class Connector(Protocol):
    """One vendor's protocol for one connected system. Made once per process and system; safe to use from many tasks of one loop.

    Calls raise TransientFailure, Rejected, UnknownOutcome or Misconfigured and nothing else.
    """

    capabilities: Capabilities

    def __init__(self, system: "SystemFacts", http: "HttpDoor") -> None: ...

    def verify(self, request: Request) -> None:
        """Raise Rejected(code="signature_invalid" | "signature_stale" | "signature_missing") for a forged or stale request."""

    def split(self, request: Request) -> Sequence[RawEvent]:
        """The events in one verified request; raises BadInput when the body cannot be split at all."""

    def parse(self, body: bytes) -> Envelope | None:
        """A stored event read into canonical words; None when it is of no interest (our own echo, an unknown type).

        Raises BadInput, so that the event becomes a case, never a lost one.
        """

    async def execute(self, call: Call) -> Answer:
        """Send one command. For reads the answer's payload is the canonical object read."""

    async def lookup(self, call: Call) -> Done | None:
        """After an unknown outcome: what the system holds under the key, None when it holds nothing.

        Raises Rejected(code="duplicate_in_vendor") when what it holds differs from what the command says.
        """

    async def poll(self, handle: str, call: Call) -> Answer:
        """Ask how an accepted command is doing."""

    async def changes(self, cursor: str) -> Changes:
        """What changed since `cursor` (empty: since a day ago), at least once, overlap included."""

    async def health(self) -> Mapping[str, Any]:
        """Whether the system answers and accepts our credentials; raises like `execute`."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """A connected system as its connector sees it; `secret` is read afresh for each connector and never logged.

    names: what our values are called there, by kind; governed by people, so they win over `settings`.
    """

    code: str
    vendor: str
    base_url: str
    settings: Mapping[str, Any]
    secret: Mapping[str, Any] = field(repr=False, default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """A vendor's HTTP answer, read whole. `headers` in lower case; `json()` raises ValueError for what is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float = 0.0

    def json(self) -> Any:
        """The body as JSON; numbers with a point become Decimal."""
        import json
        from decimal import Decimal

        return json.loads(self.body, parse_float=Decimal)


class HttpDoor(Protocol):
    """The one way out: pooled, timed, redacted, correlated. Implemented in `http.py`."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | str | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        is_read: bool = False,
        correlation_id: str = "",
    ) -> Reply:
        """Send and read one answer, whatever its status.

        Never connected: TransientFailure (nothing happened). No answer after sending: UnknownOutcome,
        or TransientFailure when `is_read`.
        """
