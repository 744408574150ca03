"""Fill a fresh Tryton database with the German company of the demo; runs in Tryton's own environment.

    python -m apps.sandbox.tryton.provision DATABASE_URI CONFIG_FILE OUT_FILE

Writes OUT_FILE (mode 600): login, password, REST key and the ids a connector needs. Passwords are random and are
neither printed nor given as arguments. Refuses a database that already has a company.
"""

import datetime as dt
import json
import os
import secrets
import sys
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from proteus import Model, Wizard
from proteus import config as proteus_config

from apps.sandbox.tryton import ledger
from apps.sandbox.tryton.ledger import Record

COMPANY = "Tieout Demo Deutschland GmbH"
LEGAL_ENTITY = "DE-01"
TIME_ZONE = "Europe/Berlin"
CURRENCIES = (("EUR", "€", "1"), ("USD", "$", "1.16"), ("GBP", "£", "0.88"))
COUNTRIES = (
    ("AE", "United Arab Emirates"), ("AT", "Austria"), ("AU", "Australia"), ("BE", "Belgium"), ("BG", "Bulgaria"),
    ("BR", "Brazil"), ("CA", "Canada"), ("CH", "Switzerland"), ("CY", "Cyprus"), ("CZ", "Czechia"), ("DE", "Germany"),
    ("DK", "Denmark"), ("EE", "Estonia"), ("ES", "Spain"), ("FI", "Finland"), ("FR", "France"),
    ("GB", "United Kingdom"), ("GR", "Greece"), ("HR", "Croatia"), ("HU", "Hungary"), ("IE", "Ireland"),
    ("IN", "India"), ("IT", "Italy"), ("JP", "Japan"), ("LT", "Lithuania"), ("LU", "Luxembourg"), ("LV", "Latvia"),
    ("MT", "Malta"), ("MX", "Mexico"), ("NL", "Netherlands"), ("NO", "Norway"), ("NZ", "New Zealand"),
    ("PL", "Poland"), ("PT", "Portugal"), ("RO", "Romania"), ("SE", "Sweden"), ("SG", "Singapore"),
    ("SI", "Slovenia"), ("SK", "Slovakia"), ("US", "United States"),
)  # fmt: skip
SERVICE_LINES = (
    ("ADVISORY", "Beratung", "220"), ("IMPLEMENTATION", "Einführung", "180"), ("MANAGED", "Betrieb", "140"),
)  # fmt: skip
EMPLOYEES = (("Anna Berger", "92"), ("Jonas Weber", "64"))
GROUPS = (
    "account.group_account", "party.group_party_admin", "project.group_project_admin",
    "project_invoice.group_project_invoice", "timesheet.group_timesheet_admin",
)  # fmt: skip
LOGIN = "sync"


def main(uri: str, config_file: str, out_file: str) -> None:
    """Provision the database and write what the connector needs to sign in."""
    config = proteus_config.set_trytond(uri, config_file=config_file)
    if Model.get("company.company").find([]):
        raise SystemExit(f"tryton: {uri} already has a company; provisioning starts from an empty database")
    currencies = {code: create_currency(code, symbol=symbol, rate=rate) for code, symbol, rate in CURRENCIES}
    countries = {code: create_country(code, name=name) for code, name in COUNTRIES}
    company = create_company(currency=currencies["EUR"], country=countries["DE"], config=config)
    accounts = ledger.create_chart(company, config=config)
    ledger.create_fiscal_years(company, around=dt.datetime.now(ZoneInfo(TIME_ZONE)).date())
    taxes = ledger.create_taxes(accounts=accounts)
    products = create_products(accounts=accounts, tax=taxes["DE19"])
    employees = [create_employee(name, cost=cost, company=company) for name, cost in EMPLOYEES]
    user, password = create_integration_user(company=company, employee=employees[0], config=config)
    ids = {
        "company": company.id,
        "legal_entity": LEGAL_ENTITY,
        "currency": {code: currency.id for code, currency in currencies.items()},
        "country": {code: country.id for code, country in countries.items()},
        "tax": {code: tax.id for code, tax in taxes.items()},
        "account": {"receivable": accounts[ledger.RECEIVABLE].id, "revenue": accounts[ledger.REVENUE].id},
        "journal": {"revenue": find_one("account.journal", [("type", "=", "revenue")]).id},
        "product": {code: product.id for code, product in products.items()},
        "unit": {"hour": unit_of_measure("Hour").id, "milestone": products["MILESTONE"].default_uom.id},
        "payment_term": {str(days): ledger.create_payment_term(days=days).id for days in ledger.PAYMENT_TERMS_DAYS},
        "payment_method": ledger.create_payment_method(accounts=accounts).id,
        "project_status": create_project_statuses(),
        "employees": [employee.id for employee in employees],
        "user": user.id,
    }
    secret = {"login": LOGIN, "password": password, "rest_key": create_rest_key(user=user), "ids": ids}
    write_secret(out_file, secret=secret)


