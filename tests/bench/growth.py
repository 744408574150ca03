"""(d) The same stories with more and more history in the tables: what is finished must not slow down what is due."""

from typing import Any

from django.db import connection

from tests.bench import company, stories
from tests.bench.place import Place

SIZES = (10_000, 100_000, 1_000_000)
STORIES = 150


def grow(place: Place, *, workers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Steps per second with 10 k, 100 k and 1 M finished events in one database."""
    url = place.database("bench_growth")
    results, there = [], 0
    for size in SIZES:
        _add_history(there, size)
        there = size
        refs = company.win_deals(place, count=STORIES)
        told = stories.play(place, refs=refs, workers=workers, url=url)
        results.append({"finished_events": size, **told.as_json()})
    return results


def _add_history(first: int, last: int) -> None:
    """Finished events `first` to `last`, each with a command, its attempt, a step and an audit line; a run per ten."""
    with connection.cursor() as cursor:
        for statement in _HISTORY.split(";\n"):
            cursor.execute(statement, {"first": first + 1, "last": last})
        cursor.execute("VACUUM (ANALYZE)")  # else the server does it while we measure


_HISTORY = """
INSERT INTO events_stream (key, next_position, wakes, lease_token, failures)
SELECT 'old:' || n / 10, 11, 10, 1, 0 FROM generate_series(%(first)s, %(last)s, 10) n ON CONFLICT DO NOTHING;
INSERT INTO events_inboxevent (system, external_id, stream_key, position, name, body, reference, state, attempts, error,
  correlation_id, causation_id, occurred_at, received_at, settled_at)
SELECT 'netsuite', 'old:' || n, 'old:' || n / 10, n %% 10 + 1, 'project.created', convert_to(repeat('x', 300), 'UTF8'),
  'STP-old' || n, 'applied', 0, '', 'old' || n / 10, 'CMD-old' || n, now(), now(), now()
FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO events_outboxcommand (system, name, ordering_key, reply_to, body, idempotency_key, correlation_id, legal_entity,
  reference, causation_id, state, due_at, attempts, lookups, lease_token, handle, error_code, error, created_at, finished_at)
SELECT 'netsuite', 'CreateProject', 'old:' || n / 10, 'old:' || n / 10, '{"project": {"name": "old"}}', 'old' || n,
  'old' || n / 10, 'US-01', 'STP-old' || n, '', 'acknowledged', now(), 1, 0, 1, '', '', '', now(), now()
FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO events_deliveryattempt (command_id, lease_token, kind, started_at, finished_at, outcome, code, detail)
SELECT -n, 1, 'execute', now(), now(), 'acknowledged', '', '' FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO processes_processrun (id, saga, subject_type, subject_id, stream_key, state, step, notes, trigger,
  correlation_id, started_at, ended_at)
SELECT 'RUN-old' || n / 10, 'project_activation', 'project', 'PRJ-old' || n / 10, 'old:' || n / 10, 'done', '', '{}', '{}',
  'old' || n / 10, now(), now()
FROM generate_series(%(first)s, %(last)s, 10) n ON CONFLICT DO NOTHING;
INSERT INTO processes_processstep (id, run_id, name, position, state, attempt, waits_for, command_key, answer, error_code,
  error, started_at, ended_at)
SELECT 'STP-old' || n, 'RUN-old' || (n - (n - 1) %% 10) / 10, 'step' || n %% 10, n %% 10, 'done', 1, '', '', '{}', '', '', now(),
  now()
FROM generate_series(%(first)s, %(last)s) n;
INSERT INTO audit_auditline (subject_type, subject_id, seq, verb, source, target, before, after, by, why, at, correlation_id,
  causation_id, previous_hash, hash)
SELECT 'old', 'old' || n, 1, 'create', '', '', '{}', '{}', 'saga:old', '', now(), 'old' || n / 10, '', '', repeat('0', 64)
FROM generate_series(%(first)s, %(last)s) n
"""
