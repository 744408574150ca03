"""What was sold: the contract, its lines per legal entity, and the milestones they are billed by."""

from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import model_validator

from apps.canonical.base import Amount, Canonical, Code, Currency, Name, Text
from apps.canonical.parties import Account


class MilestoneTerm(Canonical):
    """One billing milestone as sold. `amount` in the contract's currency, before tax."""

    code: Code
    name: Name
    amount: Amount
    due_on: date | None = None


class ContractLine(Canonical):
    """What one legal entity delivers. `ref` is unique within the contract and stable across its versions.

    `milestones_in_order`: a milestone may be billed only once those due before it are achieved.
    """

    ref: Code
    legal_entity: Text
    service_line: Text
    billing_method: Text
    amount: Amount
    milestones: tuple[MilestoneTerm, ...] = ()
    milestones_in_order: bool = True

    @model_validator(mode="after")
    def _milestone_codes_are_unique(self) -> Self:
        codes = [milestone.code for milestone in self.milestones]
        if len(codes) != len(set(codes)):
            raise ValueError(f"two milestones of line {self.ref!r} carry the same code")
        return self


class Contract(Canonical):
    """A won opportunity as the CRM states it now.

    `ref` is the CRM's opportunity id; `changed_at` its own ISO 8601 instant of last change.
    `won` is False while the opportunity is still open or was lost.
    """

    ref: Code
    name: Name
    account: Account | None
    # The parents of the account, nearest first, as the CRM tells them; needed to find cycles.
    hierarchy: tuple[Account, ...] = ()
    currency: Currency
    value: Amount
    won: bool
    starts_on: date | None = None
    ends_on: date | None = None
    po_number: Text = ""
    po_amount: Amount | None = None
    delivery_model: Text = ""
    lines: tuple[ContractLine, ...] = ()
    changed_at: str = ""

    @model_validator(mode="after")
    def _line_refs_are_unique(self) -> Self:
        refs = [line.ref for line in self.lines]
        if len(refs) != len(set(refs)):
            raise ValueError("two contract lines carry the same ref")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError(f"the contract ends on {self.ends_on}, before it starts on {self.starts_on}")
        return self

    @property
    def lines_total(self) -> Decimal:
        """Sum of the lines, to be equal to `value`."""
        return sum((line.amount for line in self.lines), Decimal(0))
