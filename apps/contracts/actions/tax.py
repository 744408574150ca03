"""Tax profiles as a tax engine confirms them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apps.audit.work import Work
from apps.canonical import parties as canonical
from apps.contracts.models import TaxProfile
from apps.core import clock
from apps.core.actor import Actor

_Where = tuple[str, str, str]
HeldProfiles = dict[_Where, list[TaxProfile]]


@dataclass(frozen=True, slots=True)
class TaxAnswer:
    """What a tax engine said of one customer, legal entity and service line; `source` is the engine's code."""

    account_id: str
    legal_entity: str
    service_line: str
    profile: canonical.TaxProfile
    source: str

    @property
    def where(self) -> _Where:
        """What the profile is about."""
        return self.account_id, self.legal_entity, self.service_line


def confirm_tax_profiles(
    work: Work, answers: Sequence[TaxAnswer], *, by: Actor, held: HeldProfiles | None = None
) -> list[TaxProfile]:
    """Keep the answers, in their order; the profile in force before ends the day before.

    The same answer again only renews when it was confirmed. `held`: what hold_tax_profiles gave for a larger set, and
    gets to know the new ones; without it, one query.
    """
    known = held if held is not None else hold_tax_profiles(work, {answer.account_id for answer in answers})
    return [_confirm(work, answer, known.setdefault(answer.where, []), by=by) for answer in answers]


def hold_tax_profiles(work: Work, account_ids: Collection[str]) -> HeldProfiles:
    """The profiles of these accounts by what they are about, locked. One query."""
    rows = TaxProfile.objects.select_for_update().filter(account__in=account_ids)
    known: HeldProfiles = {}
    for row in rows.order_by("pk"):
        known.setdefault((row.account_id, row.legal_entity_id, row.service_line), []).append(work.track(row))
    return known


def _confirm(work: Work, answer: TaxAnswer, profiles: list[TaxProfile], *, by: Actor) -> TaxProfile:
    start = answer.profile.valid_from
    later = min((row.valid_from for row in profiles if row.valid_from > start), default=None)
    for row in profiles:
        if row.valid_from < start and (row.valid_to is None or row.valid_to >= start):
            row.valid_to = start - timedelta(days=1)
    profile = next((row for row in profiles if row.valid_from == start), None)
    if profile is None:
        profile = work.create(_new(answer), by=by)
        profiles.append(profile)
    profile.treatment, profile.code = answer.profile.treatment, answer.profile.code
    profile.rate_percent, profile.jurisdiction = answer.profile.rate_percent, answer.profile.jurisdiction
    profile.source, profile.confirmed_at = answer.source, clock.now()
    profile.valid_to = later - timedelta(days=1) if later else None
    return profile


def _new(answer: TaxAnswer) -> TaxProfile:
    return TaxProfile(
        account_id=answer.account_id,
        legal_entity_id=answer.legal_entity,
        service_line=answer.service_line,
        valid_from=answer.profile.valid_from,
    )
