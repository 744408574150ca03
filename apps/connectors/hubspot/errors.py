"""HubSpot's refusals as a table: category and policy first, then status."""

from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.connectors.base import Reply
from apps.connectors.failures import (
    BUSY,
    DENIED,
    DUPLICATE,
    REJECTED,
    SIGNED_OUT,
    THROTTLED,
    Verdict,
    failure,
    retry_after_s,
    verdict_by_status,
)  # fmt: skip
from apps.connectors.redaction import Redactor
from apps.core import clock
from apps.core.errors import Failure

_BY_CATEGORY = {
    "VALIDATION_ERROR": REJECTED,
    "OBJECT_NOT_FOUND": REJECTED,
    "CONFLICT": DUPLICATE,
    "EXPIRED_AUTHENTICATION": SIGNED_OUT,
    "INVALID_AUTHENTICATION": SIGNED_OUT,
    "MISSING_SCOPES": DENIED,
    "RATE_LIMITS": THROTTLED,
}
# Retry-After is not reliably sent; the policy that was broken tells how long.
_PAUSE_S = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
_LOCKED_S = 2.0


def told(reply: Reply, *, is_read: bool, redact: Redactor, zone: str) -> Failure:
    """The failure behind a refusal. `zone` is the portal's: its day ends the daily limit."""
    said = _said(reply)
    verdict = _verdict(reply, said, is_read=is_read)
    return failure(
        verdict,
        f"HubSpot ({reply.status}): {redact(_words(said)) or 'no reason given'}",
        field=_field(said),
        detail=redact.evidence(reply.body),
        retry_after_s=_pause_s(reply, said, verdict, zone=zone),
    )


def told_partial(error: Any, *, redact: Redactor) -> Failure:
    """The failure of one member of a batch that HubSpot carried out in part (207)."""
    said = error if isinstance(error, dict) else {}
    verdict = _BY_CATEGORY.get(str(said.get("category")), REJECTED)
    return failure(verdict, f"HubSpot: {redact(_words(said)) or 'no reason given'}", field=_field(said))


def _verdict(reply: Reply, said: dict[str, Any], *, is_read: bool) -> Verdict:
    if reply.status == 429:
        return THROTTLED
    # A category on a 5xx would be an accident; what such a call did is unknown.
    if reply.status < 500:
        found = _BY_CATEGORY.get(str(said.get("category")))
        if found is not None:
            return found
    return verdict_by_status(reply.status, is_read=is_read)


def _pause_s(reply: Reply, said: dict[str, Any], verdict: Verdict, *, zone: str) -> float | None:
    if verdict is BUSY:
        return _LOCKED_S
    wished = retry_after_s(reply)
    if verdict is not THROTTLED or wished is not None:
        return wished
    policy = str(said.get("policyName"))
    if policy == "DAILY":
        return _until_midnight_s(zone)
    return _PAUSE_S.get(policy, 10.0)


def _until_midnight_s(zone: str) -> float:
    local = clock.now().astimezone(ZoneInfo(zone))
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - clock.now()).total_seconds()


def _said(reply: Reply) -> dict[str, Any]:
    try:
        content = reply.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _words(said: dict[str, Any]) -> str:
    return str(said.get("message") or "")[:500]


def _field(said: dict[str, Any]) -> str:
    """The property at fault, where HubSpot names one."""
    errors = said.get("errors")
    places = [*errors[:1], said] if isinstance(errors, list) else [said]
    for place in places:
        context = place.get("context") if isinstance(place, dict) else None
        found = context.get("propertyName") if isinstance(context, dict) else None
        if isinstance(found, list) and found:
            return str(found[0])[:100]
    return ""
