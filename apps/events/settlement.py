"""What an answer or a failure makes of a command: its next state, when it is due, and the receipt. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from apps.canonical import events
from apps.canonical.commands import COMMANDS
from apps.connectors.base import Accepted, Answer, Capabilities, Done
from apps.core.errors import Failure, Rejected, TransientFailure, UnknownOutcome
from apps.events.inbox import Message, message
from apps.events.outbox import Claimed, Outcome
from apps.events.retry import LOOKUP, SEND
from apps.events.states import CommandState

_BACK_TO = {"execute": CommandState.PENDING, "lookup": CommandState.UNKNOWN, "poll": CommandState.ACCEPTED}
# Sending these again under the same key cannot do a thing twice, so a look-up need not wait for a late commit.
_SAFE_KEYS = ("external_id_upsert", "natural_key", "async_key", "event_id")
_SOON_S = 1.0


def answered(claimed: Claimed, answer: Answer | None) -> Outcome:
    """The system spoke. None is the answer of a look-up that found nothing: it did not happen, so it is sent (again)."""
    if answer is None:
        return Outcome(claimed, CommandState.PENDING, "not_found")
    if isinstance(answer, Accepted):
        return Outcome(claimed, CommandState.ACCEPTED, "accepted", delay_s=answer.poll_after_s, handle=answer.handle)
    return Outcome(claimed, CommandState.ACKNOWLEDGED, "acknowledged", receipt=_done(claimed, answer))


def failed(claimed: Claimed, failure: Failure, *, capabilities: Capabilities) -> Outcome:
    """It did not end well: settle, try later, or look up, by the kind of the failure."""
    if isinstance(failure, Rejected):
        return _final(claimed, CommandState.REJECTED, "rejected", events.COMMAND_REJECTED, failure)
    if claimed.kind == "lookup" and not COMMANDS[claimed.name].is_read:
        if LOOKUP.is_spent(claimed.lookups):
            return _final(claimed, CommandState.DEAD, "unknown", events.COMMAND_UNKNOWN, failure)
        delay_s = LOOKUP.delay_s(claimed.lookups, wish_s=_wish_s(failure))
        return _later(claimed, CommandState.UNKNOWN, "unanswered", delay_s, failure)
    if isinstance(failure, UnknownOutcome) and claimed.kind == "execute":
        wait_s = _SOON_S if capabilities.idempotency in _SAFE_KEYS else capabilities.max_in_flight_s
        return _later(claimed, CommandState.UNKNOWN, "unknown", wait_s, failure)
    # A read whose worker died is asked again as a look-up: those tries count as well.
    tries = claimed.attempts + (claimed.lookups if COMMANDS[claimed.name].is_read else 0)
    if SEND.is_spent(tries):
        return _final(claimed, CommandState.DEAD, "dead", events.COMMAND_DEAD, failure)
    delay_s = SEND.delay_s(tries, wish_s=_wish_s(failure))
    return _later(claimed, _BACK_TO[claimed.kind], "transient", delay_s, failure)


def worn_out(claimed: Claimed) -> Outcome | None:
    """The end of a command under which worker after worker died without a word: it is not tried for ever."""
    if claimed.lookups <= LOOKUP.attempts + SEND.attempts:
        return None
    is_read = COMMANDS[claimed.name].is_read
    failure = UnknownOutcome(
        f"{claimed.name} was on its way {claimed.lookups} times and its worker died each time.", code="worker_died"
    )
    if is_read:
        return _final(claimed, CommandState.DEAD, "dead", events.COMMAND_DEAD, failure)
    return _final(claimed, CommandState.DEAD, "unknown", events.COMMAND_UNKNOWN, failure)


def untried(claimed: Claimed) -> Outcome:
    """Claimed, and not called after all."""
    return Outcome(claimed, _BACK_TO[claimed.kind], "untried", untried=True)


def tally(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many of these calls the system answered, and how many met silence, for its breaker."""
    silent = sum(
        1
        for each in outcomes
        if each.outcome in ("unknown", "unanswered", "transient", "dead") and not _throttled(each)
    )
    tried = sum(1 for each in outcomes if not each.untried)
    return {"answered": tried - silent, "silent": silent}


def _wish_s(failure: Failure) -> float | None:
    return failure.retry_after_s if isinstance(failure, TransientFailure) else None


def _throttled(outcome: Outcome) -> bool:
    return outcome.code in ("throttled", "throttled_too_long")


def _later(claimed: Claimed, state: CommandState, outcome: str, delay_s: float, failure: Failure) -> Outcome:
    return Outcome(claimed, state, outcome, delay_s=delay_s, code=failure.code, detail=_words(failure))


def _final(claimed: Claimed, state: CommandState, outcome: str, event: str, failure: Failure) -> Outcome:
    receipt = _receipt(
        claimed,
        event,
        outcome,
        {
            "command": claimed.name,
            "system": claimed.system,
            "code": _plain(failure.code),
            "field": _plain(failure.field),
            "message": _plain(str(failure))[:2000],
            "detail": _plain(failure.detail)[:8000],
            "attempts": claimed.attempts,
            "sent": json.loads(claimed.body),
            "transient": isinstance(failure, TransientFailure),
        },
    )
    return Outcome(claimed, state, outcome, code=failure.code, detail=_words(failure), receipt=receipt)


def _done(claimed: Claimed, done: Done) -> Message:
    body = {
        "command": claimed.name,
        "system": claimed.system,
        "ref": done.ref,
        "version": done.version,
        "payload": done.payload,
    }
    return _receipt(claimed, COMMANDS[claimed.name].receipt, "done", body)


def _receipt(claimed: Claimed, name: str, outcome: str, body: dict[str, Any]) -> Message:
    # The token makes the id: a command opened again for a look-up may be answered a second time, a lease only once.
    return message(
        name,
        body,
        stream_key=claimed.stream_key,
        external_id=f"command:{claimed.id}:{outcome}:{claimed.token}",
        correlation_id=claimed.correlation_id,
        causation_id=f"CMD-{claimed.id}",
        reference=claimed.reference,
        system=claimed.system,
    )


def _words(failure: Failure) -> str:
    return _plain(f"{failure}\n{failure.detail}").strip()


def _plain(text: str) -> str:
    # A vendor's words may hold what neither our inbox nor the database takes; the receipt must be readable all the same.
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
