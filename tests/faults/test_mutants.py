"""The tests bite: with one safeguard taken out of our code, the promise it keeps is seen to break.

Every check here is run twice: it holds for the code as it is, and fails for the code without the safeguard.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.access.models import User
from apps.audit import chain, verification, work
from apps.audit.models import AuditLine
from apps.audit.verification import Count, breaks
from apps.billing.models import BillingMilestone
from apps.connectors import standard_webhooks
from apps.connectors.base import Call
from apps.connectors.models import ConnectedSystem
from apps.connectors.netsuite import mapping
from apps.connectors.netsuite.invoices import Invoices
from apps.core import clock
from apps.core.errors import Conflict, Failure, Rejected
from apps.core.money import Money
from apps.events import inbox, outbox, settlement, streams
from apps.events.models import InboxEvent, OutboxCommand, Stream
from apps.events.states import CommandState
from apps.events.streams import LeaseLost
from apps.exceptions.models import ExceptionCase
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest
from apps.governance.errors import NotYourDecision
from apps.processes.decisions import registry
from apps.processes.demo import deals
from apps.processes.invariants import broken_invariants
from tests.factories import finding, opened
from tests.faults.workers import let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = [pytest.mark.faults]
DUE = date(2026, 12, 1)

# A mutant: takes one safeguard out of our code, by the name of what then breaks.
Mutate = Callable[[pytest.MonkeyPatch], None]


def _executed_without(safeguard: str, instead: str = "") -> Mutate:
    """Whatever SQL is executed loses the safeguard; one that is never executed has moved, and the mutant is to be mended."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        from django.db.backends.utils import CursorWrapper

        as_it_is = CursorWrapper.execute

        def execute(self: CursorWrapper, sql: str, params: Any = None) -> Any:
            if isinstance(sql, str) and safeguard in sql:
                found.append(sql)
                sql = sql.replace(safeguard, instead)
            return as_it_is(self, sql, params)

        patch.setattr(CursorWrapper, "execute", execute)

    found: list[str] = []
    return mutate


def _holds(check: Callable[[], object]) -> bool:
    """Whether a check passes; only its own assertion counts as failing."""
    try:
        check()
    except AssertionError:
        return False
    return True


def _bites(check: Callable[[], object], mutate: Mutate) -> None:
    """The check passes on our code and fails on the mutant."""
    assert _holds(check), "the check fails although nothing was taken out"
    with pytest.MonkeyPatch.context() as patch:
        mutate(patch)
        assert not _holds(check), "nobody noticed that the safeguard is gone"


# -- the fence -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_the_fence_a_worker_that_lost_its_lease_would_write() -> None:
    def a_late_worker_is_turned_away() -> None:
        Stream.objects.all().delete()
        streams.wake(["deal:1"])
        (late,) = streams.claim(limit=1)
        let_time_pass(3600)
        (present,) = streams.claim(limit=1)
        assert present.token == late.token + 1
        late.next_position = 99
        with pytest.raises(LeaseLost):
            streams.release([late])
        assert Stream.objects.get().next_position == 1

    def guarded() -> None:
        try:
            a_late_worker_is_turned_away()
        except pytest.fail.Exception as error:  # pytest.raises' own way to say that nothing was raised
            raise AssertionError(str(error)) from error

    _bites(guarded, _executed_without("AND s.lease_token = d.token "))


# -- storing once --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_dedup_the_same_news_would_be_stored_twice() -> None:
    def the_same_news_is_one_event() -> None:
        InboxEvent.objects.all().delete()
        message = inbox.message("x.y", {}, stream_key="deal:1", external_id="once", correlation_id="story-0001")
        inbox.store([message])
        inbox.store([message])
        assert InboxEvent.objects.count() == 1

    def mutate(patch: pytest.MonkeyPatch) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events_inboxevent DROP CONSTRAINT event_stored_once")
        _executed_without("ON CONFLICT (system, external_id) DO NOTHING")(patch)

    _bites(the_same_news_is_one_event, mutate)


