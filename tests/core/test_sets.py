"""Sets: many rows written by one statement, each column as its type wants it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts.models import Account, Contract
from apps.core.sets import update_column, update_rows
from apps.exceptions.models import ExceptionCase
from tests.factories import finding, opened

pytestmark = pytest.mark.django_db


def contracts(count: int) -> list[Contract]:
    rows = [
        Contract(
            id=f"CON-{number}",
            source_system="hubspot",
            ref=str(number),
            name=f"Deal {number}",
            currency="EUR",
            value=Decimal(100),
        )
        for number in range(count)
    ]
    return list(Contract.objects.bulk_create(rows))


def test_every_row_gets_its_own_values_of_every_type(django_assert_num_queries):
    Account.objects.create(id="ACC-1", source_system="hubspot", ref="1", name="Aurora")
    first, second, third = contracts(3)
    first.name, first.value, first.account_id = "Überholung “M2” \\ {1,2}", Decimal("283534.000001"), "ACC-1"
    first.starts_on, first.approved_at = date(2026, 11, 1), datetime(2026, 11, 22, 8, tzinfo=UTC)
    second.po_amount = Decimal("0.10")

    with django_assert_num_queries(1):
        written = update_rows(
            Contract, [first, second], ["name", "value", "account", "starts_on", "approved_at", "po_amount"]
        )

    assert written == 2
    for row in (first, second, third):
        fresh = Contract.objects.get(pk=row.pk)
        assert (fresh.name, fresh.value, fresh.account_id) == (row.name, row.value, row.account_id)
        assert (fresh.starts_on, fresh.approved_at, fresh.po_amount) == (row.starts_on, row.approved_at, row.po_amount)


def test_json_is_written_as_json_and_nothing_as_nothing():
    row = Account(id="ACC-1", source_system="hubspot", ref="1", name="Aurora")
    other = Account(id="ACC-2", source_system="hubspot", ref="2", name="Borealis", bill_to={"city": "Ulm"})
    Account.objects.bulk_create([row, other])
    row.bill_to, other.bill_to = {"city": 'Köln "Süd"', "lines": [1, None]}, None

    update_rows(Account, [row, other], ["bill_to"])

    assert Account.objects.get(pk="ACC-1").bill_to == {"city": 'Köln "Süd"', "lines": [1, None]}
    assert Account.objects.filter(pk="ACC-2", bill_to__isnull=True).exists()


def test_a_key_that_is_a_number_is_found_as_one():
    (case,) = opened(finding())
    case.step = "erp_post"

    assert update_rows(ExceptionCase, [case], ["step"]) == 1
    assert ExceptionCase.objects.get(pk=case.pk).step == "erp_post"


def test_nothing_to_write_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert update_rows(Contract, [], ["name"]) == 0
        assert update_rows(Contract, [Contract(id="CON-1")], []) == 0


def test_one_column_of_many_rows_is_written_at_once(django_assert_num_queries):
    rows = contracts(3)

    with django_assert_num_queries(1):
        update_column(Contract, [(rows[0].pk, "Alpha"), (rows[2].pk, "Gamma")], "name")

    assert list(Contract.objects.order_by("pk").values_list("name", flat=True)) == ["Alpha", "Deal 1", "Gamma"]


def test_a_name_that_is_no_column_is_said_to_be_none():
    with pytest.raises(AssertionError, match=r"Account\.contracts is no column"):
        update_column(Account, [("ACC-1", "x")], "contracts")
