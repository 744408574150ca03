"""Two workers read two deals of one new customer at once: one customer, no error."""

import threading

import pytest
from django.db import connection, transaction

from apps.audit.work import Work
from apps.contracts.actions.terms import apply_terms
from apps.contracts.models import Account, Contract
from tests.contracts.story import BY, company, deal, reading

WORKERS = 4


@pytest.mark.django_db(transaction=True)
def test_a_new_customer_of_deals_read_at_once_is_one_customer():
    ready, errors = threading.Barrier(WORKERS), []

    def read(number: int) -> None:
        try:
            ready.wait(timeout=10)
            with transaction.atomic():
                work = Work()
                parent = company("2", parent_ref="")
                terms = deal(str(number), account=company("1", parent_ref="2"), hierarchy=(parent,))
                apply_terms(work, [reading(terms)], by=BY)
                work.flush()
        except Exception as error:  # the test shows whatever went wrong
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert errors == []
    assert sorted(Account.objects.values_list("ref", flat=True)) == ["1", "2"]
    assert Contract.objects.filter(state="approved").count() == WORKERS
