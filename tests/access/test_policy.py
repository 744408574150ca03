"""Who may see, do and approve what: the matrix of roles, and the scope of entities."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.access.errors import NotAllowed
from apps.access.models import User
from apps.access.policy import entities, for_user, may, may_approve, require, works_for
from apps.access.roles import ALL_PERMISSIONS, PERMISSIONS, Role, approves_as, permissions_of
from apps.exceptions.models import ExceptionCase
from tests.factories import finding, opened, person

# One line per right; who has it. Everybody else has not.
MATRIX = {
    "cases.view": set(Role),
    "cases.take": set(Role) - {Role.EXECUTIVE, Role.AUDITOR},
    "cases.decide": set(Role) - {Role.EXECUTIVE, Role.AUDITOR},
    "cases.dismiss": set(Role) - {Role.EXECUTIVE, Role.AUDITOR},
    # Each decides only what waits for a role of theirs; the integration owner, what mappings say.
    "approvals.decide": {
        Role.FINANCE_OPS,
        Role.FINANCE_CONTROLLER,
        Role.DELIVERY_MANAGER,
        Role.INTEGRATION_OWNER,
    },
    "payload.view": {Role.FINANCE_OPS, Role.FINANCE_CONTROLLER, Role.ADMIN, Role.INTEGRATION_OWNER, Role.AUDITOR},
    "payload.edit": {Role.FINANCE_OPS, Role.ADMIN, Role.INTEGRATION_OWNER},
    "billing.run": {Role.FINANCE_OPS, Role.FINANCE_CONTROLLER},
    "reconciliation.sign_off": {Role.FINANCE_CONTROLLER},
    "replay.bulk": {Role.FINANCE_OPS, Role.ADMIN, Role.INTEGRATION_OWNER},
    "rules.view": set(Role) - {Role.EXECUTIVE},
    "rules.edit": {Role.ADMIN, Role.INTEGRATION_OWNER},
    "rules.approve": {Role.FINANCE_CONTROLLER, Role.INTEGRATION_OWNER},
    "connectors.edit": {Role.ADMIN, Role.INTEGRATION_OWNER},
    "people.edit": {Role.ADMIN},
    "audit.view": {Role.FINANCE_CONTROLLER, Role.ADMIN, Role.INTEGRATION_OWNER, Role.AUDITOR},
}


@pytest.mark.parametrize("permission", MATRIX)
def test_each_right_belongs_to_the_roles_of_the_matrix_and_no_other(permission):
    assert {role for role in Role if permission in PERMISSIONS[role]} == MATRIX[permission]


def test_no_role_both_edits_payloads_and_signs_off():
    assert [role for role in Role if {"payload.edit", "reconciliation.sign_off"} <= PERMISSIONS[role]] == []


def test_an_admin_keeps_the_system_running_and_releases_no_money():
    assert approves_as(["admin"]) == {Role.ADMIN}
    assert "approvals.decide" not in PERMISSIONS[Role.ADMIN]


def test_a_controller_stands_in_for_finance_operations_and_nobody_for_a_controller():
    assert approves_as(["finance_controller"]) == {Role.FINANCE_CONTROLLER, Role.FINANCE_OPS}
    assert [role for role in Role if Role.FINANCE_CONTROLLER in approves_as([role])] == [Role.FINANCE_CONTROLLER]


@given(st.lists(st.text(max_size=12)))
def test_a_role_nobody_knows_allows_nothing(roles):
    unknown = [role for role in roles if role not in list(Role)]

    assert permissions_of(unknown) == frozenset()
    assert approves_as(unknown) == frozenset()


@given(st.lists(st.sampled_from(list(Role))))
def test_another_role_never_takes_a_right_away(roles):
    assert all(PERMISSIONS[role] <= permissions_of([str(role) for role in roles]) <= ALL_PERMISSIONS for role in roles)


@pytest.mark.django_db
def test_a_right_counts_within_ones_entities_only():
    anna = person(roles=("finance_ops",), entities=("DE-01", "UK-01"))

    assert may(anna, "cases.decide")
    assert may(anna, "cases.decide", entity="DE-01")
    assert not may(anna, "cases.decide", entity="US-01")
    assert not may(anna, "cases.decide", entity="")
    assert not may(anna, "rules.edit", entity="DE-01")


@pytest.mark.django_db
def test_whoever_works_for_all_entities_also_sees_what_has_none_yet():
    assert works_for(person(entities=("*",)), "")
    assert entities(person("ben", entities=("*",))) is None
    assert entities(person("cem", entities=())) == frozenset()


@pytest.mark.django_db
def test_somebody_new_may_do_nothing_until_somebody_gives_them_a_role():
    nobody = User.objects.create_user("nobody")

    assert [permission for permission in ALL_PERMISSIONS if may(nobody, permission)] == []
    assert entities(nobody) == frozenset()


@pytest.mark.django_db
def test_whoever_is_switched_off_or_not_signed_in_may_do_nothing():
    off = person(is_active=False)

    for someone in (off, AnonymousUser()):
        assert not may(someone, "cases.view")
        assert not may_approve(someone, role="finance_ops", entity="DE-01")
        assert entities(someone) == frozenset()
        assert not for_user(ExceptionCase.objects.all(), someone).exists()


@pytest.mark.django_db
def test_a_superuser_is_not_above_the_matrix():
    root = User.objects.create_superuser("root")

    assert not may(root, "approvals.decide")
    assert not may_approve(root, role="finance_controller", entity="DE-01")


@pytest.mark.django_db
def test_an_approver_has_the_role_and_the_entity():
    carla = person(roles=("finance_controller",), entities=("DE-01",))

    assert may_approve(carla, role="finance_controller", entity="DE-01")
    assert may_approve(carla, role="finance_ops", entity="DE-01")
    assert not may_approve(carla, role="finance_ops", entity="US-01")
    assert not may_approve(carla, role="delivery_manager", entity="DE-01")


@pytest.mark.django_db
def test_rows_of_other_entities_are_not_there():
    opened(finding(entity="DE-01"), finding(entity="US-01"), finding(entity=""))

    seen = for_user(ExceptionCase.objects.all(), person(entities=("US-01", "")))

    assert [case.entity for case in seen] == ["US-01"]


@pytest.mark.django_db
def test_a_refusal_says_what_is_lacking():
    with pytest.raises(NotAllowed, match=r"Anna may not do this for US-01 \(cases.decide\)"):
        require(person(display_name="Anna", entities=("DE-01",)), "cases.decide", entity="US-01")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("roles", ["boss"]),
        ("roles", "admin"),
        ("entities", [1]),
        ("entities", [""]),
        ("entities", {"DE-01": 1}),
        ("time_zone", "Europe/Bonn"),
    ],
)
def test_a_person_is_not_saved_with_a_role_an_entity_or_a_zone_that_cannot_be(field, value):
    anna = person()
    setattr(anna, field, value)

    with pytest.raises(ValidationError) as error:
        anna.full_clean()

    assert list(error.value.message_dict) == [field]
