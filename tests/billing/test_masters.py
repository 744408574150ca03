"""The demo masters: complete, added once, and never over what people have edited."""

from io import StringIO

import pytest
from django.core.management import call_command

from apps.billing.models import FiscalPeriod
from apps.contracts.models import LegalEntity
from apps.core import clock
from apps.governance.models import ValueMap
from apps.projects.models import CostCentre, ProjectTemplate

pytestmark = pytest.mark.django_db


def run() -> str:
    out = StringIO()
    call_command("masters", stdout=out)
    return out.getvalue()


def test_the_demo_company_has_all_its_masters():
    said = run()

    assert "legal entities: 3 added, 0 there already" in said
    assert set(LegalEntity.objects.values_list("code", "currency", "erp")) == {
        ("DE-01", "EUR", "tryton"),
        ("US-01", "USD", "netsuite"),
        ("UK-01", "GBP", "netsuite"),
    }
    assert CostCentre.objects.count() == 9
    assert set(ProjectTemplate.objects.values_list("service_line", flat=True)) == {
        "ADVISORY",
        "IMPLEMENTATION",
        "MANAGED",
    }
    assert set(ValueMap.objects.values_list("state", flat=True)) == {"live"}


def test_only_what_is_over_is_closed():
    run()

    for entity in LegalEntity.objects.all():
        today = clock.today(entity.zone)
        periods = FiscalPeriod.objects.filter(legal_entity=entity)
        assert periods.count() == 36
        assert periods.get(starts_on__lte=today, ends_on__gte=today).state == "open"
        assert set(periods.filter(ends_on__lt=today).values_list("state", flat=True)) == {"closed"}
        assert set(periods.filter(starts_on__gt=today).values_list("state", flat=True)) == {"open"}


def test_running_it_again_adds_nothing_and_keeps_what_people_changed():
    run()
    LegalEntity.objects.filter(pk="DE-01").update(name="Renamed GmbH")
    FiscalPeriod.objects.update(state="closed")

    said = run()

    assert all(": 0 added" in line for line in said.splitlines())
    assert LegalEntity.objects.get(pk="DE-01").name == "Renamed GmbH"
    assert not FiscalPeriod.objects.filter(state="open").exists()
