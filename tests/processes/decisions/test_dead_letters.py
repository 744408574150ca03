"""Many dead letters replayed at once."""

import json
from datetime import UTC, datetime

import pytest

from apps.access.models import User
from apps.connectors import registry
from apps.connectors.base import RawEvent
from apps.connectors.models import ConnectedSystem
from apps.events import inbox
from apps.events.models import InboxEvent
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.dead_letters import replay_dead_letters
from apps.processes.work_off import consume_all

pytestmark = pytest.mark.usefixtures("company")


def test_letters_of_a_system_that_is_connected_again_are_read_and_their_cases_close() -> None:
    cases = _unreadable_letters(count=3)

    replayed = list(replay_dead_letters(cases, by=User.objects.get(username="admin"), why="connected again"))
    consume_all(budget_s=2)

    assert replayed == [3]
    assert set(InboxEvent.objects.filter(system="hubspot").values_list("state", flat=True)) == {"dead", "applied"}
    assert set(ExceptionCase.objects.filter(pk__in=cases).values_list("state", flat=True)) == {"resolved"}


def test_replaying_twice_reads_each_letter_once() -> None:
    cases = _unreadable_letters(count=2)
    admin = User.objects.get(username="admin")

    first = list(replay_dead_letters(cases, by=admin, why="connected again"))
    consume_all(budget_s=2)
    second = list(replay_dead_letters(cases, by=admin, why="again"))

    assert (first, second) == ([2], [0])
    assert InboxEvent.objects.filter(system="hubspot").count() == 4


def test_somebody_who_may_only_read_replays_nothing() -> None:
    cases = _unreadable_letters(count=1)

    replayed = list(replay_dead_letters(cases, by=User.objects.get(username="executive")))

    assert replayed == [0]
    assert set(ExceptionCase.objects.values_list("state", flat=True)) == {"open"}


def _unreadable_letters(*, count: int) -> list[int]:
    """Deals heard of while nobody here could read their system; it is connected again afterwards."""
    hubspot = ConnectedSystem.objects.filter(code="hubspot")
    inbox.accept([_letter(number) for number in range(count)], system="hubspot")
    hubspot.update(vendor="gone", version=100)
    registry.forget_all()
    consume_all(budget_s=2)
    hubspot.update(vendor="hubspot", version=101)
    registry.forget_all()
    return list(ExceptionCase.objects.order_by("pk").values_list("pk", flat=True))


def _letter(number: int) -> RawEvent:
    event = {"eventId": number, "subscriptionType": "deal.propertyChange", "objectId": 9_000_000 + number,
             "propertyName": "amount", "propertyValue": "1", "changeSource": "CRM"}  # fmt: skip
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return RawEvent(
        external_id=f"letter:{number}",
        subject=f"deal:{9_000_000 + number}",
        body=json.dumps(event).encode(),
        occurred_at=at,
    )
