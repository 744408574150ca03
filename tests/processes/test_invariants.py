"""The invariants themselves: each finds what breaks it, and the command names the offender."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.billing.models import BillingMilestone
from apps.events import inbox, outbox
from apps.events.models import DeliveryAttempt, InboxEvent, OutboxCommand, Stream
from apps.exceptions.models import ExceptionCase
from apps.processes.invariants import INVARIANTS, broken_invariants
from apps.processes.models import ProcessRun
from tests.plugins.estate import Estate

pytestmark = pytest.mark.django_db(transaction=True)


def _broken() -> list[str]:
    return [broken.invariant.code for broken in broken_invariants()]


def test_after_a_whole_story_every_promise_holds_and_each_breach_is_seen(company: Estate) -> None:
    project = company.activated(company.win())
    company.bill(project, "M1")
    said = io.StringIO()
    call_command("check_invariants", stdout=said)
    assert all(invariant.code in said.getvalue() for invariant in INVARIANTS)

    milestone = BillingMilestone.objects.get(code="M1")
    BillingMilestone.objects.filter(pk=milestone.pk).update(invoiced_amount=1)
    assert _broken() == ["I1", "I2"]
    BillingMilestone.objects.filter(pk=milestone.pk).update(invoiced_amount=milestone.invoiced_amount)

    run = ProcessRun.objects.filter(saga="invoice_feedback")
    run.update(state="parked", step="crm_update")
    assert _broken() == ["I3"]
    run.update(state="running")
    assert _broken() == ["I3"]
    run.update(state="done")

    stream = Stream.objects.filter(next_position__gt=1)[0]
    Stream.objects.filter(pk=stream.pk).update(next_position=stream.next_position + 1)
    assert _broken() == ["I4"]
    Stream.objects.filter(pk=stream.pk).update(next_position=stream.next_position)

    BillingMilestone.objects.filter(pk=milestone.pk).update(audit_head="0" * 64)
    assert _broken() == ["I5"]
    BillingMilestone.objects.filter(pk=milestone.pk).update(audit_head=milestone.audit_head)

    BillingMilestone.objects.filter(pk=milestone.pk).update(legal_entity="UK-01")
    assert _broken() == ["I7"]
    BillingMilestone.objects.filter(pk=milestone.pk).update(legal_entity=milestone.legal_entity)

    attempt = DeliveryAttempt.objects.all()[0]
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(finished_at=None)
    assert _broken() == ["I8"]
    DeliveryAttempt.objects.filter(pk=attempt.pk).update(finished_at=attempt.finished_at)
    assert _broken() == []


def test_an_event_that_sleeps_a_dead_one_without_case_and_a_lost_receipt_are_seen() -> None:
    inbox.store([inbox.message("x", {}, stream_key="s:1", external_id="1", correlation_id="story-001")])
    assert _broken() == []

    Stream.objects.update(due_at=None)
    assert _broken() == ["I3"]

    InboxEvent.objects.update(state="dead", position=1)
    Stream.objects.update(next_position=2)
    assert _broken() == ["I3"]
    assert ExceptionCase.objects.count() == 0

    InboxEvent.objects.update(state="applied")
    assert _broken() == []
    from apps.canonical.commands import ReadOpportunity

    outbox.enqueue([outbox.Order("hubspot", ReadOpportunity(ref="1"), "s:1", "k", "story-001")])
    OutboxCommand.objects.update(state="acknowledged")
    assert _broken() == ["I3"]


def test_the_command_ends_with_one_and_names_who_breaks_what() -> None:
    inbox.store([inbox.message("x", {}, stream_key="s:1", external_id="1", correlation_id="story-001")])
    InboxEvent.objects.update(state="applied")
    said = io.StringIO()

    with pytest.raises(CommandError) as ended:
        call_command("check_invariants", stderr=said)

    assert ended.value.returncode == 1
    assert "I4" in str(ended.value)
    assert f"EVT-{InboxEvent.objects.get().pk} is applied without a position" in said.getvalue()
    call_command("check_invariants", "--only", "I1", "I2", stdout=io.StringIO())
    with pytest.raises(CommandError, match="I99"):
        call_command("check_invariants", "--only", "I99")
