"""The lifecycles of accounts and contracts, as a table and in the database."""

import pytest
from django.db import IntegrityError, transaction

from apps.contracts.models import Account, Contract
from apps.contracts.states import ACCOUNT_MOVES, CONTRACT_MOVES
from apps.core.states import state_table
from tests.contracts.story import deal, told


def test_account_state_table():
    assert state_table(Account) == [
        ("active", "hold", "on_hold"),
        ("active", "merge", "merged"),
        ("active", "retire", "inactive"),
        ("on_hold", "release", "active"),
        ("prospect", "activate", "active"),
    ]


def test_contract_state_table():
    assert state_table(Contract) == [
        ("active", "complete", "completed"),
        ("active", "suspend", "suspended"),
        ("active", "terminate", "terminated"),
        ("approved", "activate", "active"),
        ("approved", "terminate", "terminated"),
        ("draft", "submit", "pending_approval"),
        ("pending_approval", "approve", "approved"),
        ("suspended", "resume", "active"),
        ("suspended", "terminate", "terminated"),
    ]


@pytest.mark.parametrize(("model", "moves"), [(Account, ACCOUNT_MOVES), (Contract, CONTRACT_MOVES)])
def test_the_database_lists_the_moves_that_transitions_make(model, moves):
    assert {(source, target) for source, _, target in state_table(model)} == set(moves)


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["draft", "pending_approval", "completed", "no_such_state"])
def test_an_update_round_the_lifecycle_is_refused_by_the_database(target):
    contract = told(deal())[0].contract

    with pytest.raises(IntegrityError), transaction.atomic():
        Contract.objects.filter(pk=contract.pk).update(state=target)

    assert Contract.objects.get(pk=contract.pk).state == "approved"


@pytest.mark.django_db
def test_a_customer_cannot_become_a_prospect_again_behind_our_back():
    account = told(deal())[0].account

    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(state="prospect")
