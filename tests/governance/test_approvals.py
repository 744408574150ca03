"""Approvals: asked once for one content, given by a second person of the right role and entity, void when it changes."""

import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.queries import lines
from apps.audit.work import Work
from apps.core.actor import person as person_actor
from apps.core.actor import saga
from apps.core.errors import BadInput, Conflict
from apps.core.money import Money
from apps.core.states import state_table
from apps.governance import approvals
from apps.governance.approvals import ApprovalRequest, payload_hash, still_covers
from apps.governance.errors import NotPossible, NotYourDecision
from apps.governance.models import Approval
from apps.governance.states import APPROVAL_MOVES, ApprovalState
from tests.factories import person

BY = saga("milestone_billing")
PAYLOAD = {"invoice": "INV-1", "total": "60000.00", "currency": "EUR"}


def asked(by=BY, **changes) -> Approval:
    given_ = {
        "kind": "invoice", "subject_type": "invoice", "subject_id": "INV-1", "payload": PAYLOAD, "reference": "STP-1",
        "entity": "DE-01", "amount": Money(Decimal(60_000), "EUR"), "correlation_id": "story-1",
    }  # fmt: skip
    with transaction.atomic():
        work = Work()
        (approval,) = approvals.request(work, [ApprovalRequest(**(given_ | changes))], by=by)
        work.flush()
    return Approval.objects.get(pk=approval.pk)


def controller(name="carla", **more):
    return person(name, roles=("finance_controller",), entities=("DE-01",), **more).actor


def voided(approval, why="the contract changed"):
    with transaction.atomic():
        work = Work()
        found = approvals.void(work, [approval], by=BY, why=why)
        work.flush()
    return found


def test_approval_state_table():
    assert state_table(Approval) == [
        ("granted", "void", "voided"),
        ("refused", "renew", "requested"),
        ("requested", "grant", "granted"),
        ("requested", "refuse", "refused"),
        ("requested", "void", "voided"),
        ("voided", "renew", "requested"),
    ]
    assert {(source, target) for source, _, target in state_table(Approval)} == {
        (str(a), str(b)) for a, b in APPROVAL_MOVES
    }


@pytest.mark.django_db
def test_the_policies_say_who_must_approve():
    assert asked().role == "finance_controller"
    assert asked(payload={"total": "20000"}, amount=Money(Decimal(20_000), "EUR")).role == "finance_ops"
    assert asked(kind="activation", amount=None).role == "delivery_manager"


@pytest.mark.django_db
def test_an_invoice_no_policy_cares_about_still_gets_somebody_when_it_is_asked_for():
    assert asked(payload={"total": "1"}, amount=Money(Decimal(1), "EUR")).role == "finance_controller"


@pytest.mark.django_db
def test_asking_twice_for_the_same_asks_once():
    first, second = asked(), asked()

    assert first.pk == second.pk
    assert first.pk.startswith("APR-")
    assert Approval.objects.count() == 1


@pytest.mark.django_db
def test_a_hundred_requests_cost_as_many_statements_as_two():
    def statements(number):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            wanted = [
                ApprovalRequest("invoice", "invoice", f"INV-{n}", {"n": n}, role="finance_ops") for n in range(number)
            ]
            approvals.request(Work(), wanted, by=BY)
        return len(queries)

    assert statements(2) == statements(100)


@pytest.mark.django_db
def test_a_controller_grants_and_who_and_why_are_kept():
    approval, carla = asked(), controller()

    approvals.grant(approval.pk, by=carla, why="checked against the order", expected_version=approval.version)

    approval = Approval.objects.get()
    assert (approval.state, approval.decided_by, approval.why) == (
        ApprovalState.GRANTED,
        "person:carla",
        "checked against the order",
    )
    assert approval.decided_at is not None
    assert [(line.verb, line.by, line.correlation_id) for line in lines(approval)] == [
        ("create", "saga:milestone_billing", "story-1"), ("grant", "person:carla", "story-1"),
    ]  # fmt: skip


@pytest.mark.django_db
def test_whoever_asked_may_not_grant():
    carla = controller()
    approval = asked(by=carla)

    with pytest.raises(NotYourDecision, match="somebody else must decide"):
        approvals.grant(approval.pk, by=carla)

    assert Approval.objects.get().state == ApprovalState.REQUESTED


@pytest.mark.django_db
def test_the_database_too_refuses_an_approval_by_its_maker():
    asked(by=person_actor("carla"))

    with pytest.raises(IntegrityError, match="approval_never_by_its_maker"), transaction.atomic():
        Approval.objects.update(decided_by="person:carla")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("roles", "entities"),
    [
        (("finance_ops",), ("DE-01",)),
        (("delivery_manager",), ("DE-01",)),
        (("admin",), ("*",)),
        (("executive", "auditor"), ("*",)),
        (("finance_controller",), ("US-01",)),
        (("finance_controller",), ()),
        ((), ("*",)),
    ],
)
def test_another_role_or_another_entity_may_not_decide(roles, entities):
    approval = asked()
    dora = person("dora", roles=roles, entities=entities).actor

    for decide in (approvals.grant, approvals.refuse):
        with pytest.raises(NotYourDecision, match="is for the role finance_controller for DE-01"):
            decide(approval.pk, by=dora, why="fine")

    assert Approval.objects.get().state == ApprovalState.REQUESTED


