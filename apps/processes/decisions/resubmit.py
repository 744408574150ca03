"""resubmit: what a step sent, or what came in unreadable, is edited and goes again; the original is kept and linked."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import F

from apps.audit.work import Work
from apps.canonical.codec import from_json, load_json_object, to_json
from apps.canonical.commands import COMMANDS
from apps.core.errors import BadInput
from apps.events import inbox
from apps.events.models import InboxEvent, OutboxCommand
from apps.events.states import CommandState, EventState
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import payloads, rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import event_number, is_outcome_unknown, last_command, must_be, tell_engine_later
from apps.processes.models import ProcessStep, Ruling
from apps.processes.resending import next_key
from apps.processes.states import RulingState, StepState

_HELP = "JSON. Identifiers are locked; amounts, currency, tax, bank and entity need a second person."


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if event_number(case) is not None:
        return ""
    if reason := must_be(step, StepState.PARKED):
        return reason
    if is_outcome_unknown(step):
        return "Nobody knows yet whether it happened; look it up before anything is sent again."
    command = last_command(step)
    if command is None or command.state not in (CommandState.REJECTED, CommandState.DEAD):
        return "Nothing was sent by this step that the other system refused."
    return ""


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    if (number := event_number(case)) is not None:
        event = InboxEvent.objects.get(pk=number)
        text = bytes(event.body).decode("utf-8", "replace")
        return (Input("payload", "Message", "long_text", f"{_HELP} A message from outside always does.", value=text),)
    command = last_command(step)
    shown = json.dumps(command.body, indent=2, ensure_ascii=False) if command else ""
    return (Input("payload", "Payload", "long_text", _HELP, value=shown),)


def _take(asked: Asked) -> None:
    if (number := event_number(asked.case)) is not None:
        _take_event(asked, InboxEvent.objects.get(pk=number))
        return
    command, step = last_command(asked.step), asked.step
    assert command is not None
    assert step is not None
    body = _sound(command, asked.inputs["payload"])
    found = payloads.edits(command.body, body)
    _refuse_locked(found)
    content = {
        "command": command.name,
        "system": command.system,
        "entity": command.legal_entity,
        "body": body,
        "changes": payloads.told(found),
    }
    ruling = rulings.keep(
        asked,
        decision="resubmit",
        content=content,
        state=RulingState.ASKED,
        original_command=command.pk,
        command_key=next_key(step, attempt=step.attempt + 1),
    )
    sensitive = [edit.path for edit in found if edit.is_sensitive]
    if sensitive:
        rulings.ask_second_person(asked, ruling, kind="payload_edit", summary=f"edited {', '.join(sensitive)}")
    else:
        _send(asked.work, asked.case, ruling)
        rulings.end(asked.work, asked.case, ruling, RulingState.DONE, by=asked.by, why=asked.why)


def _take_event(asked: Asked, event: InboxEvent) -> None:
    body = load_json_object(asked.inputs["payload"])
    was = bytes(event.body).decode("utf-8", "replace")
    if json.dumps(body) == was:
        raise BadInput("nothing was changed", path="payload", mend="Edit it, or replay it as it is.")
    content = {"event": event.pk, "body": asked.inputs["payload"], "changes": [{"path": "", "old": was, "new": body}]}
    ruling = rulings.keep(asked, decision="resubmit", content=content, state=RulingState.ASKED)
    rulings.ask_second_person(asked, ruling, kind="payload_edit", summary=f"edited message from {event.system}")


def _sound(command: OutboxCommand, text: str) -> dict[str, Any]:
    """The edited body as the canonical command would write it; raises BadInput naming the field."""
    try:
        return to_json(from_json(COMMANDS[command.name], load_json_object(text)))
    except BadInput as error:
        path = f"payload.{error.path}" if error.path else "payload"
        raise BadInput(str(error), path=path, mend=f"Correct {error.path or 'the JSON'} and send it again.") from error


def _refuse_locked(found: list[payloads.Edit]) -> None:
    if not found:
        raise BadInput("nothing was changed", path="payload", mend="Edit it, or replay it as it is.")
    locked = next((edit for edit in found if edit.is_locked), None)
    if locked is not None:
        raise BadInput(
            f"{locked.path} is locked: with another one this would be about something else",
            path=f"payload.{locked.path}",
            mend=f"Put {locked.old!r} back.",
        )


def _carry_out(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    if "event" in ruling.content:
        _read_edited(ruling.content)
    else:
        _send(work, case, ruling)


def _send(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    told: Mapping[str, Any] = {name: ruling.content[name] for name in ("command", "system", "entity", "body")}
    tell_engine_later(case, ruling, "resubmit", told)


def _read_edited(content: Mapping[str, Any]) -> None:
    """The message as edited becomes the newest of its stream; the original stays a dead letter."""
    event = InboxEvent.objects.select_for_update().get(pk=content["event"])
    if event.state == EventState.DEAD:
        inbox.store([replace(inbox.replay_of(event), body=str(content["body"]).encode())])
        InboxEvent.objects.filter(pk=event.pk).update(attempts=F("attempts") + 1)


RESUBMIT = Decision(
    "resubmit",
    "Resubmit edited",
    "payload.edit",
    _possible,
    _take,
    done="The edited payload is sent, or waits for a second person where it has to.",
    inputs=_inputs,
    carry_out=_carry_out,
    second_person=True,
)
