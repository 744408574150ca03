"""verify_audit finds whatever somebody did to the trail behind its back, and names the place."""

from datetime import timedelta

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.audit.models import AuditLine
from apps.audit.queries import lines, lines_of, timeline
from apps.audit.verification import Count, breaks
from apps.core import clock
from apps.core.actor import person
from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase
from tests.factories import finding, opened

pytestmark = pytest.mark.django_db
ANNA = person("anna")


@pytest.fixture
def case() -> ExceptionCase:
    """A case that was taken, noted upon and closed: four lines."""
    (case,) = opened(finding(correlation_id="story-of-aurora"))
    people.take_case(case.pk, by=ANNA)
    people.log_minutes(case.pk, minutes=20, by=ANNA)
    people.dismiss_case(case.pk, by=ANNA, why="posted by hand")
    return ExceptionCase.objects.get(pk=case.pk)


def behind_the_back(sql: str, *parameters: object) -> None:
    """What a superuser could do: the triggers are off."""
    with (
        pgtrigger.ignore("audit.AuditLine:append_only", "exceptions.ExceptionCase:listed_moves"),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, parameters)


def problems(**options) -> list[tuple[int, str]]:
    return [(broken.seq, broken.problem) for broken in breaks(Count(), **options)]


def test_an_untouched_trail_holds(case, capsys):
    call_command("verify_audit")

    said = capsys.readouterr().out
    assert said.startswith("The audit trail holds: ")
    assert problems() == []


def test_a_default_rule_has_a_chain_like_everything_else():
    count = Count()

    assert list(breaks(count)) == []
    assert count.lines == count.rows > 50


@pytest.mark.parametrize("column", ["by", "why", "verb", "correlation_id"])
def test_changed_words_are_found_and_named(case, column, capsys):
    behind_the_back(
        f'UPDATE audit_auditline SET "{column}" = %s WHERE subject_id = %s AND seq = 2', "person:mallory", str(case.pk)
    )

    with pytest.raises(CommandError, match="1 broken") as error:
        call_command("verify_audit")

    assert error.value.returncode == 1
    assert f"First at exceptioncase {case.pk}, line 2: its content is not what was written" in capsys.readouterr().err


def test_a_changed_amount_in_a_line_is_found(case):
    behind_the_back(
        """UPDATE audit_auditline SET after = '{"minutes": 2}' WHERE subject_id = %s AND seq = 3""", str(case.pk)
    )

    assert problems() == [(3, "its content is not what was written")]


def test_a_line_taken_out_of_the_middle_is_found(case):
    behind_the_back("DELETE FROM audit_auditline WHERE subject_id = %s AND seq = 2", str(case.pk))

    assert problems() == [(3, "line 2 is missing")]


def test_a_first_line_taken_out_is_found(case):
    behind_the_back("DELETE FROM audit_auditline WHERE subject_id = %s AND seq = 1", str(case.pk))

    assert problems() == [(2, "line 1 is missing")]


def test_an_end_cut_off_is_found_by_what_the_row_knows(case):
    behind_the_back("DELETE FROM audit_auditline WHERE subject_id = %s AND seq >= 3", str(case.pk))

    assert problems() == [(4, "the row has 4 lines, its chain ends at 2: the end was cut off")]


def test_a_whole_chain_taken_away_is_found(case):
    behind_the_back("DELETE FROM audit_auditline WHERE subject_id = %s", str(case.pk))

    assert problems() == [(4, "the row has 4 lines, its chain ends at 0: the end was cut off")]


def test_a_row_put_back_to_an_earlier_state_is_found(case):
    behind_the_back("UPDATE exceptions_exceptioncase SET audit_seq = 3 WHERE id = %s", case.pk)

    ((seq, problem),) = problems()
    assert (seq, problem[:45]) == (3, "the chain has 4 lines, the row knows of 3: a ")


def test_a_state_moved_without_a_line_is_found(case):
    behind_the_back("UPDATE exceptions_exceptioncase SET state = 'open' WHERE id = %s", case.pk)

    assert problems() == [(4, "the row is open, its last line left it dismissed")]


def test_a_chain_rewritten_with_fitting_hashes_is_found_by_the_row(case):
    _rewrite(case, lambda line: setattr(line, "by", "person:mallory"), from_seq=4)

    assert problems() == [(4, "the last line is not the one the row was saved with")]


def test_a_path_no_transition_allows_is_found_even_when_every_hash_fits(case):
    _rewrite(case, lambda line: setattr(line, "source", "resolved"), from_seq=4, row_too=True)

    assert problems() == [(4, "it starts from resolved, but the line before it ended in assigned")]


def test_a_move_no_transition_lists_is_found_even_when_every_hash_fits(case):
    def jump(line):
        line.source, line.target = ("assigned", "reopened") if line.seq == 4 else (line.source, line.target)

    _rewrite(case, jump, from_seq=4, row_too=True)

    assert (4, "no transition leads from assigned to reopened") in problems()


def test_every_broken_chain_is_named_up_to_a_screenful(capsys):
    opened(*(finding() for _ in range(25)))
    behind_the_back("UPDATE audit_auditline SET why = 'changed' WHERE subject_type = 'exceptioncase'")

    with pytest.raises(CommandError, match="25 broken, 5 of them not shown"):
        call_command("verify_audit")

    assert len(capsys.readouterr().err.splitlines()) == 20


def test_since_looks_at_chains_that_grew_from_their_first_line(case):
    behind_the_back("UPDATE audit_auditline SET why = 'changed' WHERE subject_id = %s AND seq = 1", str(case.pk))

    assert problems(since=clock.now() - timedelta(hours=1)) == [(1, "its content is not what was written")]
    assert problems(since=clock.now() + timedelta(hours=1)) == []


def test_a_date_that_is_none_is_refused_in_words():
    with pytest.raises(CommandError, match=r"'soon' is neither a day \(2026-11-01\) nor an instant"):
        call_command("verify_audit", "--since", "soon")


def test_many_chains_are_read_in_batches_of_flat_size(monkeypatch):
    monkeypatch.setattr("apps.audit.verification._BATCH", 7)
    opened(*(finding() for _ in range(40)))
    count = Count()

    assert list(breaks(count)) == []
    assert count.chains == AuditLine.objects.values("subject_type", "subject_id").distinct().count()
    assert count.lines == AuditLine.objects.count()


def test_lines_can_neither_be_changed_removed_nor_truncated(case):
    for sql in (
        "UPDATE audit_auditline SET why = 'x'",
        "DELETE FROM audit_auditline",
        "TRUNCATE audit_auditline CASCADE",
    ):
        with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute(sql)

    assert len(lines(case)) == 4


def test_a_story_is_told_in_the_order_it_happened(case):
    assert [line.verb for line in timeline("story-of-aurora")] == ["create", "assign", "log minutes", "dismiss"]
    assert timeline("") == []
    assert lines_of(subject_type="exceptioncase", subject_id=str(case.pk)) == lines(case)


def _rewrite(case, change, *, from_seq, row_too=False):
    """A forger who knows how lines are hashed."""
    from apps.audit.chain import line_hash

    head = lines(case)[from_seq - 2].hash
    for line in lines(case)[from_seq - 1 :]:
        change(line)
        line.previous_hash, line.hash = head, line_hash(head, line.content())
        head = line.hash
        with pgtrigger.ignore("audit.AuditLine:append_only"):
            line.save()
    if row_too:
        behind_the_back("UPDATE exceptions_exceptioncase SET audit_head = %s WHERE id = %s", head, case.pk)