@pytest.mark.django_db
def test_a_controller_may_decide_what_waits_for_finance_operations_but_not_the_reverse():
    small = asked(role="finance_ops")

    approvals.grant(small.pk, by=controller())

    assert Approval.objects.get().state == ApprovalState.GRANTED


@pytest.mark.django_db
@pytest.mark.parametrize("by", [BY, person_actor("nobody")])
def test_only_a_person_with_an_account_decides(by):
    approval = asked(by=saga("project_activation"))

    with pytest.raises(NotYourDecision, match="Only a person with an account"):
        approvals.grant(approval.pk, by=by)


@pytest.mark.django_db
def test_an_account_that_is_switched_off_decides_nothing():
    approval = asked()

    with pytest.raises(NotYourDecision):
        approvals.grant(approval.pk, by=controller(is_active=False))


@pytest.mark.django_db
def test_a_refusal_needs_a_reason():
    approval = asked()

    with pytest.raises(BadInput, match="a reason is needed"):
        approvals.refuse(approval.pk, by=controller(), why=" ")


@pytest.mark.django_db
def test_whoever_looked_at_an_older_state_or_another_content_is_told_so():
    approval, carla = asked(), controller()

    with pytest.raises(Conflict, match="you saw version 99"):
        approvals.grant(approval.pk, by=carla, expected_version=99)
    with pytest.raises(Conflict, match="has changed since you saw it"):
        approvals.grant(approval.pk, by=carla, seen_hash="0" * 64)

    assert Approval.objects.get().state == ApprovalState.REQUESTED


@pytest.mark.django_db
def test_a_decided_approval_is_not_decided_again():
    approval = asked()
    approvals.grant(approval.pk, by=controller())

    with pytest.raises(NotPossible, match="is granted; only a requested approval can be decided"):
        approvals.refuse(approval.pk, by=controller("cesar"), why="too late")


@pytest.mark.django_db
def test_a_change_of_the_contract_voids_what_was_asked_and_what_was_given():
    first, second = asked(), asked(kind="activation")
    approvals.grant(first.pk, by=controller())

    with transaction.atomic():
        work = Work()
        found = approvals.void_subject(work, ["INV-1"], by=BY, why="the contract changed")
        work.flush()

    assert {approval.pk for approval in found} == {first.pk, second.pk}
    assert set(Approval.objects.values_list("state", flat=True)) == {ApprovalState.VOIDED}
    assert Approval.objects.get(pk=first.pk).decided_by == "person:carla"
    with pytest.raises(NotPossible):
        approvals.grant(second.pk, by=person("dirk", roles=("delivery_manager",), entities=("*",)).actor)


@pytest.mark.django_db
def test_an_approval_covers_exactly_what_was_approved():
    approval = asked()
    assert not still_covers(approval, PAYLOAD)

    granted = approvals.grant(approval.pk, by=controller())

    assert still_covers(granted, dict(reversed(PAYLOAD.items())))
    assert not still_covers(granted, PAYLOAD | {"total": "60000.01"})
    assert not still_covers(voided(granted)[0], PAYLOAD)


@pytest.mark.django_db
def test_what_was_voided_or_refused_is_asked_anew_and_the_first_answer_stays_in_the_trail():
    approval = asked()
    approvals.refuse(approval.pk, by=controller(), why="order number missing")

    again = asked(reference="STP-2")

    assert (again.pk, again.state, again.reference) == (approval.pk, ApprovalState.REQUESTED, "STP-2")
    assert (again.decided_by, again.why) == ("", "")
    assert [line.verb for line in lines(again)] == ["create", "refuse", "renew"]
    assert lines(again)[1].why == "order number missing"


@pytest.mark.django_db
def test_what_was_granted_stays_granted_when_the_run_is_started_anew():
    approvals.grant(asked().pk, by=controller())

    again = asked(reference="STP-2")

    assert (again.state, again.reference) == (ApprovalState.GRANTED, "STP-2")


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()), st.text(), st.text())
def test_any_change_of_the_content_changes_its_hash(payload, key, value):
    changed = payload | {key: value}

    assert (payload_hash(payload) == payload_hash(changed)) == (
        payload == changed and _types(payload) == _types(changed)
    )


def _types(payload):
    return {key: type(value) for key, value in payload.items()}


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_decide_at_once_exactly_one_does():
    approval = asked()
    people = [controller(f"c{number}") for number in range(4)]
    barrier, outcomes = threading.Barrier(4), []

    def decide(actor, number):
        barrier.wait()
        try:
            if number % 2:
                approvals.grant(approval.pk, by=actor)
            else:
                approvals.refuse(approval.pk, by=actor, why="no")
            outcomes.append("decided")
        except NotPossible:
            outcomes.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(actor, number)) for number, actor in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["decided", "too late", "too late", "too late"]
    assert len(lines(Approval.objects.get())) == 2
