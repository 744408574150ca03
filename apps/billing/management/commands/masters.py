"""`manage.py masters`: the master rows of the demo company; what exists is left as it is."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.db import models, transaction

from apps.audit.work import Work
from apps.billing.masters import VALUE_NAMES, periods
from apps.billing.models import FiscalPeriod
from apps.contracts.masters import ENTITIES
from apps.contracts.models import LegalEntity
from apps.core import clock
from apps.core.actor import system
from apps.core.ids import new_id
from apps.governance.models import ValueMap
from apps.governance.states import RuleState
from apps.projects.masters import COST_CENTRES, SERVICE_LINES, TEMPLATES
from apps.projects.models import CostCentre, ProjectTemplate, ServiceLine

# A rule goes live by two: who sets up the demo proposes, the demo's charter agrees.
PROPOSER, APPROVER = system("demo"), system("demo-charter")


class Command(BaseCommand):
    """Safe to run at every start: it adds what is missing and changes nothing that people have edited."""

    help = "Add the demo company's masters: entities, service lines, templates, cost centres, periods, value names."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        months = [row for one in ENTITIES for row in periods(one.code, today=clock.today(one.zone))]
        self._add("legal entities", LegalEntity, ENTITIES)
        self._add("service lines", ServiceLine, SERVICE_LINES)
        self._add("project templates", ProjectTemplate, TEMPLATES)
        self._add("cost centres", CostCentre, COST_CENTRES)
        self._add("fiscal periods", FiscalPeriod, months)
        self._say("value names", _add_value_names(), len(VALUE_NAMES))

    def _add(self, what: str, model: type[models.Model], rows: Sequence[models.Model]) -> None:
        before = model._default_manager.count()
        model._default_manager.bulk_create(rows, ignore_conflicts=True)
        self._say(what, model._default_manager.count() - before, len(rows))

    def _say(self, what: str, added: int, wanted: int) -> None:
        self.stdout.write(f"masters: {what}: {added} added, {wanted - added} there already")


def _add_value_names() -> int:
    live = set(ValueMap.objects.filter(state=RuleState.LIVE).values_list("system", "entity", "kind", "source"))
    # A name that was taken back by somebody does not come again.
    known = set(ValueMap.objects.values_list("pk", flat=True))
    work, added = Work(), 0
    for code, entity, kind, source, target in VALUE_NAMES:
        pk = new_id("RUL", "ValueMap", code, entity, kind, source, 1)
        if pk in known or (code, entity, kind, source) in live:
            continue
        rule = ValueMap(
            id=pk, system=code, entity=entity, kind=kind, source=source, target=target, proposed_by=PROPOSER.key
        )
        work.create(rule, by=PROPOSER, why="demo company", after={"source": source, "target": target})
        work.move(rule, "mark_tested", by=PROPOSER)
        work.move(rule, "approve", by=APPROVER)
        work.move(rule, "go_live", by=APPROVER, on=clock.now().date())
        added += 1
    work.flush()
    return added
