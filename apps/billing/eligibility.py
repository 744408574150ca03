"""Rules for turning an achieved milestone into an invoice. Pure: no rows, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.billing.states import PeriodState
from apps.contracts.blockers import Blocker
from apps.contracts.states import AccountState, ContractState
from apps.core.money import Money
from apps.projects.states import ProjectState


@dataclass(frozen=True, slots=True)
class Period:
    """One period of the entity's receivables."""

    starts_on: date
    ends_on: date
    state: str


@dataclass(frozen=True, slots=True)
class BillingFacts:
    """All that the rules ask of one milestone.

    asked:        the part to be invoiced; None for all that remains.
    po_amount:    None for a contract without a limit.
    po_used:      posted less credited, before tax; `po_reserved` what is on its way to be posted.
    predecessors: codes of earlier milestones of its line that are not achieved yet; empty where order does not matter.
    """

    milestone_id: str
    code: str
    is_achieved: bool
    is_on_hold: bool
    has_evidence: bool
    currency: str
    amount: Decimal
    held_back: Decimal
    invoiced: Decimal
    legal_entity: str
    contract_state: str
    project_state: str
    account_state: str
    has_credit_hold: bool
    has_tax_profile: bool
    periods: tuple[Period, ...]
    asked: Decimal | None = None
    po_number: str = ""
    po_amount: Decimal | None = None
    po_used: Decimal = Decimal(0)
    po_reserved: Decimal = Decimal(0)
    predecessors: tuple[str, ...] = ()

    @property
    def remaining(self) -> Decimal:
        """What may still be invoiced."""
        return self.amount - self.held_back - self.invoiced

    @property
    def to_invoice(self) -> Decimal:
        """What the invoice would be over."""
        return self.remaining if self.asked is None else self.asked

    @property
    def money(self) -> Money:
        """The money that waits."""
        return Money(max(self.to_invoice, Decimal(0)), self.currency)


def why_not_billable(facts: BillingFacts, *, today: date) -> tuple[Blocker, ...]:
    """Everything that stands in the way of an invoice dated `today`, a day in the entity's zone; empty means go."""
    return (
        *_business(facts),
        *_holds(facts),
        *_amounts(facts),
        *_purchase_order(facts),
        *_period(facts, today),
        *_tax(facts),
    )


def period_of(facts: BillingFacts, day: date) -> Period | None:
    """The fiscal period a day falls in, None where nobody set one up."""
    return next((period for period in facts.periods if period.starts_on <= day <= period.ends_on), None)


def _business(facts: BillingFacts) -> Iterator[Blocker]:
    """Nothing downstream acts before the state upstream is true."""
    if facts.contract_state not in (ContractState.APPROVED, ContractState.ACTIVE):
        text = f"The contract is {_word(facts.contract_state)}; only an approved or active one is billed."
        yield Blocker("out_of_order", text, "contract.state", facts.money, "contract_not_active")
    if facts.project_state != ProjectState.ACTIVE:
        text = f"The project is {_word(facts.project_state)}, not active. It is billed once the ERP holds it."
        yield Blocker("out_of_order", text, "project.state", facts.money, "project_not_active")
    if not facts.is_achieved:
        text = f"Milestone {facts.code} is not achieved yet."
        yield Blocker("out_of_order", text, "milestone.state", facts.money, "not_achieved")
    elif not facts.has_evidence:
        text = (
            f"Milestone {facts.code} is reported achieved without evidence. Have delivery attach it and report again."
        )
        yield Blocker("out_of_order", text, "milestone.evidence", facts.money, "evidence_missing")
    if facts.predecessors:
        text = (
            f"Before {facts.code} come {', '.join(facts.predecessors)}, not achieved yet. "
            "Have them reported, or let the line's milestones be billed in any order."
        )
        yield Blocker("out_of_order", text, "milestone.predecessor", facts.money, "predecessor_open")


def _holds(facts: BillingFacts) -> Iterator[Blocker]:
    if facts.is_on_hold:
        text = f"Milestone {facts.code} is on hold. Release it to go on."
        yield Blocker("out_of_order", text, "milestone.state", facts.money, "milestone_on_hold")
    if facts.has_credit_hold or facts.account_state == AccountState.ON_HOLD:
        text = "The customer is on credit hold. Finance releases it in the ERP."
        yield Blocker("out_of_order", text, "account.credit_hold", facts.money, "credit_hold")


def _amounts(facts: BillingFacts) -> Iterator[Blocker]:
    if facts.remaining <= 0:
        text = f"Milestone {facts.code} is invoiced in full: {_plain(facts.invoiced, facts)} of {_plain(facts.amount, facts)}."
        yield Blocker("schedule_total_mismatch", text, "milestone.amount", None, "nothing_remains")
    elif facts.to_invoice <= 0:
        text = f"An invoice over {_plain(facts.to_invoice, facts)} makes no sense. Ask for more than nothing."
        yield Blocker("schedule_total_mismatch", text, "amount", facts.money, "amount_not_positive")
    elif facts.to_invoice > facts.remaining:
        text = (
            f"{_plain(facts.to_invoice, facts)} is asked for, {_plain(facts.remaining, facts)} remains of {facts.code} "
            f"({_plain(facts.invoiced, facts)} invoiced, {_plain(facts.held_back, facts)} held back)."
        )
        over = Money(facts.to_invoice - facts.remaining, facts.currency)
        yield Blocker("schedule_total_mismatch", text, "amount", over, "amount_exceeds_milestone")


def _purchase_order(facts: BillingFacts) -> Iterator[Blocker]:
    if facts.po_amount is None:
        return
    left = facts.po_amount - facts.po_used - facts.po_reserved
    if facts.to_invoice > left:
        text = (
            f"Purchase order {facts.po_number or 'without a number'} has {_plain(left, facts)} left of "
            f"{_plain(facts.po_amount, facts)}, the invoice is over {_plain(facts.to_invoice, facts)}. "
            "Ask the customer to raise it, then correct it in the CRM."
        )
        yield Blocker("po_exhausted", text, "po_amount", Money(facts.to_invoice - left, facts.currency))


def _period(facts: BillingFacts, today: date) -> Iterator[Blocker]:
    period = period_of(facts, today)
    if period is None:
        text = f"{facts.legal_entity} has no fiscal period for {today}. Set it up, or date the invoice otherwise."
        yield Blocker("period_closed", text, "invoice_date", facts.money, "period_missing")
    elif period.state != PeriodState.OPEN:
        text = (
            f"The period {period.starts_on:%Y-%m} of {facts.legal_entity} is {period.state}, so nothing can be posted on "
            f"{today}. Wait until it opens, or date the invoice otherwise."
        )
        yield Blocker("period_closed", text, "invoice_date", facts.money, f"period_{period.state}")


def _tax(facts: BillingFacts) -> Iterator[Blocker]:
    if not facts.has_tax_profile:
        text = f"No tax profile in force with {facts.legal_entity}. Ask the tax engine again."
        yield Blocker("tax_profile_unconfirmed", text, "tax_profile", facts.money)


def _word(state: str) -> str:
    return state.replace("_", " ")


def _plain(amount: Decimal, facts: BillingFacts) -> str:
    return f"{amount.normalize():,f} {facts.currency}"
