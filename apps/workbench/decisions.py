"""What the case page offers to do, and doing it: looking after the case, and the decisions of the processes."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.access.models import User
from apps.access.policy import may
from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase


@dataclass(frozen=True, slots=True)
class Offer:
    """One button. `reason` says why it is switched off, or what it does."""

    name: str
    label: str
    needs_why: bool = False
    enabled: bool = True
    reason: str = ""
    done: str = ""


def offers_of(case: ExceptionCase, *, user: User) -> list[Offer]:
    """The buttons for this case and this person, those of looking after it first."""
    return [*_own_offers(case, user=user)]


def offer_of(case: ExceptionCase, *, user: User, name: str) -> Offer | None:
    """One of them by its name."""
    return next((offer for offer in offers_of(case, user=user) if offer.name == name), None)


def carry_out(offer: Offer, case: ExceptionCase, *, by: User, why: str, version: int) -> str:
    """Do it, and say in a sentence what is now true. Raises Conflict, NotPossible, BadInput."""
    _OWN[offer.name](case.pk, by=by.actor, why=why, expected_version=version)
    return offer.done


def _own_offers(case: ExceptionCase, *, user: User) -> list[Offer]:
    if not case.is_open or not may(user, "cases.take", entity=case.entity):
        return []
    if case.assigned_to == user.actor.key:
        return [Offer("release", "Release", done=f"{case.number} is back in the queue.")]
    if case.assigned_to:
        return [Offer("take", "Take over", needs_why=True, done=f"You look after {case.number} now.")]
    return [Offer("take", "Take", done=f"You look after {case.number} now.")]


_OWN: dict[str, Callable[..., object]] = {"take": people.take_case, "release": people.release_case}
