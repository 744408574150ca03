"""What is delivered: the project and its tasks as the ERP is told of them."""

from datetime import date

from apps.canonical.base import Amount, Canonical, Code, Currency, Name, Text


class Project(Canonical):
    """One project of one legal entity. `id` is canonical (``PRJ-…``) and is the ERP's external key."""

    id: Code
    name: Name
    legal_entity: Code
    currency: Currency
    customer_id: Code
    customer_ref: Text = ""
    service_line: Code
    cost_centre: Text = ""
    tax_code: Text = ""
    starts_on: date | None = None
    ends_on: date | None = None
    budget: Amount


class ProjectTask(Canonical):
    """A task below a project, found again by `code`."""

    code: Code
    name: Name
    budget_hours: Amount


class BudgetLine(Canonical):
    """Baseline budget of one task, in the project's currency."""

    task_code: Code
    amount: Amount
