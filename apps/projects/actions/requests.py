"""Projects are requested, changed while nobody relies on them yet, activated and given up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.audit.work import Work
from apps.contracts.actions.terms import Applied, EntityTerms
from apps.contracts.models import Contract
from apps.contracts.states import ContractState
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.projects.models import Project
from apps.projects.states import BEFORE_ACTIVE, ProjectState

# Nothing of it is anywhere else yet, so the terms may still change under it.
_BEFORE_PROVISIONING = (
    ProjectState.REQUESTED,
    ProjectState.VALIDATED,
    ProjectState.AWAITING_APPROVAL,
    ProjectState.RETURNED,
)
_UNDER_WAY = (ContractState.APPROVED, ContractState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Requested:
    """What became of the projects of a set of contracts.

    created: new. changed: took over other terms and is `requested` again, so approvals asked or given are void.
    settled: stands on older terms than the contract; not touched, an amendment's affair.
    dropped: its legal entity has no line any more and it is not active yet; not touched.
    """

    created: list[Project] = field(default_factory=list)
    changed: list[Project] = field(default_factory=list)
    settled: list[Project] = field(default_factory=list)
    dropped: list[Project] = field(default_factory=list)


def request_projects(work: Work, applied: Sequence[Applied], *, by: Actor) -> Requested:
    """One project per legal entity of each approved contract that is not lost. Two queries; calling again changes nothing."""
    due = [one for one in applied if one.contract.state in _UNDER_WAY and not one.is_lost]
    known = _known(work, due)
    result = Requested()
    for one in due:
        projects = known.setdefault(one.contract.pk, {})
        for terms in one.entities:
            _follow(work, projects, one.contract, terms, result, by=by)
        entities = {terms.legal_entity for terms in one.entities}
        result.dropped.extend(
            project
            for project in projects.values()
            if project.legal_entity not in entities and project.state in BEFORE_ACTIVE
        )
    return result


def cancel_project(work: Work, project: Project, *, by: Actor, why: str) -> None:
    """Give up a project that never became active; what the ERP held of it has been undone by now."""
    work.move(project, "cancel", by=by, why=why, story=project.correlation_id)


def activate_project(work: Work, project: Project, contract: Contract, *, by: Actor, at: datetime) -> None:
    """The ERP holds all of it; the first active project makes its contract active."""
    if contract.state == ContractState.APPROVED:
        work.move(contract, "activate", by=by, why=f"project {project.pk} is active", story=project.correlation_id)
    work.move(project, "activate", by=by, story=project.correlation_id, at=at)


def project_id(contract_id: str, legal_entity: str) -> str:
    """The canonical id of an entity's project under a contract."""
    return new_id("PRJ", contract_id, legal_entity)


def _known(work: Work, applied: Iterable[Applied]) -> dict[str, dict[str, Project]]:
    known: dict[str, dict[str, Project]] = {}
    contracts = [one.contract.pk for one in applied]
    if not contracts:
        return known
    pks = Project.objects.filter(contract__in=contracts).values_list("pk", flat=True)
    for project in work.lock(Project, pks).values():
        known.setdefault(project.contract_id, {})[project.legal_entity] = project
    return known


def _follow(
    work: Work, projects: dict[str, Project], contract: Contract, terms: EntityTerms, result: Requested, *, by: Actor
) -> None:
    project = projects.get(terms.legal_entity)
    if project is None:
        projects[terms.legal_entity] = _create(work, contract, terms, by=by)
        result.created.append(projects[terms.legal_entity])
    elif project.terms_hash != terms.terms_hash:
        if project.state in _BEFORE_PROVISIONING:
            _change(work, project, contract, terms, by=by)
            result.changed.append(project)
        elif project.state != ProjectState.CANCELLED:
            result.settled.append(project)


def _create(work: Work, contract: Contract, terms: EntityTerms, *, by: Actor) -> Project:
    project = Project(
        id=project_id(contract.pk, terms.legal_entity),
        contract=contract,
        legal_entity=terms.legal_entity,
        correlation_id=contract.correlation_id,
    )
    _fill(project, contract, terms)
    after = {
        "contract": contract.pk,
        "entity": project.legal_entity,
        "budget": str(project.budget),
        "terms": project.terms_hash,
    }
    return work.create(project, by=by, after=after, at_story=contract.correlation_id)


def _change(work: Work, project: Project, contract: Contract, terms: EntityTerms, *, by: Actor) -> None:
    before = {"terms": project.terms_hash, "budget": str(project.budget)}
    _fill(project, contract, terms)
    after = {"terms": project.terms_hash, "budget": str(project.budget)}
    work.note(project, verb="amend", by=by, before=before, after=after, story=project.correlation_id)
    if project.state != ProjectState.REQUESTED:
        work.move(project, "request_again", by=by, why="the contract changed", story=project.correlation_id)


def _fill(project: Project, contract: Contract, terms: EntityTerms) -> None:
    project.name = f"{contract.name} ({terms.legal_entity})"[:255] if terms.legal_entity else contract.name
    project.currency = contract.currency
    project.service_line = max(terms.lines, key=lambda line: line.amount).service_line
    project.budget = terms.amount
    project.starts_on, project.ends_on = contract.starts_on, contract.ends_on
    project.terms_hash = terms.terms_hash