def create_currency(code: str, *, symbol: str, rate: str) -> Record:
    """A currency with its rate to the euro since 2020."""
    currency = Model.get("currency.currency")(name=code, symbol=symbol, code=code)
    currency.rounding, currency.digits = Decimal("0.01"), 2
    currency.rates.new(date=dt.date(2020, 1, 1), rate=Decimal(rate))
    currency.save()
    return currency


def create_country(code: str, *, name: str) -> Record:
    """A country by its ISO 3166 code."""
    country = Model.get("country.country")(code=code, name=name)
    country.save()
    return country


def create_company(*, currency: Record, country: Record, config: Any) -> Record:
    """The legal entity; afterwards the connection works in its context."""
    party = Model.get("party.party")(name=COMPANY, code=LEGAL_ENTITY)
    (address,) = party.addresses
    address.street, address.postal_code, address.city = "Speicherstraße 12", "20457", "Hamburg"
    address.country = country
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = currency
    wizard.form.timezone = TIME_ZONE
    wizard.execute("add")
    config._context = Model.get("res.user").get_preferences(True, {})
    return find_one("company.company", [])


def create_products(*, accounts: dict[str, Record], tax: Record) -> dict[str, Record]:
    """One hourly service product per service line, and the product that milestones are billed with."""
    category = Model.get("product.category")(name="Dienstleistungen 19 %", accounting=True)
    category.account_revenue, category.account_expense = accounts[ledger.REVENUE], accounts[ledger.EXPENSE]
    category.customer_taxes.append(tax)
    category.save()
    hour = unit_of_measure("Hour")
    products = {
        code: create_product(code, name=name, unit=hour, price=price, category=category)
        for code, name, price in SERVICE_LINES
    }
    unit = create_milestone_unit()
    products["MILESTONE"] = create_product("MILESTONE", name="Meilenstein", unit=unit, price="0", category=category)
    return products


def create_milestone_unit() -> Record:
    """A unit that can be billed in part: a third of a milestone must not be rounded to nothing."""
    unit = Model.get("product.uom")(name="Milestone", symbol="MS", category=unit_of_measure("Unit").category)
    unit.rate = unit.factor = 1.0
    unit.digits, unit.rounding = 10, 1e-10
    unit.save()
    return unit


def create_product(code: str, *, name: str, unit: Record, price: str, category: Record) -> Record:
    """A salable service."""
    template = Model.get("product.template")(name=name, code=code, type="service", default_uom=unit)
    template.list_price, template.account_category = Decimal(price), category
    if "salable" in template._fields:
        template.salable = True
    template.save()
    return template.products[0]


def create_employee(name: str, *, cost: str, company: Record) -> Record:
    """A person who works for the company, at a cost per hour."""
    party = Model.get("party.party")(name=name)
    party.save()
    employee = Model.get("company.employee")(party=party, company=company)
    employee.cost_prices.new(date=dt.date(2020, 1, 1), cost_price=Decimal(cost))
    employee.save()
    return employee


def create_project_statuses() -> dict[str, int]:
    """Ids of the states of a project; Tryton ships open and done, a cancelled one is ours."""
    status_model = Model.get("project.work.status")
    cancelled = status_model(name="Cancelled", types=["project", "task"])
    cancelled.save()
    by_name = {status.name: status.id for status in status_model.find([])}
    return {"open": by_name["Open"], "done": by_name["Done"], "cancelled": cancelled.id}


def create_integration_user(*, company: Record, employee: Record, config: Any) -> tuple[Record, str]:
    """The user Tieout signs in as, with the groups it needs and no more. Returns the user and the password."""
    data, group_model = Model.get("ir.model.data"), Model.get("res.group")
    password = secrets.token_urlsafe(24)
    user = Model.get("res.user")(name="Tieout", login=LOGIN, password=password)
    for group in GROUPS:
        user.groups.append(group_model(data.get_id(group, config.context)))
    user.groups.append(create_integration_group())
    user.companies.append(Model.get("company.company")(company.id))
    user.company = company
    user.employees.append(Model.get("company.employee")(employee.id))
    user.employee = employee
    user.save()
    return user, password


def create_integration_group() -> Record:
    """A group that may write which part of a milestone an invoice line bills; Tryton grants that to nobody."""
    group = Model.get("res.group")(name="Tieout integration")
    group.save()
    access = Model.get("ir.model.access")(model="project.work.invoiced_progress", group=group)
    access.perm_read = access.perm_write = access.perm_create = access.perm_delete = True
    access.save()
    return group


def create_rest_key(*, user: Record) -> str:
    """An application key for the REST interface, already validated."""
    application = Model.get("res.user.application")(application="rest", user=user)
    application.save()
    if application.state != "validated":
        application.click("validate_")
    return str(application.key)


def unit_of_measure(name: str) -> Record:
    """A unit that Tryton ships."""
    return find_one("product.uom", [("name", "=", name)])


def find_one(model: str, domain: list[Any]) -> Record:
    """The only, or first, record of a model that fits."""
    (found,) = Model.get(model).find(domain, limit=1)
    return found


def write_secret(path: str, *, secret: dict[str, Any]) -> None:
    """Write the file so that nobody but the owner can ever read it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(secret, file, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:4])
