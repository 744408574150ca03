"""The German company's books: chart of accounts, fiscal years, taxes, terms and the way it is paid.

Runs inside Tryton's own environment, on an open proteus connection. Accounts are found by the code of the
universal chart, which is the same in every language.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard

Record = Any  # a proteus record: its fields are known only to the running database

RECEIVABLE, PAYABLE, BANK = "1.2.1", "2.1.1", "1.1.1"
REVENUE, EXPENSE = "4.2.2", "5.1.3"
VAT_PAYABLE, DEFERRED_REVENUE, DEFERRED_EXPENSE = "2.2.3", "2.2.2", "1.4.2"

PAYMENT_TERMS_DAYS = (0, 7, 10, 14, 21, 30, 45, 60, 90)

# Tax codes as the tax engine quotes them; Tryton keeps the code in the tax's description.
TAXES = (
    ("DE19", "Umsatzsteuer 19 %", Decimal("0.19"), ""),
    ("DE0", "Nicht steuerbar, Drittland 0 %", Decimal("0"), "Nicht im Inland steuerbare Leistung."),
    ("RC", "Reverse charge 0 %", Decimal("0"), "Steuerschuldnerschaft des Leistungsempfängers (reverse charge)."),
)


def create_chart(company: Record, *, config: Any) -> dict[str, Record]:
    """Copy the German universal chart to the company and return its accounts by code."""
    data = Model.get("ir.model.data")
    template = Model.get("account.account.template")(data.get_id("account.account_template_root_de", config.context))
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = template
    wizard.form.company = company
    wizard.execute("create_account")
    found = Model.get("account.account").find([("company", "=", company.id), ("code", "!=", None)])
    accounts = {account.code: account for account in found}
    wizard.form.account_receivable = accounts[RECEIVABLE]
    wizard.form.account_payable = accounts[PAYABLE]
    wizard.form.category_account_revenue = accounts[REVENUE]
    wizard.form.category_account_expense = accounts[EXPENSE]
    wizard.execute("create_properties")
    _configure_accounting(company, accounts=accounts, config=config)
    return accounts


def create_fiscal_years(company: Record, *, around: dt.date) -> list[Record]:
    """Open the year before, the year of and the year after a date, each with twelve monthly periods."""
    return [_create_fiscal_year(company, year=year) for year in (around.year - 1, around.year, around.year + 1)]


def create_taxes(*, accounts: dict[str, Record]) -> dict[str, Record]:
    """The taxes the German company invoices with, by code."""
    tax_model = Model.get("account.tax")
    taxes = {}
    for code, name, rate, notice in TAXES:
        tax = tax_model(name=name, description=code, type="percentage", rate=rate, legal_notice=notice)
        tax.invoice_account = tax.credit_note_account = accounts[VAT_PAYABLE]
        tax.save()
        taxes[code] = tax
    return taxes


def create_payment_term(*, days: int) -> Record:
    """One line for the whole amount, due a number of days after the invoice date."""
    term = Model.get("account.invoice.payment_term")(name=f"{days} Tage netto")
    term.lines.new(type="remainder").relativedeltas.new(days=days)
    term.save()
    return term


def create_payment_method(*, accounts: dict[str, Record]) -> Record:
    """The bank, as the way a customer's payment is booked."""
    (journal,) = Model.get("account.journal").find([("type", "=", "cash")], limit=1)
    method = Model.get("account.invoice.payment.method")(name="Bank", journal=journal)
    method.credit_account = method.debit_account = accounts[BANK]
    method.save()
    return method


def _configure_accounting(company: Record, *, accounts: dict[str, Record], config: Any) -> None:
    with config.set_context(company=company.id):
        settings = Model.get("account.configuration")(1)
        # Tax is rounded per line, as the tax engine quotes it; Tryton's own default rounds it per document.
        settings.tax_rounding = "line"
        settings.deferred_account_revenue = accounts[DEFERRED_REVENUE]
        settings.deferred_account_expense = accounts[DEFERRED_EXPENSE]
        settings.save()


def _create_fiscal_year(company: Record, *, year: int) -> Record:
    kinds = Model.get("ir.sequence.type")
    (moves,) = kinds.find([("name", "=", "Account Move")], limit=1)
    (invoices,) = kinds.find([("name", "=", "Invoice")], limit=1)
    fiscal_year = Model.get("account.fiscalyear")(name=str(year), company=company)
    fiscal_year.start_date, fiscal_year.end_date = dt.date(year, 1, 1), dt.date(year, 12, 31)
    fiscal_year.move_sequence = _create_sequence(f"Buchungen {year}", kind=moves, company=company, prefix="")
    bills = _create_sequence(f"Rechnungen {year}", kind=invoices, company=company, prefix=f"RE-{year}-")
    credit_notes = _create_sequence(f"Gutschriften {year}", kind=invoices, company=company, prefix=f"GS-{year}-")
    (row,) = fiscal_year.invoice_sequences
    row.out_invoice_sequence = row.in_invoice_sequence = bills
    row.out_credit_note_sequence = row.in_credit_note_sequence = credit_notes
    fiscal_year.save()
    fiscal_year.click("create_period")
    return fiscal_year


def _create_sequence(name: str, *, kind: Record, company: Record, prefix: str) -> Record:
    sequence = Model.get("ir.sequence.strict")(name=name, sequence_type=kind, company=company)
    sequence.prefix, sequence.padding = prefix, 5 if prefix else 0
    sequence.save()
    return sequence
