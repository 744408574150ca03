"""Circuit breaker per system, kept in its row: after repeated silence one leased probe at a time may ask again."""

from django.db import connection

from apps.connectors.models import ConnectedSystem

THRESHOLD = 8
FIRST_REST_S = 5.0
LONGEST_REST_S = 300.0

# For rows of connected systems whose breaker is not closed: a probe may leave. Each failed probe doubles the rest.
# Its placeholders are filled from `rest_terms()`.
REST_IS_OVER = """breaker_opened_at + make_interval(
        secs => least(%(longest)s, %(first)s * power(2, least(20, greatest(0, breaker_failures - %(threshold)s)))))
        <= clock_timestamp()
  AND (breaker_probe_until IS NULL OR breaker_probe_until < clock_timestamp())"""
# Exactly one caller gets the row back: the others see its lease.
_PROBE = f"""
UPDATE connectors_connectedsystem
SET breaker_state = 'half_open', breaker_probe_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE code = %(system)s AND breaker_state <> 'closed' AND {REST_IS_OVER}
RETURNING code
"""  # noqa: S608  constants of this file
_FAILED = """
UPDATE connectors_connectedsystem
SET breaker_failures = CASE WHEN breaker_state = 'closed' THEN least(%(threshold)s, breaker_failures + %(count)s)
                            WHEN breaker_state = 'half_open' THEN breaker_failures + 1 ELSE breaker_failures END,
    breaker_opened_at = CASE WHEN breaker_state = 'half_open' THEN clock_timestamp()
                             WHEN breaker_state = 'closed' AND breaker_failures + %(count)s >= %(threshold)s THEN clock_timestamp()
                             ELSE breaker_opened_at END,
    breaker_state = CASE WHEN breaker_state = 'half_open' OR breaker_failures + %(count)s >= %(threshold)s THEN 'open'
                         ELSE breaker_state END,
    breaker_probe_until = NULL
WHERE code = %(system)s
RETURNING breaker_state
"""
_ANSWERED = """
UPDATE connectors_connectedsystem
SET breaker_state = 'closed', breaker_failures = 0, breaker_opened_at = NULL, breaker_probe_until = NULL
WHERE code = %(system)s AND (breaker_failures > 0 OR breaker_state <> 'closed')
"""


def rest_terms() -> dict[str, float]:
    """What REST_IS_OVER is filled with."""
    return {"first": FIRST_REST_S, "longest": LONGEST_REST_S, "threshold": THRESHOLD}


def admitted(system: ConnectedSystem, wanted: int, *, lease_s: float) -> int:
    """How many of `wanted` calls may leave: all while closed, none while open, one when a probe is due.

    Reads the state afresh. lease_s: when the probe's own process dies, another may probe after this.
    """
    if wanted <= 0:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT breaker_state FROM connectors_connectedsystem WHERE code = %s", [system.code])
        row = cursor.fetchone()
        if row is None:
            return 0
        if row[0] == "closed":
            return wanted
        cursor.execute(
            _PROBE,
            {"system": system.code, "lease_s": lease_s, **rest_terms()},
        )
        return 1 if cursor.fetchone() else 0


def record(system: ConnectedSystem, *, answered: int, silent: int) -> None:
    """Say once per batch how many calls were answered and how many met silence.

    Answered is any word from the vendor, a refusal too. Silent: no connection, no answer, 5xx.
    A batch with more silence than answers counts as failing; any other closes the breaker.
    """
    if answered == 0 and silent == 0:
        return
    with connection.cursor() as cursor:
        if silent > answered:
            cursor.execute(_FAILED, {"system": system.code, "count": silent - answered, "threshold": THRESHOLD})
        else:
            cursor.execute(_ANSWERED, {"system": system.code})
