"""The table of case kinds: how bad, whose, by when, and which decisions a person may take."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from apps.core.errors import TieoutError
from apps.exceptions.runbook import runbook
from apps.exceptions.states import Family, Severity

Nature = Literal["transient", "data", "configuration", "business"]

# Every case may be passed on, put off, joined with another or cut in two.
_ALWAYS = ("reassign", "snooze", "merge", "split")
DECISIONS = frozenset(
    {
        "replay", "resubmit", "map_value", "correct_master_data", "grant", "refuse", "override", "waive", "skip_step",
        "compensate", "credit_and_rebill", "park_until", "redate", "redirect", "look_up", "dismiss",
        "close_with_reference", *_ALWAYS,
    }
)  # fmt: skip

FINANCE, CONTROLLER, DELIVERY = "finance_ops", "finance_controller", "delivery_manager"
SALES, ADMIN, INTEGRATION = "sales_ops", "admin", "integration_owner"

CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW


class UnknownKind(TieoutError):
    """A finding names a kind the catalogue does not have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row. `due_within_h` are business hours; `nature` says what usually mends it."""

    code: str
    family: Family
    title: str
    severity: Severity
    owner_role: str
    escalates_to: str
    due_within_h: int
    nature: Nature
    decisions: tuple[str, ...]
    runbook: str

    @property
    def is_transient(self) -> bool:
        """It may go away by itself; replaying later is the usual remedy."""
        return self.nature == "transient"

    @property
    def is_configuration(self) -> bool:
        """Mending one setting mends every case of the group."""
        return self.nature == "configuration"


# code, title, severity, owner, escalates to, due within (business hours), nature
_Row = tuple[str, str, Severity, str, str, int, Nature]

_ROWS: dict[Family, tuple[_Row, ...]] = {
    Family.DATA: (
        ("legal_entity_missing", "No legal entity named", HIGH, SALES, FINANCE, 8, "data"),
        ("legal_entity_invalid", "Legal entity unknown or closed", HIGH, FINANCE, ADMIN, 8, "data"),
        ("tax_profile_unconfirmed", "Tax profile not confirmed", HIGH, FINANCE, CONTROLLER, 8, "data"),
        ("tax_undeterminable", "Tax cannot be determined", HIGH, FINANCE, CONTROLLER, 8, "data"),
        ("currency_mismatch", "Currencies do not agree", HIGH, FINANCE, CONTROLLER, 8, "data"),
        ("hierarchy_cycle", "Customer hierarchy runs in a circle", MEDIUM, SALES, FINANCE, 16, "data"),
        ("hierarchy_unresolved", "Customer's parent not found", MEDIUM, SALES, FINANCE, 16, "data"),
        ("bill_to_missing", "Nowhere to send the invoice", HIGH, SALES, FINANCE, 8, "data"),
        ("duplicate_customer", "Customer may exist already", MEDIUM, FINANCE, SALES, 16, "data"),
        ("template_missing", "No project template for the service line", MEDIUM, DELIVERY, ADMIN, 16, "configuration"),
        ("rate_missing", "No rate in effect", HIGH, FINANCE, CONTROLLER, 8, "data"),
        ("po_exhausted", "Purchase order used up", HIGH, FINANCE, SALES, 8, "business"),
        ("schedule_total_mismatch", "Billing schedule does not add up", HIGH, SALES, FINANCE, 8, "data"),
        ("payload_unreadable", "Message cannot be read", HIGH, INTEGRATION, ADMIN, 8, "data"),
    ),
    Family.MAPPING: (
        ("value_unmapped", "Value has no mapping", HIGH, INTEGRATION, ADMIN, 8, "configuration"),
        ("crosswalk_missing", "Counterpart in the other system unknown", HIGH, INTEGRATION, ADMIN, 8, "configuration"),
        ("crosswalk_ambiguous", "Two of ours claim one record", HIGH, INTEGRATION, FINANCE, 8, "data"),
        ("contract_version_unsupported", "API contract version not supported", HIGH, INTEGRATION, ADMIN, 8, "configuration"),
    ),
    Family.OWNERSHIP: (
        ("not_system_of_record", "Changed by a system that does not own it", MEDIUM, FINANCE, INTEGRATION, 16, "business"),
        ("concurrent_change", "Changed in two places at once", MEDIUM, FINANCE, INTEGRATION, 16, "transient"),
    ),
    Family.REMOTE: (
        ("rejected_by_vendor", "Refused by the other system", HIGH, FINANCE, INTEGRATION, 8, "data"),
        ("period_closed", "Accounting period is closed", HIGH, FINANCE, CONTROLLER, 8, "business"),
        ("duplicate_in_vendor", "The other system already has a different one", HIGH, FINANCE, CONTROLLER, 8, "data"),
        ("permission_denied", "The other system refuses us the right", HIGH, INTEGRATION, ADMIN, 4, "configuration"),
        ("credentials_expired", "Credentials no longer valid", CRITICAL, INTEGRATION, ADMIN, 2, "configuration"),
        ("throttled_too_long", "Slowed down for too long", MEDIUM, INTEGRATION, ADMIN, 16, "transient"),
        ("vendor_down", "The other system does not answer", HIGH, INTEGRATION, ADMIN, 4, "transient"),
        ("unknown_outcome", "Sent, but nobody knows whether it happened", CRITICAL, FINANCE, CONTROLLER, 2, "transient"),
    ),
    Family.FLOW: (
        ("approval_overdue", "Approval is overdue", MEDIUM, FINANCE, CONTROLLER, 16, "business"),
        ("step_overdue", "Stuck: nothing failed, nothing moves", HIGH, INTEGRATION, FINANCE, 8, "transient"),
        ("out_of_order", "Arrived before what it depends on", MEDIUM, INTEGRATION, FINANCE, 16, "transient"),
        ("dead_letter", "Given up after the last attempt", HIGH, INTEGRATION, ADMIN, 8, "transient"),
        ("compensation_failed", "Undoing did not work", CRITICAL, FINANCE, CONTROLLER, 2, "data"),
    ),
    Family.MONEY: (
        ("cap_exceeded", "Not-to-exceed cap reached", HIGH, DELIVERY, FINANCE, 8, "business"),
        ("credit_exceeds_balance", "Credit is larger than what is open", CRITICAL, FINANCE, CONTROLLER, 4, "business"),
        ("invoice_disputed", "Customer disputes the invoice", HIGH, FINANCE, DELIVERY, 16, "business"),
        ("invoice_rejected", "Invoice refused by the ERP", CRITICAL, FINANCE, CONTROLLER, 4, "data"),
        ("reconciliation_difference", "Our figures differ from the owner's", HIGH, FINANCE, CONTROLLER, 16, "business"),
        ("amendment_after_invoice", "Contract changed after it was invoiced", HIGH, FINANCE, CONTROLLER, 16, "business"),
        ("retro_rate_on_billed_time", "Rate changed for time already billed", HIGH, FINANCE, CONTROLLER, 16, "business"),
        ("revenue_out_of_step", "Revenue does not follow the billing", HIGH, CONTROLLER, FINANCE, 16, "business"),
    ),
}  # fmt: skip

_ALLOWED: dict[str, str] = {
    "legal_entity_missing": "correct_master_data replay resubmit dismiss",
    "legal_entity_invalid": "correct_master_data map_value replay resubmit redirect dismiss",
    "tax_profile_unconfirmed": "correct_master_data replay waive dismiss",
    "tax_undeterminable": "correct_master_data replay override dismiss",
    "currency_mismatch": "correct_master_data replay resubmit dismiss",
    "hierarchy_cycle": "correct_master_data replay dismiss",
    "hierarchy_unresolved": "correct_master_data replay waive dismiss",
    "bill_to_missing": "correct_master_data replay resubmit dismiss",
    "duplicate_customer": "correct_master_data waive replay dismiss",
    "template_missing": "correct_master_data map_value replay dismiss",
    "rate_missing": "correct_master_data replay dismiss",
    "po_exhausted": "correct_master_data replay waive park_until dismiss",
    "schedule_total_mismatch": "correct_master_data resubmit replay dismiss",
    "payload_unreadable": "resubmit replay dismiss",
    "value_unmapped": "map_value correct_master_data replay dismiss",
    "crosswalk_missing": "map_value look_up replay dismiss",
    "crosswalk_ambiguous": "map_value correct_master_data replay dismiss",
    "contract_version_unsupported": "replay resubmit dismiss",
    "not_system_of_record": "correct_master_data waive replay dismiss",
    "concurrent_change": "replay resubmit dismiss",
    "rejected_by_vendor": "resubmit correct_master_data replay override redirect compensate dismiss close_with_reference",
    "period_closed": "park_until redate replay compensate dismiss",
    "duplicate_in_vendor": "look_up override resubmit compensate close_with_reference",
    "permission_denied": "replay redirect dismiss",
    "credentials_expired": "replay dismiss",
    "throttled_too_long": "replay park_until dismiss",
    "vendor_down": "replay park_until redirect dismiss",
    "unknown_outcome": "look_up override close_with_reference",
    "approval_overdue": "grant refuse dismiss",
    "step_overdue": "look_up replay skip_step override compensate dismiss",
    "out_of_order": "replay park_until dismiss",
    "dead_letter": "replay resubmit look_up override compensate dismiss close_with_reference",
    "compensation_failed": "replay look_up override close_with_reference",
    "cap_exceeded": "correct_master_data waive replay dismiss",
    "credit_exceeds_balance": "resubmit credit_and_rebill compensate dismiss",
    "invoice_disputed": "credit_and_rebill park_until waive dismiss close_with_reference",
    "invoice_rejected": "resubmit correct_master_data replay redate override compensate dismiss close_with_reference",
    "reconciliation_difference": "correct_master_data replay waive credit_and_rebill dismiss close_with_reference",
    "amendment_after_invoice": "credit_and_rebill waive grant refuse dismiss",
    "retro_rate_on_billed_time": "credit_and_rebill waive grant refuse dismiss",
    "revenue_out_of_step": "correct_master_data replay waive redate dismiss",
}


def _kinds() -> Iterator[Kind]:
    for family, rows in _ROWS.items():
        for code, title, severity, owner, escalates_to, due_within_h, nature in rows:
            allowed = (*_ALLOWED[code].split(), *_ALWAYS)
            if unknown := set(allowed) - DECISIONS:
                raise ValueError(f"{code} allows decisions that do not exist: {sorted(unknown)}")
            yield Kind(code, family, title, severity, owner, escalates_to, due_within_h, nature, allowed, runbook(code))


KINDS: dict[str, Kind] = {kind.code: kind for kind in _kinds()}


def kind_of(code: str) -> Kind:
    """The catalogue's row; raises UnknownKind naming the code."""
    try:
        return KINDS[code]
    except KeyError:
        raise UnknownKind(
            f"{code!r} is not a kind of case; the catalogue has {len(KINDS)} kinds, see catalogue.py."
        ) from None


def may_decide(code: str, decision: str) -> bool:
    """Whether `decision` is open to people for cases of this kind."""
    return decision in kind_of(code).decisions
