"""The sweeper: rings for what is late, and does the work by itself when nobody hears."""

import pytest

from apps.connectors.models import ConnectedSystem
from apps.events import bell, inbox
from apps.events.models import InboxEvent, OutboxCommand
from apps.processes import sweeper
from tests.faults.workers import let_time_pass
from tests.plugins.estate import Estate

pytestmark = pytest.mark.django_db(transaction=True)


def _news() -> None:
    inbox.store([inbox.message("nobody.cares", {}, stream_key="s:1", external_id="1", correlation_id="story-001")])


def test_nothing_is_done_while_nothing_is_late() -> None:
    _news()

    assert sweeper.sweep() == 0
    assert InboxEvent.objects.get().state == "received"


def test_what_nobody_took_although_it_was_rung_for_is_done_here() -> None:
    _news()
    let_time_pass(sweeper.DRAIN_AFTER_S + 1)

    assert sweeper.sweep() > 0
    assert InboxEvent.objects.get().state != "received"


def test_while_the_bell_is_dumb_nobody_waits_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    _news()
    let_time_pass(sweeper.RING_AFTER_S + 0.5)
    monkeypatch.setattr(bell, "_silent_until", float("inf"))

    assert sweeper.sweep() > 0


def test_a_silent_system_is_probed_without_any_bell_when_its_rest_is_over(
    company: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.events.test_delivery import _announce

    monkeypatch.setattr(bell, "_silent_until", float("inf"))
    _announce(1)
    ConnectedSystem.objects.filter(code="staffing").update(breaker_state="open", breaker_failures=8)
    ConnectedSystem.objects.filter(code="staffing").update(breaker_opened_at="2026-01-01T00:00:00Z")
    let_time_pass(10)

    sweeper.sweep()

    assert OutboxCommand.objects.get().state == "acknowledged"
    assert ConnectedSystem.objects.get(code="staffing").breaker_state == "closed"
