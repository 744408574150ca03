"""The facts of project activation: one view per run over what was loaded for the whole set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from apps.billing.actions.milestones import HeldMilestones, hold_milestones
from apps.billing.actions.revenue import RevenuePlan, hold_revenue
from apps.billing.models import BillingMilestone
from apps.canonical.contracts import ContractLine
from apps.contracts.actions.tax import HeldProfiles, hold_tax_profiles
from apps.contracts.models import Account, Contract, LegalEntity
from apps.contracts.queries import tax_profiles
from apps.core import clock
from apps.core.money import Money
from apps.governance.models import Approval
from apps.processes.batch import Batch
from apps.processes.definition import Ctx, Entity
from apps.processes.models import ProcessRun
from apps.processes.sagas.shared import Shared, entity_facts, required_entity
from apps.projects.actions.tasks import HeldTasks, hold_tasks
from apps.projects.activation import ActivationFacts
from apps.projects.models import CostCentre, Project, ProjectTask, ProjectTemplate
from apps.projects.queries import activation_facts


class ActivationSet(Shared):
    """The set's facts; its projects are locked, because they are what changes."""

    @property
    def project_ids(self) -> list[str]:
        return self.subjects

    @cached_property
    def projects(self) -> dict[str, Project]:
        return self.batch.work.lock(Project, self.subjects)

    @property
    def _account_ids(self) -> list[str]:
        return sorted({contract.account_id for contract in self.contracts.values() if contract.account_id})

    @cached_property
    def siblings(self) -> dict[str, list[Project]]:
        """All projects of these contracts, by contract."""
        found: dict[str, list[Project]] = {}
        for row in Project.objects.filter(contract_id__in=self.contracts).order_by("legal_entity"):
            found.setdefault(row.contract_id, []).append(self.projects.get(row.pk, row))
        return found

    @cached_property
    def checks(self) -> dict[str, ActivationFacts]:
        """What the pure rules decide over."""
        return activation_facts(self.subjects)

    @cached_property
    def cost_centres(self) -> dict[tuple[str, str], str]:
        """Code by (entity, service line)."""
        return {(row.legal_entity_id, row.service_line_id): row.code for row in CostCentre.objects.all()}

    @cached_property
    def templates(self) -> dict[str, ProjectTemplate]:
        return {row.pk: row for row in ProjectTemplate.objects.all()}

    @cached_property
    def profiles(self) -> dict[tuple[str, str, str], str]:
        """Tax code by (account, entity, service line), as of today."""
        return {key: row.code for key, row in tax_profiles(self._account_ids, on=clock.today("UTC")).items()}

    @cached_property
    def tasks(self) -> dict[str, list[ProjectTask]]:
        found: dict[str, list[ProjectTask]] = {}
        for row in ProjectTask.objects.filter(project_id__in=self.subjects).order_by("code"):
            found.setdefault(row.project_id, []).append(row)
        return found

    # What planning starts from, held for the whole set with the first run that plans.

    @cached_property
    def held_tasks(self) -> HeldTasks:
        return hold_tasks(self.batch.work, self.subjects)

    @cached_property
    def held_milestones(self) -> HeldMilestones:
        return hold_milestones(self.batch.work, self.subjects)

    @cached_property
    def held_revenue(self) -> dict[str, RevenuePlan]:
        return hold_revenue(self.batch.work, self.subjects)

    @cached_property
    def held_profiles(self) -> HeldProfiles:
        return hold_tax_profiles(self.batch.work, self._account_ids)

    @cached_property
    def held_contracts(self) -> dict[str, Contract]:
        return self.batch.work.lock(Contract, list(self.contracts))

    @cached_property
    def milestones(self) -> dict[str, list[BillingMilestone]]:
        found: dict[str, list[BillingMilestone]] = {}
        for row in BillingMilestone.objects.filter(project_id__in=self.subjects).order_by("line_ref", "due_on", "code"):
            found.setdefault(row.project_id, []).append(row)
        return found


