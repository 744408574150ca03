"""The door: may the system that tells us this write it? Asked for every event that changes one of our objects."""

from collections.abc import Iterable, Sequence

from apps.connectors.models import ConnectedSystem
from apps.governance.ownership import may_write, rules_now
from apps.processes.batch import Batch
from apps.processes.consumer import bury
from apps.processes.told import Told


def kinds_of(systems: Iterable[str]) -> dict[str, str]:
    """Kind (crm, erp, psa …) by code of connected systems. One query."""
    return dict(ConnectedSystem.objects.filter(code__in=set(systems)).values_list("code", "kind"))


def admitted(batch: Batch, told: Sequence[Told], *, object: str, field: str) -> list[Told]:  # noqa: A002 - the matrix calls it so
    """The events whose system owns `object.field`; the others become cases and change nothing. Two small queries."""
    rules, kinds = rules_now(), kinds_of(each.event.system for each in told)
    let_in = []
    for each in told:
        system = each.event.system
        kind = kinds.get(system, "")
        if may_write(rules, object=object, field=field, system=kind):
            let_in.append(each)
            continue
        owner = rules.rule(object, field).owner
        bury(
            batch,
            each.event,
            kind="not_system_of_record",
            message=f"{system} ({kind or 'of no kind'}) told of {object}.{field}, which belongs to {owner}: it was not taken over.",
            field=f"{object}.{field}",
            code="not_system_of_record",
        )
    return let_in
