"""StatefulModel: a state nobody sets by hand, and a refresh that really reads it anew."""

import pytest
from django.db.models import Model

from apps.audit.locked import locked
from apps.audit.models import AuditLine
from apps.contracts.models import Account
from apps.core.actor import person
from apps.core.states import state_table

pytestmark = pytest.mark.django_db
ANNA = person("anna")


@pytest.fixture
def account() -> Account:
    return Account.objects.create(id="ACC-1", source_system="hubspot", ref="1", name="Aurora")


def activated(row: Account) -> None:
    with locked(Account, row.pk, by=ANNA) as held:
        held.activate(by=ANNA)


def test_a_state_cannot_be_set_by_hand(account):
    with pytest.raises(AttributeError, match="state"):
        account.state = "active"


def test_a_refresh_reads_what_another_worker_made_of_the_row(account):
    activated(account)
    assert account.state == "prospect"

    account.refresh_from_db()

    assert (account.state, account.version) == ("active", 2)
    with pytest.raises(AttributeError, match="state"):
        account.state = "prospect"


def test_a_refresh_of_one_field_leaves_the_state_alone(account):
    activated(account)

    account.refresh_from_db(fields=["name"])

    assert account.state == "prospect"


def test_a_refresh_may_be_given_the_rows_to_look_among(account):
    activated(account)

    account.refresh_from_db(from_queryset=Account.objects.filter(state="active"))

    assert account.state == "active"


@pytest.mark.parametrize("model", [AuditLine])
def test_a_model_without_a_state_has_no_table_of_states(model: type[Model]):
    with pytest.raises(Exception, match="state"):
        state_table(model)
