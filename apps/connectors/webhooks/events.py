"""What a stored CloudEvent means to us: the table of the types we know. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Self

from pydantic import model_validator

from apps.canonical.base import Amount, Canonical, Code, Text
from apps.canonical.codec import load_json_object, read, to_json
from apps.canonical.events import MILESTONE_ACHIEVED, Envelope
from apps.connectors.inbound import instant_of_text
from apps.core.errors import BadInput

PREFIX = "com.tieout."
_CORRELATION = re.compile(r"[A-Za-z0-9._:-]{8,64}\Z")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")


class AchievedMilestone(Canonical):
    """What the PSA says about a milestone: whose, which, when, and what proves it.

    Named by our project, or by the contract and the legal entity that delivers it.
    amount: for a part of the milestone only; without it the whole milestone is achieved.
    """

    project_id: Text = ""
    contract_ref: Text = ""
    legal_entity: Text = ""
    milestone_code: Code
    achieved_on: date
    evidence: Text = ""
    amount: Amount | None = None

    @model_validator(mode="after")
    def _says_whose(self) -> Self:
        if not self.project_id and not (self.contract_ref and self.legal_entity):
            raise ValueError("name project_id, or contract_ref and legal_entity")
        if self.amount is not None and self.amount <= 0:
            raise ValueError("amount must be greater than zero")
        return self


def to_envelope(body: bytes) -> Envelope | None:
    """The canonical event; None for a type nobody here cares for. Raises BadInput for one that cannot be read."""
    event = load_json_object(body)
    kind = _attribute(event, "type")
    for name in ("id", "source"):
        _attribute(event, name)
    if event.get("specversion") != "1.0":
        raise BadInput("specversion is not 1.0", path="specversion", mend="Send CloudEvents 1.0.")
    reader = READERS.get(kind.removeprefix(PREFIX)) if kind.startswith(PREFIX) else None
    if reader is None:
        return None
    data = event.get("data")
    if not isinstance(data, dict):
        raise BadInput(
            "data is not a JSON object", path="data", mend="Send the event's content as a JSON object in data."
        )
    return reader(event, data)


def correlation_of(event: Mapping[str, Any]) -> str:
    """The story a CloudEvent belongs to, from its extensions; empty when it names none."""
    given, trace = event.get("correlationid"), event.get("traceparent")
    if isinstance(given, str) and _CORRELATION.match(given):
        return given
    found = _TRACEPARENT.match(trace) if isinstance(trace, str) else None
    return found[1] if found else ""


def _milestone_achieved(event: Mapping[str, Any], data: Mapping[str, Any]) -> Envelope:
    milestone = read(AchievedMilestone, data)
    whose = milestone.project_id or f"{milestone.contract_ref}/{milestone.legal_entity}"
    return Envelope(
        name=MILESTONE_ACHIEVED,
        subject=whose,
        occurred_at=instant_of_text(event.get("time")),
        payload=to_json(milestone),
    )


def _attribute(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"the CloudEvent has no {name}", path=name, mend=f"Send {name} as a text, see CloudEvents 1.0.")
    return value


READERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Envelope]] = {
    "milestone.achieved": _milestone_achieved,
}
