"""The crosswalk: which record of which system is which of our objects. Everything in sets."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q

from apps.core.errors import Rejected
from apps.core.sets import update_rows
from apps.governance.models import ExternalId


@dataclass(frozen=True, slots=True)
class Link:
    """One of our objects and its record in one system. `version` is that system's own version of it."""

    canonical_id: str
    system: str
    kind: str
    external_id: str
    version: str = ""
    correlation_id: str = ""


class CrosswalkClash(Rejected):
    """A record already belongs to another of our objects, or an object already has another record there."""

    def __init__(self, message: str, *, link: Link) -> None:
        super().__init__(message, code="crosswalk_ambiguous", field=f"{link.system}.{link.kind}")
        self.link = link


def external_ids(canonical_ids: Collection[str], *, system: str, kind: str = "") -> dict[tuple[str, str], ExternalId]:
    """(canonical id, kind) → row in `system`. What is not linked is missing. One query."""
    rows = ExternalId.objects.filter(canonical_id__in=canonical_ids, system=system)
    if kind:
        rows = rows.filter(kind=kind)
    return {(row.canonical_id, row.kind): row for row in rows}


def all_external_ids(canonical_ids: Collection[str]) -> list[ExternalId]:
    """Every record of these objects in every system. One query."""
    return list(ExternalId.objects.filter(canonical_id__in=canonical_ids).order_by("canonical_id", "system", "kind"))


def canonical_ids(*, system: str, kind: str, external_ids: Collection[str]) -> dict[str, str]:
    """External id → canonical id. What is not linked is missing. One query."""
    rows = ExternalId.objects.filter(system=system, kind=kind, external_id__in=external_ids)
    return dict(rows.values_list("external_id", "canonical_id"))


def remember(links: Sequence[Link]) -> None:
    """Keep these links. Keeping one again is no change, except that its version follows. At most four statements.

    Raises CrosswalkClash for the first link that contradicts what is known; the caller's transaction is still sound,
    but what was kept with it must be thrown away.
    """
    wanted = list(dict.fromkeys(links))
    if not wanted:
        return
    ExternalId.objects.bulk_create([_row(link) for link in wanted], ignore_conflicts=True)
    by_record, by_object = _kept(wanted)
    outdated = []
    for link in wanted:
        owner = by_record.get((link.system, link.kind, link.external_id))
        if owner is None:
            raise _other_record(link, by_object[link.canonical_id, link.system, link.kind])
        if owner.canonical_id != link.canonical_id:
            raise _other_owner(link, owner)
        if link.version and owner.version != link.version:
            owner.version = link.version
            outdated.append(owner)
    update_rows(ExternalId, outdated, ["version"])


def _row(link: Link) -> ExternalId:
    return ExternalId(
        canonical_id=link.canonical_id,
        system=link.system,
        kind=link.kind,
        external_id=link.external_id,
        version=link.version,
        correlation_id=link.correlation_id,
    )


def _kept(
    links: Sequence[Link],
) -> tuple[dict[tuple[str, str, str], ExternalId], dict[tuple[str, str, str], ExternalId]]:
    rows = ExternalId.objects.filter(
        Q(external_id__in=[link.external_id for link in links])
        | Q(canonical_id__in=[link.canonical_id for link in links]),
        system__in={link.system for link in links},
    )
    by_record = {(row.system, row.kind, row.external_id): row for row in rows}
    return by_record, {(row.canonical_id, row.system, row.kind): row for row in rows}


def _other_owner(link: Link, owner: ExternalId) -> CrosswalkClash:
    return CrosswalkClash(
        f"{link.system} {link.kind} {link.external_id} already belongs to {owner.canonical_id}, so it cannot belong to "
        f"{link.canonical_id} too. Find out which of the two it is, then mend the crosswalk.",
        link=link,
    )


def _other_record(link: Link, known: ExternalId) -> CrosswalkClash:
    return CrosswalkClash(
        f"{link.canonical_id} is already {link.system} {link.kind} {known.external_id}, so it cannot be "
        f"{link.external_id} too. One of the two is a duplicate there.",
        link=link,
    )
