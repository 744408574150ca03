"""What one activation page shows, gathered before its template starts: checks, dry run, differences, approvals, steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.access.models import User
from apps.access.policy import may_approve
from apps.canonical.codec import from_json
from apps.canonical.contracts import Contract as Terms
from apps.contracts.amendments import Change, commercial, differences
from apps.contracts.models import ContractRevision
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.governance.crosswalk import all_external_ids
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.projects.models import Project, ProjectTemplate
from apps.projects.queries import activation_facts
from apps.projects.states import ProjectState
from apps.workbench.activation_queue import visible_projects
from apps.workbench.dry_run import Check, DryRun, checks, dry_run
from apps.workbench.queue import person_name, role_title
from apps.workbench.run_steps import RunCard, open_cases_of, runs_of
from apps.workbench.words import spoken

_SENT = (
    ProjectState.PROVISIONING,
    ProjectState.ACTIVE,
    ProjectState.ON_HOLD,
    ProjectState.CLOSING,
    ProjectState.CLOSED,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One approval as this person sees it. `seen` goes with the decision and is compared; `hindrance` says why not you."""

    id: str
    entity: str
    what: str
    money: Money | None
    role: str
    state: str
    asked_at: datetime
    by: str
    decided_at: datetime | None
    why: str
    seen: str
    hindrance: str = ""

    @property
    def is_mine(self) -> bool:
        """Whether this person may decide it now."""
        return self.state == ApprovalState.REQUESTED and not self.hindrance


@dataclass(frozen=True, slots=True)
class EntityPart:
    """One legal entity's project under the contract."""

    id: str
    name: str
    entity: str
    state: str
    is_sent: bool
    checks: Sequence[Check]
    plan: DryRun

    @property
    def failed(self) -> int:
        """How many checks block."""
        return sum(1 for check in self.checks if check.blockers)


@dataclass(frozen=True, slots=True)
class ActivationPanel:
    """All of one activation, as the page shows it. `parts` starts with the project the page is about."""

    id: str
    name: str
    state: str
    customer: str
    contract: str
    contract_ref: str
    revision: int
    value: Money
    starts_on: object
    ends_on: object
    requested_at: datetime
    correlation_id: str
    parts: Sequence[EntityPart]
    hidden_parts: int
    changes: Sequence[Change]
    asks: Sequence[Ask]
    runs: Sequence[RunCard]
    cases: Sequence[ExceptionCase]

    @property
    def mine(self) -> list[Ask]:
        """What this person may decide now."""
        return [ask for ask in self.asks if ask.is_mine]

    @property
    def waiting(self) -> list[Ask]:
        """What waits for somebody."""
        return [ask for ask in self.asks if ask.state == ApprovalState.REQUESTED]


def panel_of(project: Project, *, user: User) -> ActivationPanel:
    """The panel of a project this user may see."""
    contract, account = project.contract, project.contract.account
    every = Project.objects.filter(contract=contract).count()
    siblings = sorted(
        visible_projects(user).filter(contract=contract).select_related("contract__account"),
        key=lambda row: (row.pk != project.pk, row.legal_entity),
    )
    ids = [row.pk for row in siblings]
    return ActivationPanel(
        id=project.pk,
        name=project.name,
        state=project.state,
        customer=account.name if account else "",
        contract=contract.pk,
        contract_ref=f"{contract.source_system} {contract.ref}",
        revision=contract.revision,
        value=Money(contract.value, contract.currency),
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        requested_at=project.created_at,
        correlation_id=project.correlation_id,
        parts=_parts(siblings),
        hidden_parts=every - len(siblings),
        changes=latest_changes(contract.pk),
        asks=_asks(ids, user=user),
        runs=[run for run in runs_of(ids, user=user) if run.saga == "project_activation"],
        cases=open_cases_of(ids, user=user),
    )


def latest_changes(contract_id: str) -> tuple[Change, ...]:
    """What the last revision of a contract changed; empty for the first. One query."""
    rows = list(ContractRevision.objects.filter(contract=contract_id).order_by("-number")[:2])
    if len(rows) < 2:
        return ()
    new, old = (commercial(from_json(Terms, row.terms)) for row in rows)
    return differences(old, new)


def _parts(projects: Sequence[Project]) -> list[EntityPart]:
    facts = activation_facts([project.pk for project in projects])
    templates = ProjectTemplate.objects.in_bulk()
    accounts = {project.contract.account_id for project in projects if project.contract.account_id}
    refs = {(row.system, row.kind): row.external_id for row in all_external_ids(accounts)}
    parts = []
    for project in projects:
        fact = facts[project.pk]
        erp = fact.entity.erp if fact.entity else ""
        known = refs.get((erp, f"customer:{project.legal_entity}"), "")
        parts.append(
            EntityPart(
                id=project.pk,
                name=project.name,
                entity=project.legal_entity,
                state=project.state,
                is_sent=project.state in _SENT,
                checks=checks(fact),
                plan=dry_run(project, fact, templates=templates, customer_ref=known),
            )
        )
    return parts


def _asks(project_ids: Sequence[str], *, user: User) -> list[Ask]:
    rows = Approval.objects.filter(subject_id__in=project_ids).order_by("entity", "kind", "-requested_at")
    return [_ask(row, user) for row in rows]


def _ask(row: Approval, user: User) -> Ask:
    return Ask(
        id=row.pk,
        entity=row.entity,
        what=spoken(row.kind),
        money=row.money,
        role=role_title(row.role),
        state=row.state,
        asked_at=row.requested_at,
        by=person_name(row.decided_by),
        decided_at=row.decided_at,
        why=row.why,
        seen=f"{row.version}:{row.payload_hash}",
        hindrance=_hindrance(row, user),
    )


def _hindrance(row: Approval, user: User) -> str:
    if row.requested_by == user.actor.key:
        return "You asked for it yourself; somebody else decides."
    if not may_approve(user, role=row.role, entity=row.entity):
        return f"For {role_title(row.role)}, {row.entity or 'no entity'}."
    return ""
