"""Tryton's refusals as a table: the kind of exception and its words first, then the HTTP status.

A remote procedure call answers 200 with an error inside; its words are the only code there is, so every call asks
for English.
"""

import re
from typing import Any

from apps.connectors.base import Reply
from apps.connectors.failures import (
    BUSY,
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
from apps.core.errors import Failure, Rejected

# Tryton forgets failed attempts after five minutes and sends no Retry-After.
LOGIN_PAUSE_S = 60.0
CONCURRENT = Verdict(Rejected, "concurrent_change")

# Warnings a person would click away that we may click away too, and why.
ACKNOWLEDGED = frozenset(
    {
        "invoice_taxes",  # the tax engine's quote decides, not the product's default tax
        "account.invoice eu_vat valid",  # the tax engine has confirmed the VAT id; Tryton has not asked yet
    }
)

_BY_WORDS = (
    (re.compile(r"reopen the period|create a period for the date|closed period|closed journal-period"), PERIOD_CLOSED),
    (re.compile(r"fiscal ?year .*\b(closed|locked)|(closed|locked) fiscal ?year", re.IGNORECASE), PERIOD_CLOSED),
    (re.compile(r"must be unique"), DUPLICATE),
    (re.compile(r"not allowed to (access|read|write|create|delete)\b"), DENIED),
    (re.compile(r"database is locked|could not serialize|deadlock detected"), BUSY),
)
_FIELD = re.compile(r'field "([^"]{1,80})"')
_INVOICE_DATE = re.compile(r"must set an invoice date after|invoice date in the future")


def told(reply: Reply, *, is_read: bool, redact: Redactor) -> Failure:
    """The failure behind a status that is no success."""
    words = _rest_words(reply)
    verdict = _by_words(words) if reply.status == 400 else verdict_by_status(reply.status, is_read=is_read)
    return failure(
        verdict,
        f"Tryton ({reply.status}): {redact(words) or 'no reason given'}",
        field=_field(words),
        detail=redact.evidence(reply.body),
        retry_after_s=retry_after_s(reply),
    )


def told_rpc(error: Any, *, redact: Redactor) -> Failure:
    """The failure behind an error inside a 200. The transaction was rolled back: nothing happened."""
    kind, words = _rpc_words(error)
    verdict = CONCURRENT if kind == "ConcurrencyException" else _by_words(words)
    said = redact(words) or "no reason given"
    return failure(verdict, f"Tryton: {said}", field=_field(words), detail=redact(f"{kind}: {words}")[:2000])


def told_login(reply: Reply, *, redact: Redactor) -> Failure:
    """Why signing in was refused; from the seventh failed attempt on Tryton makes everybody wait."""
    verdict = {401: SIGNED_OUT, 403: SIGNED_OUT, 429: THROTTLED}.get(reply.status)
    if verdict is None:
        return told(reply, is_read=True, redact=redact)
    message = "Tryton: signing in was refused. Check login and password in the system's secret."
    if verdict is THROTTLED:
        message = "Tryton: too many failed sign-ins; it refuses all for a while."
    return failure(verdict, message, retry_after_s=retry_after_s(reply) or LOGIN_PAUSE_S)


def warning_to_acknowledge(error: Any) -> str | None:
    """The name to acknowledge when the error is a warning that policy lets pass, else None."""
    if not (isinstance(error, list) and len(error) == 2 and error[0] == "UserWarning" and isinstance(error[1], list)):
        return None
    name = str(error[1][0]) if error[1] else ""
    return name if name.partition(".")[2] in ACKNOWLEDGED else None


def _by_words(words: str) -> Verdict:
    return next((verdict for pattern, verdict in _BY_WORDS if pattern.search(words)), REJECTED)


def _field(words: str) -> str:
    if _INVOICE_DATE.search(words):
        return "invoice_date"
    found = _FIELD.search(words)
    return found.group(1) if found else ""


def _rpc_words(error: Any) -> tuple[str, str]:
    """Kind and text; any other exception of the server comes as its text and a traceback, which nobody needs."""
    if not isinstance(error, list) or not error:
        return "", str(error)[:500]
    kind, rest = str(error[0]), error[1] if len(error) > 1 else ""
    if kind == "UserWarning" and isinstance(rest, list):
        return kind, " ".join(str(part) for part in rest[1:3] if part)[:500]
    if kind in ("UserError", "LoginException") and isinstance(rest, list):
        return kind, " ".join(str(part) for part in rest[:2] if part)[:500]
    if kind == "ConcurrencyException":
        return kind, str(rest)[:500]
    return "server error", kind[:500]


def _rest_words(reply: Reply) -> str:
    try:
        said = reply.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    return " ".join(str(said[part]) for part in ("message", "description") if said.get(part))[:500]
