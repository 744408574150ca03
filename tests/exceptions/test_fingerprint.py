"""The fingerprint groups by cause and by nothing that differs per object."""

from hypothesis import given
from hypothesis import strategies as st

from apps.exceptions.fingerprint import fingerprint
from tests.factories import finding

CAUSES = st.fixed_dictionaries({name: st.text(max_size=20) for name in ("kind", "system", "entity", "code", "field")})


def test_two_invoices_refused_for_the_same_reason_share_a_fingerprint():
    first, second = finding(subject_id="INV-1"), finding(subject_id="INV-2", message="other words", attempts=7)

    assert first.fingerprint == second.fingerprint
    assert first.key != second.key


def test_another_entity_system_code_or_field_is_another_cause():
    base = finding()
    others = [
        finding(entity="US-01"),
        finding(system="netsuite"),
        finding(code="locked"),
        finding(field="amount"),
        finding("period_closed"),
    ]

    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 6


@given(CAUSES, CAUSES)
def test_different_causes_never_share_a_fingerprint(first, second):
    def plain(cause):
        return [value.strip().lower() for value in cause.values()]

    same = fingerprint(**first) == fingerprint(**second)

    assert same == (plain(first) == plain(second)) or "\x1f" in "".join([*first.values(), *second.values()])
