"""Work gathers what one transaction changes: written with few statements, every move in the trail, nothing by accident."""

import itertools

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_fsm import TransitionNotAllowed

from apps.audit.models import AuditLine
from apps.audit.queries import lines_of
from apps.audit.verification import Count, breaks
from apps.audit.work import Work
from apps.contracts.models import Account
from apps.core.actor import person, saga
from apps.core.context import correlated

pytestmark = pytest.mark.django_db
ANNA = person("anna")
numbers = itertools.count(1)


def customer(name: str = "Aurora", **values) -> Account:
    """A customer as the CRM tells of it, not stored yet."""
    number = next(numbers)
    return Account(id=f"ACC-{number:06d}", source_system="hubspot", ref=str(number), name=name, **values)


def stored(*accounts: Account) -> list[Account]:
    work = Work()
    for account in accounts:
        work.create(account, by=saga("intake"))
    work.flush()
    return [Account.objects.get(pk=account.pk) for account in accounts]


def trail(account: Account) -> list[tuple[str, str, str]]:
    found = lines_of(subject_type="account", subject_id=account.pk)
    return [(line.verb, line.source, line.target) for line in sorted(found, key=lambda line: line.seq)]


def test_a_created_row_begins_its_trail():
    with correlated("story-of-aurora", causation="EVT-7"):
        (account,) = stored(customer())

    (line,) = AuditLine.objects.filter(subject_id=account.pk)
    assert (line.seq, line.verb, line.target, line.by) == (1, "create", "prospect", "saga:intake")
    assert (line.correlation_id, line.causation_id, line.previous_hash) == ("story-of-aurora", "EVT-7", "")
    assert (account.audit_seq, account.audit_head, account.version) == (1, line.hash, 1)


def test_several_moves_in_one_work_are_each_written_and_each_told():
    """The database refuses prospect → on_hold, so it must have seen the step between."""
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]

    work.move(held, "activate", by=ANNA)
    work.move(held, "hold", by=ANNA, why="unpaid invoices")
    work.flush()

    assert Account.objects.get(pk=account.pk).state == "on_hold"
    assert trail(account) == [
        ("create", "", "prospect"),
        ("activate", "prospect", "active"),
        ("hold", "active", "on_hold"),
    ]


def test_a_row_that_comes_back_to_where_it_was_is_stored_there():
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]
    work.move(held, "activate", by=ANNA)
    work.flush()

    work.move(held, "hold", by=ANNA)
    work.move(held, "release", by=ANNA)
    work.flush()

    assert Account.objects.get(pk=account.pk).state == "active"
    assert [target for _, _, target in trail(account)] == ["prospect", "active", "on_hold", "active"]
    assert list(breaks(Count())) == []


def test_a_new_row_may_move_before_it_is_written():
    work = Work()
    account = work.create(customer(), by=ANNA)

    work.move(account, "activate", by=ANNA)
    work.flush()

    assert Account.objects.get(pk=account.pk).state == "active"
    assert trail(account) == [("create", "", "prospect"), ("activate", "prospect", "active")]


def test_the_lines_of_a_row_form_a_chain_whose_end_the_row_knows():
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]
    work.note(held, verb="review", by=ANNA, before={"terms_days": 30}, after={"terms_days": 45})
    work.move(held, "activate", by=ANNA)
    work.flush()

    first, second, third = AuditLine.objects.filter(subject_id=account.pk).order_by("seq")
    assert (second.previous_hash, third.previous_hash) == (first.hash, second.hash)
    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.audit_seq, fresh.audit_head) == (3, third.hash)
    assert list(breaks(Count())) == []


def test_only_columns_that_changed_are_written():
    """What somebody else wrote into another column meanwhile stays."""
    (account,) = stored(customer(domain="aurora.example"))
    work = Work()
    held = work.track(Account.objects.get(pk=account.pk))
    Account.objects.filter(pk=account.pk).update(domain="aurora.test")

    held.name = "Aurora SE"
    work.flush()

    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.name, fresh.domain) == ("Aurora SE", "aurora.test")


def test_a_change_inside_a_json_column_is_seen():
    (account,) = stored(customer(bill_to={"city": "Stuttgart"}))
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]

    held.bill_to["city"] = "Ulm"
    work.flush()

    assert Account.objects.get(pk=account.pk).bill_to == {"city": "Ulm"}


def test_rows_nobody_changed_cost_no_statement():
    (account,) = stored(customer())
    work = Work()
    work.lock(Account, [account.pk])

    with CaptureQueriesContext(connection) as seen:
        work.flush()

    assert [query["sql"] for query in seen if query["sql"].startswith("UPDATE")] == []
    assert Account.objects.get(pk=account.pk).version == account.version


def test_a_hundred_rows_cost_as_many_statements_as_one():
    accounts = stored(*(customer(f"Customer {number}") for number in range(100)))

    def statements(pks: list[str]) -> int:
        work = Work()
        with CaptureQueriesContext(connection) as seen:
            for row in work.lock(Account, pks).values():
                work.move(row, "activate", by=ANNA)
            work.flush()
        return len(seen)

    one = statements([accounts[0].pk])

    assert statements([account.pk for account in accounts[1:]]) == one
    assert Account.objects.filter(pk__in=[account.pk for account in accounts], state="active").count() == 100


def test_each_saved_change_makes_the_version_grow_by_one():
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]

    work.move(held, "activate", by=ANNA)
    work.move(held, "hold", by=ANNA)
    work.flush()
    assert Account.objects.get(pk=account.pk).version == 2

    held.name = "Aurora SE"
    work.flush()
    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.version, fresh.updated_at > account.updated_at) == (3, True)


def test_a_flush_writes_only_what_is_new_since_the_last_one():
    work = Work()
    account = work.create(customer(), by=ANNA)
    work.flush()
    work.flush()

    account.name = "Aurora SE"
    work.flush()

    assert Account.objects.get(pk=account.pk).name == "Aurora SE"
    assert trail(account) == [("create", "", "prospect")]


def test_a_work_that_is_thrown_away_has_changed_nothing():
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]
    held.name = "Aurora SE"
    work.move(held, "activate", by=ANNA)
    work.create(customer("Nobody"), by=ANNA)

    del work

    fresh = Account.objects.get(pk=account.pk)
    assert (fresh.name, fresh.state, fresh.version) == ("Aurora", "prospect", 1)
    assert Account.objects.count() == 1
    assert trail(account) == [("create", "", "prospect")]


def test_a_move_no_transition_lists_leaves_row_and_trail_as_they_were():
    (account,) = stored(customer())
    work = Work()
    held = work.lock(Account, [account.pk])[account.pk]

    with pytest.raises(TransitionNotAllowed):
        work.move(held, "release", by=ANNA)
    work.flush()

    assert held.state == "prospect"
    assert trail(account) == [("create", "", "prospect")]


def test_a_row_is_locked_once_and_kept_as_it_stands_in_memory():
    first, second = stored(customer(), customer())
    with transaction.atomic():
        work = Work()
        held = work.lock(Account, [first.pk])[first.pk]
        held.name = "Aurora SE"

        again = work.lock(Account, [second.pk, first.pk, "ACC-MISSING"])

    assert list(again) == sorted([first.pk, second.pk])
    assert again[first.pk] is held
    assert again[first.pk].name == "Aurora SE"
