"""What the case page offers to do, and doing it: looking after the case, and the decisions of the processes."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.access.models import User
from apps.access.policy import may
from apps.exceptions.actions import people
from apps.exceptions.catalogue import may_decide
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import registry


@dataclass(frozen=True, slots=True)
class Offer:
    """One button. `reason` says why it is off; `done` is said once it is carried out."""

    name: str
    label: str
    needs_why: bool = False
    enabled: bool = True
    reason: str = ""
    done: str = ""


def offers_of(case: ExceptionCase, *, user: User) -> list[Offer]:
    """The buttons for this case and this person, those of looking after it first."""
    if not case.is_open:
        return []
    decided = registry.offered(case, user)
    others = [
        Offer(each.name, each.label, each.needs_why, each.enabled, each.reason, f"{case.number}: {each.done}")
        for each in decided
        if each.name not in _OWN
    ]
    return [*_looking_after(case, user), *others, *_dismissal(case, user)]


def offer_of(case: ExceptionCase, *, user: User, name: str) -> Offer | None:
    """One of them by its name."""
    return next((offer for offer in offers_of(case, user=user) if offer.name == name), None)


def carry_out(offer: Offer, case: ExceptionCase, *, by: User, why: str, version: int) -> str:
    """Do it, and say in a sentence what is now true. Raises Conflict, NotPossible, BadInput, NotAllowed."""
    if own := _OWN.get(offer.name):
        own(case.pk, by=by.actor, why=why, expected_version=version)
    else:
        registry.apply(offer.name, case_id=case.pk, by=by, why=why, expected_version=version)
    return offer.done


def _looking_after(case: ExceptionCase, user: User) -> list[Offer]:
    if case.state == "resolving" or not may(user, "cases.take", entity=case.entity):
        return []
    if case.assigned_to == user.actor.key:
        return [Offer("release", "Release", done=f"{case.number} is back in the queue.")]
    if case.assigned_to:
        return [Offer("take", "Take over", needs_why=True, done=f"You look after {case.number} now.")]
    return [Offer("take", "Take", done=f"You look after {case.number} now.")]


def _dismissal(case: ExceptionCase, user: User) -> list[Offer]:
    if not may_decide(case.kind, "dismiss") or not may(user, "cases.dismiss", entity=case.entity):
        return []
    return [Offer("dismiss", "Dismiss", needs_why=True, done=f"{case.number} is dismissed.")]


_OWN: dict[str, Callable[..., object]] = {
    "take": people.take_case,
    "release": people.release_case,
    "dismiss": people.dismiss_case,
}
