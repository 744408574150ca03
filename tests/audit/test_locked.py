"""locked: one row held, moved by its caller, saved with its line; nothing is kept when the caller fails."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_fsm import TransitionNotAllowed

from apps.audit.locked import locked, locked_all
from apps.audit.models import AuditLine
from apps.contracts.models import Account
from apps.core.actor import person
from apps.core.errors import Conflict
from tests.audit.test_work import customer, stored, trail

pytestmark = pytest.mark.django_db
ANNA = person("anna")


def test_a_moved_row_is_saved_and_told_with_who_and_why():
    (account,) = stored(customer())

    with locked(Account, account.pk, by=ANNA, why="signed") as row:
        row.activate(by=ANNA)

    line = AuditLine.objects.get(subject_id=account.pk, seq=2)
    assert (line.verb, line.source, line.target, line.by, line.why) == (
        "to active",
        "prospect",
        "active",
        "person:anna",
        "signed",
    )
    assert Account.objects.get(pk=account.pk).state == "active"


def test_whoever_saw_an_older_version_is_told_and_changes_nothing():
    (account,) = stored(customer())
    with locked(Account, account.pk, by=ANNA) as row:
        row.activate(by=ANNA)

    with (
        pytest.raises(Conflict, match="is at version 2, you saw version 1"),
        locked(Account, account.pk, by=ANNA, expected_version=account.version) as row,
    ):
        row.hold(by=ANNA)

    assert Account.objects.get(pk=account.pk).state == "active"


def test_a_row_that_is_not_there_is_named():
    with pytest.raises(Account.DoesNotExist, match="ACC-MISSING"), locked(Account, "ACC-MISSING", by=ANNA):
        pass


def test_what_fails_inside_keeps_nothing():
    (account,) = stored(customer())

    def failing() -> None:
        with locked(Account, account.pk, by=ANNA) as row:
            row.name = "Aurora SE"
            row.release(by=ANNA)

    with pytest.raises(TransitionNotAllowed):
        failing()

    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.name, fresh.state) == ("Aurora", "prospect")
    assert trail(account) == [("create", "", "prospect")]


def test_the_row_inside_is_fresh_whatever_the_caller_read_before():
    (account,) = stored(customer())
    Account.objects.filter(pk=account.pk).update(name="Aurora SE")

    with locked(Account, account.pk, by=ANNA) as row:
        assert row.name == "Aurora SE"


def test_rows_are_locked_in_the_order_of_their_keys_by_one_query():
    """Two callers that want the same rows can then never wait for each other in a ring."""
    accounts = stored(customer(), customer(), customer())
    wanted = [account.pk for account in reversed(accounts)]

    with CaptureQueriesContext(connection) as seen, locked_all(Account, wanted, by=ANNA) as rows:
        rows[wanted[0]].activate(by=ANNA)

    (locking,) = [query["sql"] for query in seen if "FOR UPDATE" in query["sql"]]
    assert 'ORDER BY "contracts_account"."id" ASC' in locking
    assert list(rows) == sorted(wanted)
    assert [Account.objects.get(pk=pk).state for pk in wanted] == ["active", "prospect", "prospect"]
