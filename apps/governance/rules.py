"""GovernedRule: the base of every rule that people edit: drafted, tested, approved by another, live, retired."""

from datetime import date

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from apps.core.actor import Actor
from apps.core.states import StatefulModel
from apps.governance.states import RuleState


class GovernedRule(StatefulModel):
    """One revision of a rule. A change is a new revision; the old one is kept and can be put back."""

    id = models.CharField(max_length=20, primary_key=True)
    revision = models.PositiveIntegerField(default=1)
    state = FSMField(choices=RuleState.choices, default=RuleState.DRAFT, protected=True)
    effective_from = models.DateField(null=True, blank=True)
    proposed_by = models.CharField(max_length=160)
    approved_by = models.CharField(max_length=160, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        abstract = True

    @transition(field=state, source=RuleState.DRAFT, target=RuleState.TESTED)
    def mark_tested(self, *, by: Actor) -> None:
        """Its effect on what is open has been looked at."""

    @transition(field=state, source=[RuleState.TESTED, RuleState.APPROVED], target=RuleState.DRAFT)
    def send_back(self, *, by: Actor) -> None:
        """It needs another round; an approval given is gone."""
        self.approved_by = ""

    @transition(field=state, source=RuleState.TESTED, target=RuleState.APPROVED)
    def approve(self, *, by: Actor) -> None:
        """A second person agrees."""
        self.approved_by = by.key

    @transition(field=state, source=RuleState.APPROVED, target=RuleState.LIVE)
    def go_live(self, *, by: Actor, on: date) -> None:
        """It counts from `on`."""
        self.effective_from = on

    @transition(
        field=state,
        source=[RuleState.DRAFT, RuleState.TESTED, RuleState.APPROVED, RuleState.LIVE],
        target=RuleState.RETIRED,
    )
    def retire(self, *, by: Actor) -> None:
        """Replaced or withdrawn."""


def four_eyes(name: str) -> models.CheckConstraint:
    """A CHECK that nobody approves a rule of their own."""
    return models.CheckConstraint(condition=Q(approved_by="") | ~Q(approved_by=F("proposed_by")), name=name)


def approved_before_live(name: str) -> models.CheckConstraint:
    """A CHECK that nothing counts that nobody approved."""
    return models.CheckConstraint(
        condition=~Q(state__in=[RuleState.APPROVED, RuleState.LIVE]) | ~Q(approved_by=""), name=name
    )


def one_live(*fields: str, name: str) -> models.UniqueConstraint:
    """At most one live revision per `fields`."""
    return models.UniqueConstraint(fields=fields, condition=Q(state=RuleState.LIVE), name=name)
