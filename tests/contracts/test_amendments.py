"""The difference list: exact, readable, and empty after applying."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from apps.canonical.contracts import Contract, ContractLine, MilestoneTerm
from apps.contracts.amendments import commercial, differences, entity_content, terms_hash
from tests.contracts.story import company, deal, line

amounts = st.decimals(min_value=0, max_value=1_000_000, places=2)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
milestones = st.lists(
    st.builds(MilestoneTerm, code=st.sampled_from(["M1", "M2", "M3"]), name=st.just("x"), amount=amounts, due_on=days),
    unique_by=lambda term: term.code,
    max_size=3,
).map(tuple)
lines = st.lists(
    st.builds(
        ContractLine,
        ref=st.sampled_from(["L1", "L2", "a.b", "lines", "milestones"]),
        legal_entity=st.sampled_from(["DE-01", "US-01", ""]),
        service_line=st.sampled_from(["ADVISORY", "MANAGED"]),
        billing_method=st.just("fixed_fee_milestone"),
        amount=amounts,
        milestones=milestones,
    ),
    unique_by=lambda one: one.ref,
    max_size=4,
).map(tuple)
contracts = st.builds(
    Contract,
    ref=st.just("9001"),
    name=st.sampled_from(["a", "b"]),
    account=st.sampled_from([None, company("1"), company("2")]),
    currency=st.sampled_from(["EUR", "USD"]),
    value=amounts,
    won=st.booleans(),
    po_number=st.sampled_from(["", "PO-1"]),
    po_amount=st.none() | amounts,
    lines=lines,
    changed_at=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
)


@given(contracts, contracts)
def test_the_list_is_empty_exactly_when_the_hashes_agree(one, other):
    old, new = commercial(one), commercial(other)

    assert (differences(old, new) == ()) == (terms_hash(old) == terms_hash(new))


@given(contracts, contracts)
def test_applying_the_list_leaves_no_difference(one, other):
    old, new = commercial(one), commercial(other)

    for change in differences(old, new):
        assert change.old != change.new
    assert differences(new, commercial(other)) == ()


@given(contracts)
def test_an_entity_does_not_notice_a_change_of_another(terms):
    entities = {line.legal_entity for line in terms.lines}
    more = line("UK-01", "5", ref="L9")
    amended = terms.model_copy(update={"lines": (*terms.lines, more), "value": terms.value + 5})

    for entity in entities:
        before, after = entity_content(commercial(terms), entity), entity_content(commercial(amended), entity)
        assert terms_hash(before) == terms_hash(after)
    assert terms_hash(commercial(terms)) != terms_hash(commercial(amended))


def test_spelling_of_numbers_and_order_of_lines_do_not_matter():
    one = deal("9001", line("DE-01", "1000"), line("US-01", "5"))
    other = deal("9001", line("US-01", "5.00"), line("DE-01", "1E+3"), value=Decimal("1005.000"))

    assert terms_hash(commercial(one)) == terms_hash(commercial(other))


def test_names_addresses_and_stamps_are_no_terms():
    one = deal(account=company(name="Old GmbH"))
    other = deal(account=company(name="New GmbH", domain="new.example"), name="Other", changed_at="later")

    assert terms_hash(commercial(one)) == terms_hash(commercial(other))


def test_another_customer_is_a_change_of_terms():
    changes = differences(commercial(deal()), commercial(deal(account=company("502"))))

    assert [(one.path, one.label, one.old, one.new) for one in changes] == [("account", "Customer", "501", "502")]


def test_a_purchase_order_taken_away_reads_well():
    changes = differences(commercial(deal(po_number="PO-7")), commercial(deal()))

    assert [str(one) for one in changes] == ["Purchase order: PO-7 → nothing"]
