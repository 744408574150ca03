"""NetSuite's refusals as tables: error code first, then a tenant's own wording, then status."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.connectors.base import Reply
from apps.connectors.failures import (
    DENIED,
    DUPLICATE,
    PERIOD_CLOSED,
    REJECTED,
    SIGNED_OUT,
    THROTTLED,
    Verdict,
    failure,
    retry_after_s,
    verdict_by_status,
)
from apps.connectors.redaction import Redactor
from apps.core.errors import Failure, Misconfigured, Rejected

_BY_CODE = {
    "INVALID_LOGIN": SIGNED_OUT,
    "INVALID_LOGIN_ATTEMPT": SIGNED_OUT,
    "INSUFFICIENT_PERMISSION": DENIED,
    "FEATURE_DISABLED": DENIED,
    "CONCURRENCY_LIMIT_EXCEEDED": THROTTLED,
    "SSS_REQUEST_LIMIT_EXCEEDED": THROTTLED,
    "WS_REQUEST_BLOCKED": THROTTLED,
    "IDEMPOTENCY_ERROR": DUPLICATE,
    "NONEXISTENT_ID": REJECTED,
    "RCRD_DSNT_EXIST": REJECTED,
    "INVALID_CONTENT": REJECTED,
}
# Business refusals share one code and differ by text, which depends on the account's language: a tenant adds
# its own as settings["error_patterns"], a list of [pattern, catalogue code], looked at first.
_WORDING = (
    (r"closed period|period is closed|period .* locked", "period_closed"),
    (r"already exists|duplicate (record|external)", "duplicate_in_vendor"),
    (r"do not have (the required )?permission|permission violation", "permission_denied"),
)
# A master it does not know: one of our values is called otherwise there.
_UNKNOWN_MASTER = re.compile(
    r"invalid field value .{0,80} for the following field: (subsidiary|currency|item|billingitem|terms|taxcode)\b",
    re.IGNORECASE,
)
UNMAPPED = Verdict(Rejected, "value_unmapped")
_VERDICTS = {verdict.code: verdict for verdict in (PERIOD_CLOSED, DUPLICATE, DENIED, SIGNED_OUT, REJECTED)}
# Not documented, so ours: long enough for a few calls in flight to end.
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Wording:
    """What an account's texts mean, most particular first."""

    patterns: tuple[tuple[re.Pattern[str], Verdict], ...]

    def verdict(self, text: str) -> Verdict | None:
        """The first that fits, None when none does."""
        return next((verdict for pattern, verdict in self.patterns if pattern.search(text)), None)


def wording(settings: Mapping[str, Any]) -> Wording:
    """The tenant's patterns before ours; raises Misconfigured for one that cannot be used."""
    made = []
    for pattern, code in (*settings.get("error_patterns", ()), *_WORDING):
        try:
            made.append((re.compile(pattern, re.IGNORECASE), _VERDICTS[code]))
        except (re.error, KeyError) as error:
            raise Misconfigured(
                f"NetSuite: error_patterns: {pattern!r} → {code!r} cannot be used ({error}). Codes: {', '.join(_VERDICTS)}.",
                code="permission_denied",
            ) from error
    return Wording(tuple(made))


def told(reply: Reply, *, is_read: bool, redact: Redactor, wording: Wording) -> Failure:
    """The failure behind a refusal of the REST service or of a RESTlet."""
    first = _first(reply)
    code, text = (
        str(first.get("o:errorCode") or first.get("code") or ""),
        str(first.get("detail") or first.get("message") or ""),
    )
    verdict = _verdict(reply.status, code, text, is_read=is_read, wording=wording)
    return failure(
        verdict,
        f"NetSuite ({reply.status}{' ' + code if code else ''}): {redact(text[:500]) or 'no reason given'}",
        field=str(first.get("o:errorPath") or "")[:100],
        detail=redact.evidence(reply.body),
        retry_after_s=(retry_after_s(reply) or _PAUSE_S) if verdict is THROTTLED else retry_after_s(reply),
    )


def _verdict(status: int, code: str, text: str, *, is_read: bool, wording: Wording) -> Verdict:
    if status < 500:
        if status == 400 and _UNKNOWN_MASTER.search(text):
            return UNMAPPED
        found = _BY_CODE.get(code) or (wording.verdict(text) if status in (400, 403, 409) else None)
        if found is not None:
            return found
    return verdict_by_status(status, is_read=is_read)


def _first(reply: Reply) -> dict[str, Any]:
    try:
        content = reply.json()
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    details = content.get("o:errorDetails")
    first = details[0] if isinstance(details, list) and details else content.get("error")
    return first if isinstance(first, dict) else {}
