"""A won deal and what follows from it, on real rows: the shortest way into each state a test starts from."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import transaction

from apps.audit.work import Work
from apps.billing.actions.milestones import achieve, plan_milestones
from apps.billing.models import BillingMilestone
from apps.canonical.contracts import Contract, ContractLine, MilestoneTerm
from apps.canonical.parties import Account, BillingContact, TaxProfile
from apps.contracts.actions.tax import TaxAnswer, confirm_tax_profiles
from apps.contracts.actions.terms import Applied, Reading, apply_terms
from apps.core import clock
from apps.core.actor import saga
from apps.projects.actions.requests import Requested, activate_project, request_projects
from apps.projects.models import Project

BY = saga("project_activation")
STORY = "story-0000000000000001"


def masters() -> None:
    """The masters of the demo company."""
    call_command("masters", stdout=StringIO())


def company(ref: str = "501", **changes: Any) -> Account:
    """A customer as the CRM tells of it."""
    given: dict[str, Any] = {
        "ref": ref,
        "name": f"Werft {ref} GmbH",
        "tax_id": f"DE{int(ref):09d}",
        "country": "DE",
        "bill_to": BillingContact(name=f"Werft {ref} GmbH", street="Kai 1", city="Kiel", zip="24103", country="DE"),
        "payment_terms_days": 30,
    }
    return Account(**(given | changes))


def line(entity: str = "DE-01", *amounts: str, service: str = "IMPLEMENTATION", **changes: Any) -> ContractLine:
    """A contract line billed by one milestone per amount: M1, M2 …, a month apart."""
    parts = [Decimal(amount) for amount in amounts or ("600", "400")]
    milestones = tuple(
        MilestoneTerm(code=f"M{number}", name=f"Part {number}", amount=part, due_on=date(2026, number, 28))
        for number, part in enumerate(parts, 1)
    )
    given: dict[str, Any] = {
        "ref": f"{entity}:{service}",
        "legal_entity": entity,
        "service_line": service,
        "billing_method": "fixed_fee_milestone",
        "amount": sum(parts, Decimal(0)),
        "milestones": milestones,
    }
    return ContractLine(**(given | changes))


def deal(ref: str = "9001", *lines: ContractLine, **changes: Any) -> Contract:
    """A won opportunity whose lines add up."""
    own = lines or (line(),)
    given: dict[str, Any] = {
        "ref": ref,
        "name": f"Deal {ref}",
        "account": company(),
        "currency": "EUR",
        "value": sum((one.amount for one in own), Decimal(0)),
        "won": True,
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 12, 31),
        "lines": own,
        "changed_at": "2026-11-02T09:00:00Z",
    }
    return Contract(**(given | changes))


def reading(terms: Contract) -> Reading:
    """The deal as the CRM of the demo says it."""
    return Reading("hubspot", "crm", terms, f"deal:hubspot:{terms.ref}", STORY)


def told(*terms: Contract) -> list[Applied]:
    """The readings applied and committed."""
    with transaction.atomic():
        work = Work()
        applied = apply_terms(work, [reading(one) for one in terms], by=BY)
        work.flush()
    return applied


def requested(applied: Sequence[Applied]) -> Requested:
    """The projects of these contracts asked for and committed."""
    with transaction.atomic():
        work = Work()
        result = request_projects(work, applied, by=BY)
        work.flush()
    return result


def active_project(terms: Contract | None = None) -> Project:
    """The first project of a deal, active, with its milestones planned and its tax profile confirmed."""
    masters()
    terms = terms or deal()
    applied = told(terms)
    project = requested(applied).created[0]
    with transaction.atomic():
        work = Work()
        contract = applied[0].contract
        work.track(contract)
        work.track(project)
        for step in ("validate", "request_approval", "approve"):
            work.move(project, step, by=BY)
        activate_project(work, project, contract, by=BY, at=clock.now())
        plan_milestones(work, [(project, terms.lines)], by=BY)
        confirm_tax_profiles(work, [_tax(contract.account_id, project)], by=BY)
        work.flush()
    return project


def achieved(code: str = "M1", *, project: Project | None = None, **report: Any) -> BillingMilestone:
    """A milestone of an active project that delivery has reported done."""
    project = project or active_project()
    milestone = BillingMilestone.objects.get(project=project, code=code)
    with transaction.atomic():
        work = Work()
        row = work.lock(BillingMilestone, [milestone.pk])[milestone.pk]
        given: dict[str, Any] = {"on": clock.now().date(), "evidence": {"document": "acceptance.pdf"}, "by": BY}
        achieve(work, row, **(given | report))
        work.flush()
    return row


def _tax(account_id: str, project: Project) -> TaxAnswer:
    since = clock.now().date() - timedelta(days=400)
    profile = TaxProfile(
        treatment="standard", code="DE19", rate_percent=Decimal(19), jurisdiction="DE", valid_from=since
    )
    return TaxAnswer(account_id, project.legal_entity, project.service_line, profile, "tax")
