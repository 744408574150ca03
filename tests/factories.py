"""Real rows for tests: people with roles, and cases opened the way the engine opens them."""

import itertools
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.access.models import User
from apps.audit.work import Work
from apps.core.actor import saga
from apps.core.money import Money
from apps.exceptions.actions.sets import open_cases
from apps.exceptions.findings import Finding
from apps.exceptions.models import ExceptionCase

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


def person(
    name: str = "anna", *, roles: tuple[str, ...] = ("finance_ops",), entities: tuple[str, ...] = ("*",), **more: Any
) -> User:
    """Somebody who can sign in with PASSWORD."""
    return User.objects.create_user(name, password=PASSWORD, roles=list(roles), entities=list(entities), **more)


def finding(kind: str = "invoice_rejected", **changes: Any) -> Finding:
    """What a step saw go wrong: the ERP refused an invoice, unless said otherwise."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "subject_type": "invoice",
        "subject_id": f"INV-{number:06d}",
        "stream_key": f"project:PRJ-{number:06d}",
        "reference": f"STP-{number:06d}",
        "message": "The ERP refuses the invoice: tax code missing for legal entity DE-01.",
        "system": "tryton",
        "entity": "DE-01",
        "code": "tax_code_missing",
        "field": "tax_code",
        "saga": "milestone_billing",
        "step": "erp_invoice",
        "awaiting": "invoice.posted",
        "amount": Money(Decimal("283534.00"), "EUR"),
        "blocked": ("Invoice M2", "Revenue November 2026"),
        "evidence": {
            "canonical": {"currency": "EUR", "total": "283534.00", "customer": {"tax_code": ""}},
            "sent": {"currency": "EUR", "total": 283534, "bill_to": {"entity": "DE-02"}},
            "answer": {"status": 422, "detail": "Field tax_code is required for company 1."},
        },
        "attempts": 2,
        "correlation_id": f"{number:032x}",
        "country": "DE",
        "zone": "Europe/Berlin",
    }
    return Finding(kind=kind, **(given | changes))


def opened(*findings: Finding) -> list[ExceptionCase]:
    """Cases of these findings, committed."""
    with transaction.atomic():
        work = Work()
        cases = open_cases(work, findings or (finding(),), by=saga("milestone_billing"))
        work.flush()
    return cases
