"""Rules change by proposal and a second person; one revision counts at any instant, and none is ever lost."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.audit.queries import lines
from apps.core import clock
from apps.core.actor import saga
from apps.core.errors import BadInput, Conflict
from apps.core.states import state_table
from apps.governance import changes
from apps.governance.errors import NotPossible, NotYourDecision
from apps.governance.models import ApprovalPolicy, ContractVersion, QualityRule, SystemOfRecordRule, ValueMap
from apps.governance.ownership import rules_now
from apps.governance.states import RULE_MOVES, RuleState
from tests.factories import person

pytestmark = pytest.mark.django_db
KEY = {"object": "account", "field": "payment_terms_days"}


@pytest.fixture
def ida():
    """She runs the integrations and edits rules."""
    return person("ida", roles=("integration_owner",)).actor


@pytest.fixture
def carla():
    """She controls finance and approves rules."""
    return person("carla", roles=("finance_controller",)).actor


def proposal(by, **more):
    live = SystemOfRecordRule.objects.get(**KEY, state=RuleState.LIVE)
    names = [
        "domain",
        "object",
        "field",
        "pattern",
        "direction",
        "conflict_policy",
        "others_may_fill",
        "priority",
        "steward",
        "approvers",
    ]
    values = {name: getattr(live, name) for name in names} | {"owner": "crm"}
    return changes.propose(SystemOfRecordRule, values, by=by, why="terms are agreed in the CRM", **more)


def approved(ida, carla, **more):
    rule = proposal(ida, **more)
    changes.mark_tested(SystemOfRecordRule, rule.pk, by=ida, why="touches 4 contracts")
    return changes.approve(SystemOfRecordRule, rule.pk, by=carla, why="agreed with sales")


@pytest.mark.parametrize("model", [SystemOfRecordRule, QualityRule, ApprovalPolicy, ValueMap, ContractVersion])
def test_rule_state_table(model):
    assert state_table(model) == [
        ("approved", "go_live", "live"),
        ("approved", "retire", "retired"),
        ("approved", "send_back", "draft"),
        ("draft", "mark_tested", "tested"),
        ("draft", "retire", "retired"),
        ("live", "retire", "retired"),
        ("tested", "approve", "approved"),
        ("tested", "retire", "retired"),
        ("tested", "send_back", "draft"),
    ]
    assert {(source, target) for source, _, target in state_table(model)} == {(str(a), str(b)) for a, b in RULE_MOVES}


def test_a_draft_changes_nothing_yet(ida):
    rule = proposal(ida)

    assert (rule.revision, rule.state, rule.proposed_by) == (2, RuleState.DRAFT, "person:ida")
    assert rules_now().rule("account", "payment_terms_days").owner == "erp"


def test_a_rule_goes_live_after_test_and_approval_and_replaces_the_one_before(ida, carla):
    rule = approved(ida, carla)

    changes.go_live(SystemOfRecordRule, rule.pk, by=ida)

    assert rules_now().rule("account", "payment_terms_days").owner == "crm"
    newest, first = changes.history(rule)
    assert [(newest.revision, newest.state), (first.revision, first.state)] == [
        (2, RuleState.LIVE),
        (1, RuleState.RETIRED),
    ]
    assert [line.verb for line in lines(newest)] == ["create", "mark_tested", "approve", "go_live"]
    assert [line.verb for line in lines(first)] == ["create", "retire"]


def test_nobody_approves_a_rule_of_their_own():
    both = person("both", roles=("integration_owner", "finance_controller")).actor
    rule = proposal(both)
    changes.mark_tested(SystemOfRecordRule, rule.pk, by=both, why="looked")

    with pytest.raises(NotYourDecision, match="somebody else must approve"):
        changes.approve(SystemOfRecordRule, rule.pk, by=both, why="mine")


def test_the_database_too_refuses_a_rule_approved_by_its_maker(ida):
    rule = proposal(ida)

    with pytest.raises(IntegrityError, match="sor_four_eyes"), transaction.atomic():
        SystemOfRecordRule.objects.filter(pk=rule.pk).update(approved_by="person:ida")


def test_only_the_approvers_a_rule_names_may_approve_it(ida):
    rule = SystemOfRecordRule.objects.get(pk=proposal(ida).pk)
    assert rule.approvers == ["finance_controller", "integration_owner"]
    SystemOfRecordRule.objects.filter(pk=rule.pk).update(approvers=["delivery_manager"])
    changes.mark_tested(SystemOfRecordRule, rule.pk, by=ida, why="looked")

    with pytest.raises(NotYourDecision, match="is approved by: delivery_manager"):
        changes.approve(SystemOfRecordRule, rule.pk, by=person("cara", roles=("finance_controller",)).actor, why="fine")


@pytest.mark.parametrize("role", ["finance_ops", "delivery_manager", "sales_ops", "executive", "auditor"])
def test_who_may_not_edit_rules_proposes_none(role):
    with pytest.raises(NotYourDecision, match="may not change rules"):
        proposal(person("otto", roles=(role,)).actor)


def test_a_saga_proposes_no_rule():
    with pytest.raises(NotYourDecision):
        proposal(saga("project_activation"))


def test_a_proposal_needs_a_reason_and_sound_values(ida):
    with pytest.raises(BadInput, match="a reason is needed"):
        changes.propose(
            ValueMap,
            {"system": "tryton", "entity": "", "kind": "tax", "source": "S19", "target": "19"},
            by=ida,
            why=" ",
        )
    with pytest.raises(BadInput, match="owner: Value 'the boss' is not a valid choice"):
        changes.propose(SystemOfRecordRule, KEY | {"owner": "the boss"}, by=ida, why="because")


def test_an_approved_rule_waits_for_its_day(ida, carla, monkeypatch):
    tomorrow = clock.today("UTC") + timedelta(days=1)
    rule = approved(ida, carla, effective_from=tomorrow)

    with pytest.raises(NotPossible, match="until then it stays approved"):
        changes.go_live(SystemOfRecordRule, rule.pk, by=ida)
    assert changes.go_live_due(by=saga("rules")) == 0

    monkeypatch.setattr(clock, "today", lambda zone: tomorrow)
    assert changes.go_live_due(by=saga("rules")) == 1
    assert rules_now().rule("account", "payment_terms_days").owner == "crm"


def test_a_rule_sent_back_loses_its_approval(ida, carla):
    rule = approved(ida, carla)

    rule = changes.send_back(SystemOfRecordRule, rule.pk, by=ida, why="forgot the UK")

    assert (rule.state, rule.approved_by) == (RuleState.DRAFT, "")
    with pytest.raises(NotPossible, match="it is draft"):
        changes.go_live(SystemOfRecordRule, rule.pk, by=ida)


def test_rolling_back_proposes_what_an_earlier_revision_said(ida, carla):
    rule = approved(ida, carla)
    changes.go_live(SystemOfRecordRule, rule.pk, by=ida)
    first = changes.history(rule)[-1]

    draft = changes.roll_back(SystemOfRecordRule, first.pk, by=ida, why="sales changed their mind")

    assert (draft.revision, draft.owner, draft.state) == (3, "erp", RuleState.DRAFT)
    assert draft.reason == "back to revision 1: sales changed their mind"


def test_whoever_saw_an_older_version_is_told_so(ida):
    rule = proposal(ida)
    changes.mark_tested(SystemOfRecordRule, rule.pk, by=ida, why="looked")

    with pytest.raises(Conflict, match="you saw version 1"):
        changes.send_back(SystemOfRecordRule, rule.pk, by=ida, why="hm", expected_version=1)


def test_the_database_holds_one_live_owner_per_field_and_no_unapproved_rule(ida, carla):
    second = approved(ida, carla)

    with pytest.raises(IntegrityError, match="sor_one_live_owner"), transaction.atomic():
        SystemOfRecordRule.objects.filter(pk=second.pk).update(state=RuleState.LIVE)
    with pytest.raises(IntegrityError, match="approved_before_live"), transaction.atomic():
        SystemOfRecordRule.objects.filter(state=RuleState.LIVE).update(approved_by="")


def test_retiring_a_live_rule_takes_the_right_to_approve(ida):
    live = SystemOfRecordRule.objects.get(**KEY, state=RuleState.LIVE)
    adam = person("adam", roles=("admin",)).actor

    with pytest.raises(NotYourDecision):
        changes.retire(SystemOfRecordRule, live.pk, by=adam, why="not needed")

    changes.retire(SystemOfRecordRule, live.pk, by=ida, why="not needed")
    assert rules_now().rule("account", "payment_terms_days").owner == "crm"
