"""Finding: what the engine, a rule or a connector saw go wrong; a case is made of it."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from apps.core.money import Money
from apps.exceptions.fingerprint import fingerprint


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that cannot go on.

    kind:      a row of the catalogue.
    reference: the id of what is stuck: a step, an inbox event (``EVT-…``), a command.
    message:   plain cause, for the person who must act.
    code:      the rule's or vendor's own word for the cause; `field` the canonical field at fault.
    awaiting:  the state that ends the matter, such as ``invoice.posted``.
    amount:    money at risk, None when no money hangs on it.
    blocked:   what waits downstream, in words ("Invoice M2", "3 people").
    evidence:  JSON: ``source``, ``canonical``, ``sent``, ``answer``.
    country, zone: of the legal entity; due times count its business hours.
    """

    kind: str
    subject_type: str
    subject_id: str
    stream_key: str
    reference: str
    message: str
    system: str = ""
    entity: str = ""
    code: str = ""
    field: str = ""
    step: str = ""
    saga: str = ""
    run_id: str = ""
    awaiting: str = ""
    amount: Money | None = None
    blocked: tuple[str, ...] = ()
    evidence: dict[str, Any] = dataclasses.field(default_factory=dict)
    attempts: int = 0
    correlation_id: str = ""
    country: str = ""
    zone: str = "UTC"

    @property
    def fingerprint(self) -> str:
        """The same for every object that fails of the same cause."""
        return fingerprint(kind=self.kind, system=self.system, entity=self.entity, code=self.code, field=self.field)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings the same case while it is open."""
        return self.fingerprint, self.subject_id, self.reference
