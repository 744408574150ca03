"""The rule editor: proposes revisions and moves them, edits nothing in place."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.governance.models import SystemOfRecordRule, ValueMap
from apps.governance.states import RuleState
from tests.factories import person

pytestmark = pytest.mark.django_db
MAP = {
    "system": "tryton",
    "entity": "DE-01",
    "kind": "tax_code",
    "source": "S19",
    "target": "19",
    "reason": "VAT at 19 %",
}


def client_of(name, *roles) -> Client:
    client = Client()
    client.force_login(person(name, roles=roles, is_staff=True))
    return client


def act(client, action, rule):
    return client.post(
        reverse("admin:governance_valuemap_changelist"), {"action": action, "_selected_action": [rule.pk]}, follow=True
    )


def test_a_mapping_typed_in_the_editor_is_a_draft_until_a_second_person_agrees():
    ida, ines = client_of("ida", "integration_owner"), client_of("ines", "integration_owner")

    done = ida.post(reverse("admin:governance_valuemap_add"), MAP)

    assert done.status_code == 302
    rule = ValueMap.objects.get()
    assert (rule.state, rule.revision, rule.proposed_by, rule.target) == (RuleState.DRAFT, 1, "person:ida", "19")

    act(ida, "mark_tested", rule)
    refused = act(ida, "approve", rule)
    assert "somebody else must approve it" in refused.content.decode()
    act(ines, "approve", rule)
    act(ines, "go_live", rule)
    assert ValueMap.objects.get().state == RuleState.LIVE


def test_a_live_rule_is_shown_and_cannot_be_edited():
    rule = SystemOfRecordRule.objects.get(object="account", field="name", state=RuleState.LIVE)

    page = client_of("ida", "integration_owner").get(
        reverse("admin:governance_systemofrecordrule_change", args=[rule.pk])
    )

    assert page.status_code == 200
    assert '<input type="text" name="domain"' not in page.content.decode()


def test_who_may_only_look_gets_no_button_to_add():
    client = client_of("otto", "auditor")

    assert client.get(reverse("admin:governance_valuemap_changelist")).status_code == 200
    assert client.get(reverse("admin:governance_valuemap_add")).status_code == 403


@pytest.mark.parametrize(
    "room", ["governance_approval", "governance_externalid", "exceptions_exceptioncase", "exceptions_casenote"]
)
def test_what_the_engine_writes_can_be_looked_at_and_not_changed(room):
    client = Client()
    client.force_login(person("root", is_staff=True, is_superuser=True))

    assert client.get(reverse(f"admin:{room}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{room}_add")).status_code == 403
