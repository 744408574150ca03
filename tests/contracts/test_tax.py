"""Tax profiles: kept once, ended by the next."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from apps.audit.work import Work
from apps.canonical.parties import TaxProfile as Stated
from apps.contracts.actions.tax import TaxAnswer, confirm_tax_profiles
from apps.contracts.models import TaxProfile
from apps.contracts.queries import tax_profiles
from tests.contracts.story import BY, deal, masters, told

pytestmark = pytest.mark.django_db
START = date(2026, 1, 1)


@pytest.fixture
def account():
    masters()
    return told(deal())[0].account


def confirmed(account, *profiles: Stated) -> None:
    for profile in profiles:
        with transaction.atomic():
            work = Work()
            confirm_tax_profiles(work, [TaxAnswer(account.pk, "DE-01", "ADVISORY", profile, "tax")], by=BY)
            work.flush()


def profile(since: date = START, rate: str = "19") -> Stated:
    return Stated(
        treatment="standard", code=f"DE{rate}", rate_percent=Decimal(rate), jurisdiction="DE", valid_from=since
    )


def test_the_same_answer_twice_is_one_profile(account):
    confirmed(account, profile(), profile())

    assert TaxProfile.objects.count() == 1


def test_a_later_profile_ends_the_one_before(account):
    confirmed(account, profile(), profile(START + timedelta(days=31), "21"))

    where = (account.pk, "DE-01", "ADVISORY")
    assert tax_profiles([account.pk], on=START)[where].code == "DE19"
    assert tax_profiles([account.pk], on=START + timedelta(days=30))[where].code == "DE19"
    assert tax_profiles([account.pk], on=START + timedelta(days=31))[where].code == "DE21"
    assert tax_profiles([account.pk], on=START - timedelta(days=1)) == {}


def test_an_earlier_profile_that_arrives_late_does_not_outlast_the_later(account):
    confirmed(account, profile(START + timedelta(days=31), "21"), profile())

    assert tax_profiles([account.pk], on=date(2026, 6, 1))[account.pk, "DE-01", "ADVISORY"].code == "DE21"
    assert TaxProfile.objects.get(code="DE19").valid_to == START + timedelta(days=30)
