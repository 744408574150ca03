"""What the case page offers to do, and doing it: looking after the case, and the decisions of the processes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.access.models import User
from apps.access.policy import may
from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import registry
from apps.processes.decisions.definition import Input


@dataclass(frozen=True, slots=True)
class Offer:
    """One button. `reason` says why it is off; `done` is said once it is carried out."""

    name: str
    label: str
    needs_why: bool = False
    enabled: bool = True
    reason: str = ""
    done: str = ""
    inputs: tuple[Input, ...] = ()
    second_person: bool = False


def offers_of(case: ExceptionCase, *, user: User) -> list[Offer]:
    """The buttons for this case and this person, those of looking after it first."""
    if not case.is_open:
        return []
    return [*_looking_after(case, user), *(_of(case, each) for each in registry.offered(case, user))]


def offer_of(case: ExceptionCase, *, user: User, name: str) -> Offer | None:
    """One of them by its name."""
    return next((offer for offer in offers_of(case, user=user) if offer.name == name), None)


def carry_out(offer: Offer, case: ExceptionCase, *, by: User, why: str, version: int, inputs: Mapping[str, Any]) -> str:
    """Do it, and say in a sentence what is now true. Raises Conflict, NotPossible, BadInput, NotAllowed."""
    if own := _OWN.get(offer.name):
        own(case.pk, by=by.actor, why=why, expected_version=version)
    else:
        registry.apply(offer.name, case_id=case.pk, by=by, why=why, expected_version=version, inputs=inputs)
    return offer.done


def _of(case: ExceptionCase, each: registry.DecisionOffer) -> Offer:
    return Offer(
        each.name,
        each.label,
        each.needs_why,
        each.enabled,
        each.reason,
        f"{case.number}: {each.done}",
        each.inputs,
        each.second_person,
    )


def _looking_after(case: ExceptionCase, user: User) -> list[Offer]:
    if case.state == "resolving" or not may(user, "cases.take", entity=case.entity):
        return []
    if case.assigned_to == user.actor.key:
        return [Offer("release", "Release", done=f"{case.number} is back in the queue.")]
    if case.assigned_to:
        return [Offer("take", "Take over", needs_why=True, done=f"You look after {case.number} now.")]
    return [Offer("take", "Take", done=f"You look after {case.number} now.")]


_OWN: dict[str, Callable[..., object]] = {"take": people.take_case, "release": people.release_case}
