"""confirm: somebody in the CRM asks for a won opportunity to go ahead, and learns at once what stands in its way."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from apps.canonical.commands import ReadOpportunity
from apps.connectors.models import ConnectedSystem
from apps.contracts.blockers import Blocker
from apps.contracts.models import Contract
from apps.core.context import correlation_id, new_correlation_id
from apps.core.errors import BadInput
from apps.core.ids import idempotency_key
from apps.events import bell, outbox
from apps.projects.activation import missing_for_activation
from apps.projects.models import Project
from apps.projects.queries import activation_facts
from apps.projects.states import ProjectState

# The rules ask what is missing before activation; for a project beyond that they have nothing to say.
NOT_YET_ACTIVE = (ProjectState.REQUESTED, ProjectState.VALIDATED, ProjectState.AWAITING_APPROVAL, ProjectState.RETURNED)


@dataclass(frozen=True, slots=True)
class ProjectCheck:
    """One project of the opportunity and what it lacks before it may be activated."""

    project_id: str
    legal_entity: str
    state: str
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is known now. `contract_id` is empty while the CRM has not told us of the opportunity yet."""

    contract_id: str
    checks: tuple[ProjectCheck, ...]
    correlation_id: str

    @property
    def is_ready(self) -> bool:
        """Everything we know of may go ahead."""
        return bool(self.checks) and not any(check.blockers for check in self.checks)


def confirm_opportunity(
    ref: str, *, system: str, request_key: str = "", sees: Callable[[str], bool] = lambda entity: True
) -> Confirmation:
    """Read the opportunity afresh from the CRM, on its own stream, and say what the rules find in what we hold now.

    request_key: repeating a request with the same key asks the CRM once. sees: which legal entities to tell of.
    Raises BadInput for a system that is not connected.
    """
    connected = ConnectedSystem.objects.filter(code=system, enabled=True).first()
    if connected is None:
        raise BadInput(f"{system!r} is not a connected system", path="system", mend="Name the CRM, like hubspot.")
    contract = Contract.objects.filter(source_system=system, ref=ref).first()
    story = (contract.correlation_id if contract else correlation_id()) or new_correlation_id()
    _ask_again(ref, connected, contract, story=story, request_key=request_key or story)
    return Confirmation(contract.pk if contract else "", _checks(contract, sees), story)


def _ask_again(ref: str, system: ConnectedSystem, contract: Contract | None, *, story: str, request_key: str) -> None:
    # Events of one opportunity keep their order on one stream, so the answer must come back on the one they use.
    kind = str(system.settings.get("opportunity_type", "deal"))
    stream_key = contract.stream_key if contract else f"{system.code}:{kind}:{ref}"
    order = outbox.Order(
        system=system.code,
        command=ReadOpportunity(ref=ref),
        stream_key=stream_key,
        idempotency_key=idempotency_key("confirm", system.code, ref, request_key),
        correlation_id=story,
    )
    with transaction.atomic():
        concerned = outbox.enqueue([order])
        transaction.on_commit(lambda: bell.ring_outbox(concerned))


def _checks(contract: Contract | None, sees: Callable[[str], bool]) -> tuple[ProjectCheck, ...]:
    if contract is None:
        return ()
    projects = [project for project in contract.projects.order_by("legal_entity", "id") if sees(project.legal_entity)]
    facts = activation_facts([project.pk for project in projects if project.state in NOT_YET_ACTIVE])
    return tuple(
        _check(project, missing_for_activation(facts[project.pk]) if project.pk in facts else ())
        for project in projects
    )


def _check(project: Project, blockers: tuple[Blocker, ...]) -> ProjectCheck:
    return ProjectCheck(project.pk, project.legal_entity, project.state, blockers)