@dataclass(frozen=True, slots=True)
class Activation:
    """One run's view."""

    shared: ActivationSet
    subject: str

    @property
    def project(self) -> Project:
        """Locked; changes are written with the batch."""
        return self.shared.projects[self.subject]

    @property
    def contract(self) -> Contract:
        """The contract, not locked."""
        return self.shared.contracts[self.project.contract_id]

    @property
    def account(self) -> Account:
        """The customer; steps after the first check may rely on it."""
        account = self.contract.account
        assert account is not None
        return account

    @property
    def entity(self) -> LegalEntity:
        """The legal entity; raises Misconfigured when it is unknown."""
        return required_entity(self.shared.entities.get(self.project.legal_entity), code=self.project.legal_entity)

    @property
    def checks(self) -> ActivationFacts:
        """For the pure rules."""
        return self.shared.checks[self.subject]

    @property
    def lines(self) -> tuple[ContractLine, ...]:
        """What this entity delivers under the present terms."""
        terms = self.shared.terms[self.contract.pk]
        return tuple(line for line in terms.lines if line.legal_entity == self.project.legal_entity)

    @property
    def customer_key(self) -> str:
        """The ERP's external key of the customer: one record per legal entity, as ERPs tie customers to one."""
        return f"{self.account.pk}:{self.project.legal_entity}"

    @property
    def customer_ref(self) -> str:
        """The ERP's own id of the customer, empty before it is known."""
        return self.link(self.account.pk, kind=f"customer:{self.project.legal_entity}")

    @property
    def project_ref(self) -> str:
        """The ERP's own id of the project, empty before it is known."""
        return self.link(self.subject, kind="project")

    @property
    def tax_profile_code(self) -> str:
        """The confirmed tax code, empty while the tax engine was not asked."""
        return self.shared.profiles.get((self.account.pk, self.project.legal_entity, self.project.service_line), "")

    @property
    def approvals(self) -> list[Approval]:
        """What was asked of approvers for this project."""
        return self.shared.approvals.get(self.subject, [])

    @property
    def today(self) -> date:
        """The day in the entity's zone."""
        return clock.today(self.entity.zone)

    def link(self, canonical_id: str, *, kind: str) -> str:
        """The ERP's id of one of our objects, empty when there is none."""
        return self.shared.links.get((canonical_id, self.entity.erp, kind), "")


def load(batch: Batch, runs: Sequence[ProcessRun]) -> dict[str, Activation]:
    """A view per run over the set."""
    shared = ActivationSet(batch, runs)
    return {run.pk: Activation(shared, run.subject_id) for run in runs}


def at_risk(facts: Activation) -> Money | None:
    """What cannot be billed while the project is not active."""
    return Money(facts.project.budget, facts.project.currency)


def entity_of(facts: Activation) -> Entity:
    """Whose business hours count."""
    code = facts.project.legal_entity
    return entity_facts(facts.shared.entities.get(code), code=code)


def blocked(facts: Activation) -> tuple[str, ...]:
    """What waits downstream."""
    milestones = [milestone.name for line in facts.lines for milestone in line.milestones]
    return (f"Start of {facts.project.name}", "Staffing", *(f"Invoice of {name}" for name in milestones[:5]))


def shown(facts: Activation) -> dict[str, Any]:
    """What we hold of the project and its customer."""
    project, account = facts.project, facts.contract.account
    return {
        "project": {
            "name": project.name,
            "legal_entity": project.legal_entity,
            "currency": project.currency,
            "budget": str(project.budget),
            "service_line": project.service_line,
            "tax_code": project.tax_code,
            "cost_centre": project.cost_centre,
            "starts_on": project.starts_on.isoformat() if project.starts_on else None,
            "ends_on": project.ends_on.isoformat() if project.ends_on else None,
        },
        "account": {
            "name": account.name,
            "tax_id": account.tax_id,
            "country": account.country,
            "payment_terms_days": account.payment_terms_days,
            "bill_to": account.bill_to,
        }
        if account
        else None,
    }


def facts_of(ctx: Ctx) -> Activation:
    """The view a step of this saga is given."""
    view: Activation = ctx.facts
    return view
