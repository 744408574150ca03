"""Refusals of systems that speak CloudEvents: problem+json, its code first, then the status."""

from typing import Any

from apps.connectors.base import Reply
from apps.connectors.failures import (
    DENIED,
    REJECTED,
    SIGNED_OUT,
    Verdict,
    failure,
    retry_after_s,
    verdict_by_status,
)
from apps.connectors.redaction import Redactor
from apps.core.errors import Failure, Rejected

_BY_CODE = {
    "tax_undeterminable": Verdict(Rejected, "tax_undeterminable"),
    "signature_invalid": SIGNED_OUT,
}
# Gone: the receiver asks not to be called any more.
_BY_STATUS = {409: REJECTED, 410: DENIED}


def told(reply: Reply, *, is_read: bool, redact: Redactor, system: str) -> Failure:
    """The failure behind a refusal."""
    problem = _problem(reply)
    verdict = _BY_STATUS.get(reply.status) or verdict_by_status(reply.status, is_read=is_read)
    if reply.status < 500:
        verdict = _BY_CODE.get(str(problem.get("code"))) or verdict
    words = str(problem.get("detail") or problem.get("title") or "no reason given")
    return failure(
        verdict,
        f"{system} ({reply.status}): {redact(words[:500])}",
        field=str(problem.get("field") or "")[:100],
        detail=redact.evidence(reply.body),
        retry_after_s=retry_after_s(reply),
    )


def _problem(reply: Reply) -> dict[str, Any]:
    try:
        content = reply.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
