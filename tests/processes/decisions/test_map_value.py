"""A value is mapped by two people, and every case that failed for want of it heals."""

import pytest
from django.db import transaction

from apps.access.errors import NotAllowed
from apps.audit.work import Work
from apps.core.actor import system
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.governance.errors import NotYourDecision
from apps.governance.models import ValueMap
from apps.governance.states import RuleState
from apps.processes.decisions import approval
from apps.processes.jobs import running
from apps.processes.models import Job
from apps.processes.states import JobState
from apps.projects.models import Project
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate
from tests.processes.decisions.story import agree, asked, decide, offer, person


def _misname(source: str, *, target: str) -> None:
    """Somebody has mapped a service line to an item that NetSuite does not have."""
    rule = ValueMap.objects.get(system="netsuite", kind="service_line", source=source, state=RuleState.LIVE)
    with transaction.atomic():
        work = Work()
        held = work.lock(ValueMap, [rule.pk])[rule.pk]
        held.target = target
        work.note(held, verb="misname", by=system("test"))
        work.flush()


def _two_unmapped(company: Estate) -> list[ExceptionCase]:
    _misname("IMPLEMENTATION", target="999")
    for customer in ("nimbus", "borealis"):
        company.activated(company.win(customer))
    cases = list(ExceptionCase.objects.order_by("pk"))
    assert [(case.kind, case.step) for case in cases] == [("value_unmapped", "billing_schedule")] * 2
    return cases


def test_two_people_map_a_value_and_the_whole_group_heals(company: Estate) -> None:
    first, second = _two_unmapped(company)
    wanted = {each.name: each.value for each in offer("map_value", first, to="admin").inputs}
    assert (wanted["kind"], wanted["source"]) == ("service_line", "IMPLEMENTATION")

    decide("map_value", first, by="admin", kind="service_line", source="IMPLEMENTATION", target="102", scope="all")
    with pytest.raises(NotYourDecision):
        approval.grant(asked().pk, by=person("admin").actor)
    with pytest.raises(NotYourDecision):
        approval.grant(asked().pk, by=person("finance").actor)
    agree(asked(), by="integration")
    for _ in range(4):
        company.settle()
        running.advance_all()

    assert {case.state for case in ExceptionCase.objects.filter(pk__in=[first.pk, second.pk])} == {CaseState.RESOLVED}
    assert set(Project.objects.values_list("state", flat=True)) == {ProjectState.ACTIVE}
    assert Job.objects.get().state == JobState.DONE
    live = ValueMap.objects.get(system="netsuite", kind="service_line", source="IMPLEMENTATION", state=RuleState.LIVE)
    assert (live.target, live.proposed_by, live.approved_by) == ("102", "person:admin", "person:integration")
    charges = company.sandbox.ask("ledger?vendor=netsuite&kind=charge")
    assert {charge["body"]["billingItem"]["id"] for charge in charges if charge["by"] == "key"} == {"102"}


def test_a_mapping_that_is_refused_changes_nothing(company: Estate) -> None:
    first, second = _two_unmapped(company)
    decide("map_value", first, by="admin", kind="service_line", source="IMPLEMENTATION", target="102", scope="all")

    approval.refuse(asked().pk, by=person("integration").actor, why="that item is retired")
    company.settle()

    assert {case.state for case in ExceptionCase.objects.all()} == {CaseState.OPEN}
    live = ValueMap.objects.get(system="netsuite", kind="service_line", source="IMPLEMENTATION", state=RuleState.LIVE)
    assert live.target == "999"
    with pytest.raises(NotAllowed):
        decide("map_value", second, by="finance", kind="service_line", source="X", target="1", scope="all")
