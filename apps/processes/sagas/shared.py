"""What the sagas of one set have in common: facts loaded once for all runs, each table when first asked for."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

from apps.canonical import events
from apps.canonical.contracts import Contract as Terms
from apps.connectors import registry
from apps.connectors.base import Capabilities
from apps.contracts.blockers import Blocker
from apps.contracts.models import Contract, LegalEntity
from apps.contracts.queries import current_terms
from apps.core.errors import Misconfigured
from apps.core.ids import new_id
from apps.governance.crosswalk import all_external_ids
from apps.governance.models import Approval
from apps.governance.policies import ApprovalRule, policies_now
from apps.processes.batch import Batch
from apps.processes.definition import Ctx, Entity, Park
from apps.processes.models import ProcessRun
from apps.projects.models import Project

# What ends the wait of a step that asked people.
ANSWERS = (events.APPROVAL_GRANTED, events.APPROVAL_REFUSED)


class Shared(ABC):
    """Facts of a set of runs. Every property is one query for the whole set, made when the first run asks."""

    def __init__(self, batch: Batch, runs: Sequence[ProcessRun]) -> None:
        self.batch = batch
        self.subjects = sorted({run.subject_id for run in runs})

    @property
    @abstractmethod
    def project_ids(self) -> list[str]:
        """The projects these runs work for."""

    @cached_property
    def projects(self) -> dict[str, Project]:
        """By id, not locked."""
        return {row.pk: row for row in Project.objects.filter(pk__in=self.project_ids)}

    @cached_property
    def contracts(self) -> dict[str, Contract]:
        """By id, with their account, not locked."""
        pks = {project.contract_id for project in self.projects.values()}
        return {row.pk: row for row in Contract.objects.filter(pk__in=pks).select_related("account")}

    @cached_property
    def terms(self) -> dict[str, Terms]:
        """The present terms by contract."""
        return current_terms(list(self.contracts))

    @cached_property
    def entities(self) -> dict[str, LegalEntity]:
        """All legal entities by code; there are few."""
        return {row.code: row for row in LegalEntity.objects.all()}

    @cached_property
    def policies(self) -> tuple[ApprovalRule, ...]:
        """Who has to approve what."""
        return policies_now()

    @cached_property
    def links(self) -> dict[tuple[str, str, str], str]:
        """(canonical id, system, kind) to the system's own id, for everything these runs touch."""
        rows = all_external_ids(self.linked_ids())
        return {(row.canonical_id, row.system, row.kind): row.external_id for row in rows}

    def linked_ids(self) -> list[str]:
        """Whose crosswalk rows are of interest."""
        return [*self.projects, *(contract.account_id for contract in self.contracts.values() if contract.account_id)]

    @cached_property
    def approvals(self) -> dict[str, list[Approval]]:
        """What was asked of approvers, by subject."""
        found: dict[str, list[Approval]] = {}
        for row in Approval.objects.filter(subject_id__in=self.approved_ids()).order_by("pk"):
            found.setdefault(row.subject_id, []).append(row)
        return found

    def approved_ids(self) -> list[str]:
        """Whose approvals are of interest."""
        return self.subjects


def entity_facts(entity: LegalEntity | None, *, code: str) -> Entity:
    """The entity as cases need it; an unknown one has no business hours of its own."""
    return Entity(entity.code, entity.country, entity.zone) if entity else Entity(code)


def capabilities_of(system: str) -> Capabilities:
    """What a connected system can do; raises Misconfigured when it is not connected."""
    return registry.connector_for(system).capabilities


def required_entity(entity: LegalEntity | None, *, code: str) -> LegalEntity:
    """The entity, or Misconfigured for a code nobody knows."""
    if entity is None:
        raise Misconfigured(f"There is no legal entity {code!r}.", code="legal_entity_invalid", field="legal_entity")
    return entity


def parked_by(blockers: Sequence[Blocker], *, ctx: Ctx) -> Park | None:
    """The first blocker as the reason to park, the others named with it; None when nothing blocks.

    A demand that a person has waived for this run does not block it.
    """
    waived = ctx.notes.get("waived", ())
    blockers = [blocker for blocker in blockers if demand_of(blocker.kind, blocker.code or blocker.kind) not in waived]
    if not blockers:
        return None
    first, rest = blockers[0], blockers[1:]
    others = f" Also: {'; '.join(blocker.message for blocker in rest)}" if rest else ""
    return Park(
        first.kind, first.message + others, code=first.code or first.kind, field=first.field, amount=first.amount
    )


def demand_of(kind: str, code: str) -> str:
    """What a waiver names."""
    return f"{kind}:{code}"


def step_id(ctx: Ctx) -> str:
    """The id of the step the run stands at; what waits for a person is known by it."""
    return new_id("STP", ctx.run.pk, ctx.run.step)
