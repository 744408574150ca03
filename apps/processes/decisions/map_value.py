"""map_value: what one of our values is called in a system; once a second person agrees, every case of the cause is replayed."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from django.db import transaction

from apps.audit.work import Work
from apps.core.actor import Actor
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES
from apps.governance import changes
from apps.governance.models import Approval, ValueMap
from apps.governance.people import person_behind
from apps.governance.states import RuleState
from apps.processes.decisions import rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import last_command, must_be
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState

KINDS = {
    "service_line": "Service line",
    "legal_entity": "Legal entity",
    "currency": "Currency",
    "payment_terms": "Payment terms (days)",
    "tax_code": "Tax code",
}
# What systems call the field that takes a value of the kind.
_KIND_OF_FIELD = {
    "billingitem": "service_line",
    "item": "service_line",
    "subsidiary": "legal_entity",
    "currency": "currency",
    "terms": "payment_terms",
    "taxcode": "tax_code",
}
_KEY_OF_KIND = {"payment_terms": "payment_terms_days"}
_ALL, _THIS = "all", "this"


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if not case.system:
        return "This case names no system whose word for a value could be wrong."
    return must_be(step, StepState.PARKED)


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    kind = _kind(case)
    scope = [(_ALL, "All legal entities")]
    if case.entity:
        scope.append((_THIS, f"{case.entity} only"))
    return (
        Input("kind", "What it is", "choice", value=kind, choices=tuple(KINDS.items())),
        Input("source", "Our value", help="As contracts and projects say it.", value=_value(step, kind)),
        Input("target", f"Its name in {case.system}", help="That system's own id of it."),
        Input("scope", "Counts for", "choice", value=_ALL, choices=tuple(scope)),
    )


def _take(asked: Asked) -> None:
    case, given = asked.case, asked.inputs
    values = {
        "system": case.system,
        "entity": case.entity if given["scope"] == _THIS and given["kind"] != "legal_entity" else "",
        "kind": given["kind"],
        "source": given["source"],
        "target": given["target"],
    }
    rule = changes.propose(ValueMap, values, by=asked.by, why=asked.why)
    changes.mark_tested(ValueMap, rule.pk, by=asked.by, why=f"for {case.number}")
    before = ValueMap.objects.filter(
        **{name: values[name] for name in ("system", "entity", "kind", "source")}, state=RuleState.LIVE
    ).first()
    content = {**values, "rule": rule.pk, "before": before.target if before else ""}
    ruling = rulings.keep(asked, decision="map_value", content=content, state=RulingState.ASKED)
    summary = f"{values['kind']} {values['source']} is {values['target']} in {case.system}"
    rulings.ask_second_person(asked, ruling, kind="mapping_change", summary=summary)


def _carry_out(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    """The name counts from now on, and what failed for want of it is tried again, as a job."""
    approval = Approval.objects.get(pk=ruling.approval_id)
    agreed = Actor("person", approval.decided_by.partition(":")[2])
    rule_id = ruling.content["rule"]
    changes.approve(ValueMap, rule_id, by=agreed, why=approval.why or f"for {case.number}")
    changes.go_live(ValueMap, rule_id, by=agreed, why=f"for {case.number}")
    transaction.on_commit(partial(_heal, case, ruling))


def _heal(case: ExceptionCase, ruling: Ruling) -> None:
    # The job takes its decision from the registry, which lists this one.
    from apps.processes.jobs import planning, running

    maker = person_behind(Actor("person", ruling.by.partition(":")[2]))
    if maker is None:
        return
    same_cause = ExceptionCase.objects.filter(
        kind=case.kind, system=case.system, code=case.code, field=case.field, state__in=LIVE_STATES
    )
    if ruling.content["entity"]:
        same_cause = same_cause.filter(entity=ruling.content["entity"])
    job = planning.plan(
        list(same_cause.values_list("pk", flat=True)[: planning.MOST]),
        decision="replay",
        by=maker,
        why=f"{ruling.content['source']} is mapped to {ruling.content['target']}",
        fingerprint=case.fingerprint,
        title=case.title,
    )
    running.start(job.pk, by=maker)


def _kind(case: ExceptionCase) -> str:
    last = re.sub(r"\[\d+\]", "", case.field).rpartition(".")[2].lower()
    return _KIND_OF_FIELD.get(last, last if last in KINDS else "")


def _value(step: ProcessStep | None, kind: str) -> str:
    """The value the refused command carried, when there is one of the kind alone."""
    command = last_command(step)
    found = set(_found(command.body, _KEY_OF_KIND.get(kind, kind))) if command and kind else set()
    return found.pop() if len(found) == 1 else ""


def _found(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == key and isinstance(inner, str | int):
                yield str(inner)
            yield from _found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _found(inner, key)


MAP_VALUE = Decision(
    "map_value",
    "Map value",
    "rules.edit",
    _possible,
    _take,
    done="A second person is asked; then every case of this cause is tried again.",
    inputs=_inputs,
    carry_out=_carry_out,
    second_person=True,
)
