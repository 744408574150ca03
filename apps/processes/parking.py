"""Why a step is parked: the kind of case a failure makes. Pure."""

from collections.abc import Mapping
from typing import Any

from apps.canonical import events
from apps.core.errors import BadInput, Failure, Misconfigured, TransientFailure
from apps.exceptions.catalogue import KINDS
from apps.processes.definition import Park

FAILED_RECEIPTS = (events.COMMAND_REJECTED, events.COMMAND_UNKNOWN, events.COMMAND_DEAD)
# A refused invoice has a kind of its own: it is money, not data.
_INVOICE_COMMANDS = ("CreateInvoice", "PostInvoice", "CreditInvoice")


def of_receipt(name: str, payload: Mapping[str, Any]) -> Park:
    """A command did not go through, as its receipt tells."""
    code, command = str(payload.get("code", "")), str(payload.get("command", ""))
    system, words = str(payload.get("system", "")), str(payload.get("message", ""))
    if name == events.COMMAND_UNKNOWN:
        kind = "unknown_outcome"
        words = f"{command} may or may not have happened in {system}: {words}"
    elif name == events.COMMAND_DEAD:
        kind = "throttled_too_long" if code == "throttled" else _known(code, default="vendor_down")
        words = f"{system} did not take {command} after {payload.get('attempts')} attempts: {words}"
    else:
        kind = _known(code, default="rejected_by_vendor")
        if kind == "rejected_by_vendor" and command in _INVOICE_COMMANDS:
            kind = "invoice_rejected"
        words = f"{system} refused {command}: {words}"
    return Park(
        kind,
        words,
        code=code or kind,
        field=str(payload.get("field", "")),
        evidence={
            "system": system,
            "sent": payload.get("sent", {}),
            "answer": {"detail": payload.get("detail", ""), "code": code},
        },
        attempts=int(payload.get("attempts", 0)),
    )


def of_failure(failure: Failure) -> Park:
    """A step's own decision failed in a way that has a name."""
    default = "vendor_down" if isinstance(failure, TransientFailure) else "rejected_by_vendor"
    if isinstance(failure, Misconfigured):
        default = "value_unmapped"
    return Park(
        _known(failure.code, default=default),
        str(failure),
        code=failure.code,
        field=failure.field,
        evidence={"answer": {"detail": failure.detail}},
    )


def of_bad_input(error: BadInput) -> Park:
    """A step found input it cannot read."""
    return Park("payload_unreadable", f"{error} {error.mend}".strip(), code="bad_input", field=error.path)


def _known(code: str, *, default: str) -> str:
    return code if code in KINDS else default
