"""Delivery: commands reach a real (sandbox) system, each once, and one slow system keeps nobody else waiting."""

import time

import pytest

from apps.canonical.commands import Announce
from apps.connectors.models import ConcurrencySlot, ConnectedSystem
from apps.events import delivery, outbox
from apps.events.models import DeliveryAttempt, InboxEvent, OutboxCommand
from apps.events.outbox import Order
from apps.events.states import CommandState
from apps.exceptions.models import ExceptionCase
from tests.faults.workers import let_time_pass
from tests.plugins.estate import Estate

pytestmark = pytest.mark.django_db(transaction=True)


def _announce(*numbers: int, system: str = "staffing", stream: str = "") -> None:
    outbox.enqueue([
        Order(system, Announce(type="project.staffing_requested", subject=f"PRJ-{number}"), stream or f"project:{number}",
              f"key-{system}-{number}", "story-0001", reference=f"STP-{number}")
        for number in numbers
    ])  # fmt: skip


def test_every_command_arrives_once_and_its_receipt_is_in_the_inbox(company: Estate) -> None:
    _announce(*range(1, 21))

    while delivery.deliver("staffing"):
        pass

    assert set(OutboxCommand.objects.values_list("state", flat=True)) == {CommandState.ACKNOWLEDGED}
    received = company.sandbox.ask("ledger?vendor=staffing&limit=100")
    assert sum(entry["creations"] for entry in received if entry["by"] == "key") == 20
    assert InboxEvent.objects.filter(name="announcement.delivered").count() == 20
    assert not ConcurrencySlot.objects.exclude(holder="").exists()


def test_commands_of_one_object_arrive_in_their_order(company: Estate) -> None:
    _announce(1, 2, 3, 4, stream="project:one")

    delivery.deliver("staffing")

    ended = DeliveryAttempt.objects.order_by("started_at").values_list("command__idempotency_key", flat=True)
    assert list(ended) == [f"key-staffing-{number}" for number in (1, 2, 3, 4)]


def test_a_slow_system_keeps_no_other_waiting(company: Estate) -> None:
    company.sandbox.tell("latency", vendor="events/staffing", ms=3000)
    _announce(1, system="staffing")
    _announce(2, system="documents")

    started = time.monotonic()
    delivery.deliver_all(["staffing", "documents"])
    took_s = time.monotonic() - started

    quick = DeliveryAttempt.objects.get(command__system="documents")
    slow = DeliveryAttempt.objects.get(command__system="staffing")
    assert quick.finished_at is not None
    assert slow.finished_at is not None
    assert (quick.finished_at - quick.started_at).total_seconds() < 2 < took_s
    assert quick.finished_at < slow.finished_at


def test_a_paused_system_is_not_called(company: Estate) -> None:
    ConnectedSystem.objects.filter(code="staffing").update(enabled=False)
    _announce(1)

    assert delivery.deliver("staffing") == 0
    assert not DeliveryAttempt.objects.exists()


def test_commands_for_a_system_nobody_connected_become_one_case(company: Estate) -> None:
    _announce(1, 2, system="nowhere")

    delivery.deliver("nowhere")
    delivery.deliver("nowhere")

    assert ExceptionCase.objects.get().subject_id == "nowhere"


def test_refused_credentials_pause_the_system_and_open_one_case_for_all_that_waits(company: Estate) -> None:
    company.outside.fault(vendor="staffing", match={}, fault={"status": 401, "body": {}})
    company.outside.fault(vendor="events/staffing", match={}, fault={"status": 401, "body": {}})
    _announce(1, 2, 3)

    delivery.deliver("staffing")

    (case,) = ExceptionCase.objects.all()
    assert (case.kind, case.system, case.owner_role) == ("credentials_expired", "staffing", case.owner_role)
    assert ConnectedSystem.objects.get(code="staffing").paused_until is not None
    assert not OutboxCommand.objects.filter(state__in=("dead", "rejected")).exists()


def test_a_command_nobody_can_read_any_more_is_refused_without_a_call(company: Estate) -> None:
    _announce(1)
    OutboxCommand.objects.update(body={"_v": 1, "type": None})

    delivery.deliver("staffing")

    command = OutboxCommand.objects.get()
    assert (command.state, command.error_code) == (CommandState.REJECTED, "payload_unreadable")


def test_the_senders_connection_is_made_anew_when_it_broke(company: Estate) -> None:
    from django.db import connection

    _announce(1)
    delivery.deliver("staffing")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    _announce(2)

    # The first call finds out that the line is dead; the next one must have a new one.
    for _ in range(2):
        try:
            delivery.deliver("staffing")
        except Exception:
            continue
    let_time_pass(60)
    delivery.deliver("staffing")

    assert set(OutboxCommand.objects.values_list("state", flat=True)) == {CommandState.ACKNOWLEDGED}
