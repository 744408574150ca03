"""Who we deal with: customers, our own legal entities, and how they are taxed."""

from datetime import date
from typing import Literal

from apps.canonical.base import Amount, Canonical, Code, Country, CountryOrNone, Name, Percent, Text


class BillingContact(Canonical):
    """Where invoices go."""

    name: Name
    email: Text = ""
    street: Text = ""
    city: Text = ""
    zip: Text = ""
    country: Country


class Account(Canonical):
    """A customer. `ref` is the CRM's own id; `parent_ref` the CRM id of the parent company, empty at the top."""

    ref: Code
    name: Name
    tax_id: Text = ""
    country: CountryOrNone = ""
    parent_ref: Text = ""
    bill_to: BillingContact | None = None
    payment_terms_days: int = 30
    domain: Text = ""


class TaxProfile(Canonical):
    """How one account is taxed by one legal entity for one service line, from `valid_from` on."""

    treatment: Literal["standard", "zero", "exempt", "reverse_charge"]
    code: Code
    rate_percent: Percent
    jurisdiction: Text
    valid_from: date


class TaxLine(Canonical):
    """Tax of one invoice line: base and amount in the document's currency, major units."""

    ref: Code
    base: Amount
    rate_percent: Percent
    amount: Amount
    code: Code
    reason: Text
