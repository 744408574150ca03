"""HubSpot's properties read into canonical words, and our news written as properties."""

import copy
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.canonical.commands import UpdateOpportunity
from apps.canonical.contracts import Contract
from apps.connectors.hubspot.mapping import is_as_written, names_of, to_contract, to_write_back
from apps.core.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = names_of({})


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def contract(
    *, deal: dict[str, Any] | None = None, item: dict[str, Any] | None = None, company: Any = None
) -> Contract:
    """The fixtures' contract, with some properties of the deal, its first line item or its customer changed."""
    given, items, companies = fixture("deal"), fixture("line_items"), fixture("companies")
    given["properties"].update(deal or {})
    items[0]["properties"].update(item or {})
    companies[0]["properties"].update(company or {})
    return to_contract(given, companies=companies, line_items=items, names=NAMES)


def test_a_won_deal_is_a_contract_with_one_line_per_entity_service_and_method():
    found = contract()

    assert (found.ref, found.name, found.won) == ("123", "Roll-out", True)
    assert (found.currency, found.value, found.po_amount) == ("EUR", Decimal("100000.50"), Decimal(150000))
    assert (found.starts_on, found.ends_on) == (date(2026, 12, 1), date(2027, 5, 31))
    assert [line.ref for line in found.lines] == [
        "DE-01:IMPLEMENTATION:fixed_fee_milestone",
        "UK-01:ADVISORY:fixed_fee_milestone",
    ]
    assert [one.code for one in found.lines[0].milestones] == ["M1", "M2"]
    assert found.lines[1].milestones[0].amount == Decimal("20000.00")
    assert found.lines_total == found.value


def test_the_customer_comes_with_its_parents_and_where_to_bill():
    found = contract()

    assert found.account is not None
    assert (found.account.country, found.account.parent_ref, found.account.payment_terms_days) == ("DE", "89", 45)
    assert found.account.bill_to is not None
    assert found.account.bill_to.email == "ap@contoso.example"
    assert [(one.ref, one.bill_to, one.payment_terms_days) for one in found.hierarchy] == [("89", None, 30)]


def test_what_the_crm_leaves_empty_is_left_to_the_checks_of_the_contract():
    found = contract(item={"legal_entity": None, "hs_sku": "", "milestone_code": None}, company={"country": None})

    assert (found.lines[1].legal_entity, found.lines[1].service_line) == ("", "")
    assert found.account is not None
    assert (found.account.country, found.account.bill_to) == ("", None)


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("deal", "amount", "1.234,50"),
        ("deal", "amount", ""),
        ("deal", "amount", "NaN"),
        ("deal", "amount", "1e99"),
        ("deal", "amount", "١٢٣"),
        ("deal", "po_amount", "much"),
        ("deal", "contract_start", "01.12.2026"),
        ("deal", "contract_start", "2026-02-30"),
        ("deal", "hs_is_closed_won", "perhaps"),
        ("deal", "dealname", "a\x00b"),
        ("deal", "deal_currency_code", ""),
        ("deal", "dealname", 7),
        ("item", "price", "free"),
        ("item", "milestone_due", "soon"),
        ("company", "country", "Atlantis"),
        ("company", "payment_terms_days", "30.5"),
        ("company", "name", ""),
    ],
)
def test_a_value_nobody_can_read_names_the_property_and_the_object(where: str, name: str, value: Any):
    with pytest.raises(BadInput) as raised:
        contract(**{where: {name: value}})

    assert raised.value.path == name
    assert name in str(raised.value)
    assert {"deal": "deal 123", "item": "line item 3", "company": "company 88"}[where] in str(raised.value)
    assert raised.value.mend


def test_an_unknown_currency_and_an_end_before_the_start_are_refused():
    with pytest.raises(BadInput, match="XXQ"):
        contract(deal={"deal_currency_code": "XXQ"})
    with pytest.raises(BadInput, match="before it starts"):
        contract(deal={"contract_end": "2026-01-01"})


def test_one_milestone_code_twice_in_a_line_is_refused():
    items = fixture("line_items")
    items.append(copy.deepcopy(items[2]) | {"id": "9"})

    with pytest.raises(BadInput, match="milestone_code: 'M1' stands on two line items"):
        to_contract(fixture("deal"), companies=[], line_items=items, names=NAMES)


@pytest.mark.parametrize("broken", [None, [], {}, {"id": "1"}, {"properties": {}}, {"id": "1", "properties": []}])
def test_an_object_without_id_or_properties_is_refused(broken: Any):
    with pytest.raises(BadInput):
        to_contract(broken, companies=[], line_items=[], names=NAMES)
    with pytest.raises(BadInput):
        to_contract(fixture("deal"), companies=[broken], line_items=[], names=NAMES)


def test_a_tenant_may_name_its_properties_and_stages_otherwise():
    names = names_of({"properties": {"deal": {"value": "tcv"}}, "won_stages": ["4711"], "default_currency": "GBP"})
    deal = fixture("deal")
    deal["properties"] |= {"tcv": "5", "hs_is_closed_won": None, "dealstage": "4711", "deal_currency_code": None}

    found = to_contract(deal, companies=[], line_items=[], names=names)

    assert (found.value, found.won, found.currency, found.account) == (Decimal(5), True, "GBP", None)


def test_news_are_written_as_text_and_nothing_else_is_touched():
    command = UpdateOpportunity(
        ref="123",
        invoice_number="R-7",
        invoice_date=date(2026, 11, 20),
        invoiced_amount=Decimal("1E+3"),
        currency="EUR",
    )

    written = to_write_back(command, correlation_id="c" * 32, names=NAMES)

    assert written == {
        "erp_last_invoice_number": "R-7",
        "erp_last_invoice_date": "2026-11-20",
        "erp_invoiced_amount": "1000",
        "tieout_correlation_id": "c" * 32,
    }
    assert is_as_written({**written, "erp_invoiced_amount": "1000.00", "dealname": "x"}, written, names=NAMES)
    assert not is_as_written({**written, "erp_invoiced_amount": "999"}, written, names=NAMES)
    assert not is_as_written({**written, "erp_invoiced_amount": None}, written, names=NAMES)
    assert not is_as_written(None, written, names=NAMES)
