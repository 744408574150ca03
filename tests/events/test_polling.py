"""Polling: what systems do not tell is asked; one that fails or dawdles disturbs nobody else."""

import pytest

from apps.connectors import registry
from apps.connectors.base import Changes
from apps.connectors.hubspot.connector import HubSpotConnector
from apps.connectors.models import ConnectedSystem
from apps.connectors.netsuite.connector import NetSuiteConnector
from apps.core.errors import Misconfigured, TransientFailure
from apps.events import polling
from apps.events.models import InboxEvent
from apps.exceptions.models import ExceptionCase
from tests.plugins.estate import Estate

pytestmark = pytest.mark.django_db(transaction=True)


def _failing(failure: Exception):
    async def changes(self: object, cursor: str) -> Changes:
        raise failure

    return changes


def test_a_won_deal_is_found_once_and_the_cursor_moves_on(company: Estate) -> None:
    ref = company.win()

    company.hear(ref)
    before = InboxEvent.objects.count()
    ConnectedSystem.objects.filter(code="hubspot").update(next_poll_at=None)

    assert polling.poll_due() == 0
    assert InboxEvent.objects.count() == before
    assert ConnectedSystem.objects.get(code="hubspot").poll_cursor != ""


def test_a_system_is_asked_no_sooner_than_it_is_due(company: Estate) -> None:
    polling.poll_due()

    assert ConnectedSystem.objects.filter(poll_every_s__isnull=False, enabled=True, next_poll_at=None).count() == 0
    assert polling.poll_due() == 0


@pytest.mark.parametrize("failure", [TransientFailure("away"), RuntimeError("a defect of the connector")])
def test_one_that_fails_stops_nobody_elses_news(
    company: Estate, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(HubSpotConnector, "changes", _failing(failure))
    cursor = ConnectedSystem.objects.get(code="hubspot").poll_cursor

    polling.poll_due()

    hubspot, netsuite = ConnectedSystem.objects.get(code="hubspot"), ConnectedSystem.objects.get(code="netsuite")
    assert (hubspot.poll_cursor, hubspot.poll_lease_until) == (cursor, None)
    assert netsuite.poll_cursor != ""


def test_refused_credentials_pause_the_system_with_a_case(company: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Misconfigured("The token is refused. Put a fresh one into its file.", code="credentials_expired")
    monkeypatch.setattr(NetSuiteConnector, "changes", _failing(failure))

    polling.poll_due()

    assert ConnectedSystem.objects.get(code="netsuite").paused_until is not None
    assert ExceptionCase.objects.get().kind == "credentials_expired"
    registry.forget_all()
