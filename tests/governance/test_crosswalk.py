"""The crosswalk: one record there is one object here, and it never changes hands silently."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.core.errors import Rejected
from apps.governance import crosswalk
from apps.governance.crosswalk import CrosswalkClash, Link
from apps.governance.models import ExternalId

pytestmark = pytest.mark.django_db


def test_what_is_remembered_is_found_from_both_sides():
    crosswalk.remember(
        [
            Link("PRJ-1", "tryton", "project", "7"),
            Link("PRJ-1", "tryton", "budget", "70"),
            Link("PRJ-2", "netsuite", "project", "7"),
        ]
    )

    found = crosswalk.external_ids(["PRJ-1", "PRJ-2", "PRJ-3"], system="tryton")
    assert {key: row.external_id for key, row in found.items()} == {
        ("PRJ-1", "project"): "7",
        ("PRJ-1", "budget"): "70",
    }
    assert crosswalk.canonical_ids(system="netsuite", kind="project", external_ids=["7", "8"]) == {"7": "PRJ-2"}
    assert [row.system for row in crosswalk.all_external_ids(["PRJ-1", "PRJ-2"])] == ["tryton", "tryton", "netsuite"]


def test_remembering_again_is_no_change_but_the_version_follows():
    crosswalk.remember([Link("PRJ-1", "tryton", "project", "7", version="v1")])
    crosswalk.remember(
        [Link("PRJ-1", "tryton", "project", "7", version="v2"), Link("PRJ-1", "tryton", "project", "7", version="v2")]
    )
    crosswalk.remember([Link("PRJ-1", "tryton", "project", "7")])

    assert [row.version for row in ExternalId.objects.all()] == ["v2"]


def test_a_record_that_belongs_to_another_object_is_refused_by_name():
    crosswalk.remember([Link("PRJ-1", "tryton", "project", "7")])

    with pytest.raises(
        CrosswalkClash, match="tryton project 7 already belongs to PRJ-1, so it cannot belong to PRJ-2 too"
    ) as clash:
        crosswalk.remember([Link("PRJ-2", "tryton", "project", "7")])

    assert isinstance(clash.value, Rejected)
    assert (clash.value.code, clash.value.link.canonical_id) == ("crosswalk_ambiguous", "PRJ-2")


def test_an_object_has_one_record_per_system_and_kind():
    crosswalk.remember([Link("PRJ-1", "tryton", "project", "7")])

    with pytest.raises(CrosswalkClash, match="PRJ-1 is already tryton project 7, so it cannot be 8 too"):
        crosswalk.remember([Link("PRJ-1", "tryton", "project", "8")])


def test_a_contradiction_within_one_set_is_found_too():
    with pytest.raises(CrosswalkClash), transaction.atomic():
        crosswalk.remember([Link("PRJ-1", "tryton", "project", "7"), Link("PRJ-2", "tryton", "project", "7")])

    assert not ExternalId.objects.exists()


def test_a_set_costs_as_many_statements_as_one():
    def statements(number, start):
        links = [Link(f"PRJ-{n}", "tryton", "project", str(n)) for n in range(start, start + number)]
        with CaptureQueriesContext(connection) as queries:
            crosswalk.remember(links)
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    assert statements(1, 0) == statements(200, 1000) <= 4


def test_nothing_to_remember_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        crosswalk.remember([])
