"""The catalogue: every kind of the domain, each with an owner, a due time, decisions and a runbook worth reading."""

from pathlib import Path

import pytest

from apps.access.roles import Role
from apps.exceptions import catalogue
from apps.exceptions.catalogue import KINDS, UnknownKind, kind_of, may_decide
from apps.exceptions.states import Family, Severity

BY_FAMILY = {
    Family.DATA: "legal_entity_missing legal_entity_invalid tax_profile_unconfirmed tax_undeterminable currency_mismatch "
    "hierarchy_cycle hierarchy_unresolved bill_to_missing duplicate_customer template_missing rate_missing po_exhausted "
    "schedule_total_mismatch payload_unreadable",
    Family.MAPPING: "value_unmapped crosswalk_missing crosswalk_ambiguous contract_version_unsupported",
    Family.OWNERSHIP: "not_system_of_record concurrent_change",
    Family.REMOTE: "rejected_by_vendor period_closed duplicate_in_vendor permission_denied credentials_expired "
    "throttled_too_long vendor_down unknown_outcome",
    Family.FLOW: "approval_overdue step_overdue out_of_order dead_letter compensation_failed",
    Family.MONEY: "cap_exceeded credit_exceeds_balance invoice_disputed invoice_rejected reconciliation_difference "
    "amendment_after_invoice retro_rate_on_billed_time revenue_out_of_step",
}


def test_the_catalogue_holds_every_kind_of_every_family_and_no_other():
    listed = {family: {kind.code for kind in KINDS.values() if kind.family == family} for family in Family}

    assert listed == {family: set(codes.split()) for family, codes in BY_FAMILY.items()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_each_kind_says_whose_it_is_by_when_and_what_may_be_decided(kind):
    assert kind.owner_role in list(Role)
    assert kind.escalates_to in list(Role)
    assert kind.escalates_to != kind.owner_role
    assert kind.severity in Severity
    assert 1 <= kind.due_within_h <= 40
    assert set(kind.decisions) <= catalogue.DECISIONS
    assert {"reassign", "snooze", "merge", "split"} <= set(kind.decisions)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_each_runbook_tells_what_happened_how_to_check_what_to_do_and_when_to_escalate(kind):
    headings = [line for line in kind.runbook.splitlines() if line.startswith("#")]

    assert headings == [
        f"# {kind.title}", "## What happened", "## How to check", "## What to do", "## When to escalate"
    ]  # fmt: skip
    assert len(kind.runbook.split()) > 60


def test_no_runbook_is_left_without_a_kind():
    folder = Path(catalogue.__file__).parent / "runbooks"

    assert {path.stem for path in folder.glob("*.md")} == set(KINDS)


def test_what_is_graver_is_due_no_later():
    graver = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    latest = {
        severity: max((k.due_within_h for k in KINDS.values() if k.severity == severity), default=0)
        for severity in graver
    }

    assert latest[Severity.CRITICAL] < min(k.due_within_h for k in KINDS.values() if k.severity == Severity.MEDIUM)
    assert latest[Severity.CRITICAL] <= latest[Severity.HIGH]


def test_an_unknown_outcome_may_be_looked_up_but_never_replayed_or_dismissed():
    assert may_decide("unknown_outcome", "look_up")
    assert not may_decide("unknown_outcome", "replay")
    assert not may_decide("unknown_outcome", "resubmit")
    assert not may_decide("unknown_outcome", "dismiss")


def test_a_kind_nobody_listed_is_named_in_the_error():
    with pytest.raises(UnknownKind, match="'invoice_eaten_by_dog' is not a kind of case"):
        kind_of("invoice_eaten_by_dog")