@pytest.mark.django_db
def test_without_its_key_a_command_would_be_enqueued_twice() -> None:
    from apps.canonical.commands import ReadOpportunity

    def one_key_is_one_command() -> None:
        OutboxCommand.objects.all().delete()
        order = outbox.Order(
            system="hubspot", command=ReadOpportunity(ref="1"), stream_key="deal:1", idempotency_key="k-1",
            correlation_id="story-0001",
        )  # fmt: skip
        outbox.enqueue([order])
        outbox.enqueue([order])
        assert OutboxCommand.objects.count() == 1

    def mutate(patch: pytest.MonkeyPatch) -> None:
        numbers = iter(range(100))
        as_it_is = outbox.enqueue

        def enqueue(orders: list[outbox.Order]) -> list[str]:
            return as_it_is([replace(order, idempotency_key=f"fresh-{next(numbers)}") for order in orders])

        patch.setattr(outbox, "enqueue", enqueue)

    _bites(one_key_is_one_command, mutate)


# -- people --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_the_version_check_two_people_would_decide_over_each_other() -> None:
    user = _person("anna")

    def the_second_decision_is_refused() -> None:
        (case,) = opened(finding("period_closed"))
        seen = case.version
        ExceptionCase.objects.filter(pk=case.pk).update(version=seen + 1)
        refused = False
        try:
            registry.apply("replay", case_id=case.pk, by=user, expected_version=seen)
        except Conflict:
            refused = True
        except Exception:
            pass
        assert refused

    def mutate(patch: pytest.MonkeyPatch) -> None:
        as_it_is = registry.apply
        patch.setattr(registry, "apply", lambda name, **asked: as_it_is(name, **{**asked, "expected_version": None}))

    _bites(the_second_decision_is_refused, mutate)


@pytest.mark.django_db
def test_without_the_maker_check_one_person_would_approve_their_own() -> None:
    user = _person("anna")

    def nobody_approves_their_own() -> None:
        asked = work.Work()
        request = ApprovalRequest(
            kind="invoice", subject_type="invoice", subject_id="INV-1", payload={"net": "1"}, role="finance_ops",
            entity="US-01", amount=Money(Decimal(1), "USD"),
        )  # fmt: skip
        (approval,) = approvals.request(asked, [request], by=user.actor)
        asked.flush()
        with contextlib.suppress(NotYourDecision):
            approvals.grant(approval.pk, by=user.actor)
        approval.refresh_from_db()
        assert approval.decided_by != approval.requested_by

    def mutate(patch: pytest.MonkeyPatch) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE governance_approval DROP CONSTRAINT approval_never_by_its_maker")
        patch.setattr(approvals, "_require_right", lambda approval, by: None)

    _bites(nobody_approves_their_own, mutate)


# -- the audit trail -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_the_hash_a_changed_audit_line_would_pass() -> None:
    import pgtrigger

    def a_changed_line_is_found() -> None:
        (case,) = opened(finding("period_closed"))
        with pgtrigger.ignore("audit.AuditLine:append_only"):
            AuditLine.objects.filter(subject_id=str(case.pk), seq=1).update(by="person:somebody_else")
        assert [broken.subject_id for broken in breaks(Count())][-1:] == [str(case.pk)]

    def mutate(patch: pytest.MonkeyPatch) -> None:
        with pgtrigger.ignore("audit.AuditLine:append_only"):
            AuditLine.objects.all().delete()
        ExceptionCase.objects.all().delete()
        for module in (chain, work, verification):
            patch.setattr(module, "line_hash", lambda previous, content: "0" * 64)

    _bites(a_changed_line_is_found, mutate)


