"""From a vendor's refusal to one of the four kinds of failure: what every vendor's own table falls back on."""

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from apps.connectors.base import Reply
from apps.core import clock
from apps.core.errors import Failure, Misconfigured, Rejected, TransientFailure, UnknownOutcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which kind of failure, and the catalogue's word for it."""

    kind: type[Failure]
    code: str


REJECTED = Verdict(Rejected, "rejected_by_vendor")
DUPLICATE = Verdict(Rejected, "duplicate_in_vendor")
PERIOD_CLOSED = Verdict(Rejected, "period_closed")
DENIED = Verdict(Misconfigured, "permission_denied")
SIGNED_OUT = Verdict(Misconfigured, "credentials_expired")
THROTTLED = Verdict(TransientFailure, "throttled")
BUSY = Verdict(TransientFailure, "transient")
DOWN = Verdict(TransientFailure, "vendor_down")
UNKNOWN = Verdict(UnknownOutcome, "unknown_outcome")

# For writes. A read has no effect, so where a write's outcome is unknown a read is simply tried again.
_BY_STATUS = {
    401: SIGNED_OUT,
    403: DENIED,
    407: DENIED,
    408: UNKNOWN,
    409: DUPLICATE,
    423: BUSY,
    425: BUSY,
    429: THROTTLED,
    503: DOWN,
}


def verdict_by_status(status: int, *, is_read: bool) -> Verdict:
    """What a status says where the vendor says nothing more exact."""
    found = _BY_STATUS.get(status)
    if found is None:
        # A redirect is an address that has moved: a person must correct it, we do not follow.
        found = UNKNOWN if status >= 500 else REJECTED if status >= 400 else DENIED
    return DOWN if is_read and found is UNKNOWN else found


def failure(
    verdict: Verdict,
    message: str,
    *,
    field: str = "",
    detail: str = "",
    retry_after_s: float | None = None,
) -> Failure:
    """The failure itself. Throttling pauses the whole system; any other transient failure this call only."""
    if verdict.kind is TransientFailure:
        scope = "system" if verdict is THROTTLED else "command"
        return TransientFailure(message, retry_after_s=retry_after_s, code=verdict.code, scope=scope, detail=detail)
    return verdict.kind(message, code=verdict.code, field=field, detail=detail)


def retry_after_s(reply: Reply) -> float | None:
    """The vendor's ``Retry-After`` in seconds, from seconds or a date; None when it has none or it is unreadable."""
    given = reply.headers.get("retry-after")
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - clock.now()).total_seconds())