# -- the vendor ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_without_look_up_and_key_a_lost_answer_would_bill_twice(company: Estate) -> None:
    """Counted in the ERP's own ledger. Either of the two is enough; without both there are two invoices."""
    four = [("M1", "1000.00"), ("M2", "1000.00"), ("M3", "1000.00"), ("M4", "1000.00")]
    lines = deals.line("US-01", "IMPLEMENTATION", [(code, code, amount) for code, amount in four], first_due=DUE)
    project = company.activated(company.win(lines=lines))

    def billed_once() -> None:
        code = next(codes)
        _lose_the_answer_to_one_invoice(company)
        company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": code, **PROOF})
        for _ in range(6):
            company.settle(timeout_s=3)
            let_time_pass(60)
        milestone = BillingMilestone.objects.get(project=project, code=code)
        (entry,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={milestone.pk}")
        assert entry["live"] == 1

    codes = iter(code for code, _ in four)
    assert _holds(billed_once)
    with pytest.MonkeyPatch.context() as patch:
        _send_again_without_looking(patch)
        assert _holds(billed_once)
    with pytest.MonkeyPatch.context() as patch:
        _forget_the_key(patch)
        assert _holds(billed_once)
    with pytest.MonkeyPatch.context() as patch:
        _send_again_without_looking(patch)
        _forget_the_key(patch)
        assert not _holds(billed_once), "nobody noticed that it was sent twice"


def test_without_its_timestamp_an_old_webhook_could_be_played_again() -> None:
    secret = "whsec_dGVzdC1zZWNyZXQtb2YtdHdlbnR5LWZvdXI="
    old = clock.now() - timedelta(hours=1)
    headers = standard_webhooks.signed_headers(secret, message_id="m-1", at_s=int(old.timestamp()), body=b"{}")

    def a_replay_is_refused() -> None:
        refused = False
        try:
            standard_webhooks.check(headers, body=b"{}", secrets=[secret])
        except Rejected as error:
            refused = error.code == "signature_stale"
        assert refused

    _bites(a_replay_is_refused, lambda patch: patch.setattr(standard_webhooks, "check_age", lambda sent_at_s: None))


@pytest.mark.django_db
def test_without_positions_counted_on_a_lost_event_would_go_unseen() -> None:
    """The invariant itself: an event settled without its place in the line is named."""
    message = inbox.message("x.y", {}, stream_key="deal:1", external_id="one", correlation_id="story-0001")
    inbox.store([message])
    assert [broken.invariant.code for broken in broken_invariants()] == []

    InboxEvent.objects.update(state="applied")

    assert [broken.invariant.code for broken in broken_invariants()] == ["I4"]


def _lose_the_answer_to_one_invoice(company: Estate) -> None:
    system = ConnectedSystem.objects.get(code="netsuite")
    system.timeout_s, system.max_in_flight_s = 2, 0.5
    system.save()
    company.outside.fault(
        vendor="netsuite", match={"method": "POST", "path": "/invoice$"}, fault={"drop": "after"}, times=1
    )


def _send_again_without_looking(patch: pytest.MonkeyPatch) -> None:
    """Our outbox takes silence for "it did not happen", and the connector does not look before it sends."""
    as_it_is = settlement.failed

    def failed(claimed: outbox.Claimed, failure: Failure, **given: Any) -> outbox.Outcome:
        outcome = as_it_is(claimed, failure, **given)
        return replace(outcome, state=CommandState.PENDING) if outcome.state == CommandState.UNKNOWN else outcome

    async def nothing_found(self: Invoices, exchange: object, call: Call) -> None:
        return None

    patch.setattr(settlement, "failed", failed)
    patch.setattr(Invoices, "found", nothing_found)


def _forget_the_key(patch: pytest.MonkeyPatch) -> None:
    """What is sent to the ERP carries another external id each time, while look-ups still ask for ours."""
    as_it_is, numbers = mapping.to_invoice, iter(range(100))

    def to_invoice(*given: Any, **named: Any) -> dict[str, Any]:
        body = as_it_is(*given, **named)
        for line in body["item"]["items"]:
            line.pop("charge", None)  # this ERP would refuse to bill one charge twice; not every ERP has them
        return body if next(numbers) == 0 else {**body, "externalId": f"{body['externalId']}-again"}

    patch.setattr(mapping, "to_invoice", to_invoice)


def _person(name: str) -> User:
    return User.objects.create_user(
        name, password="correct horse battery", roles=["finance_ops", "admin", "finance_controller"], entities=["*"]
    )
