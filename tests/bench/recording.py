"""The HTTP calls of one story, step by step, as our own connectors make them: what the peer has to make as well."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from django.db import connection

from apps.connectors import http
from apps.events import delivery
from apps.processes import work_off
from tests.bench import company
from tests.bench.place import Place

_command: ContextVar[str] = ContextVar("command", default="")


def recorded_story(place: Place) -> dict[str, Any]:
    """Play one story in this process. {"steps": [[call, …] per step], "keys": ids that are the story's own}."""
    place.database("bench_recording")
    (ref,) = company.win_deals(place, count=1)
    calls: dict[str, list[dict[str, Any]]] = {}
    with _listening(calls):
        company.hear_of_deals([ref])
        _settle("SELECT id FROM projects_project WHERE state = 'active'")
        (project,) = _column("SELECT id FROM projects_project")
        company.hear_of_milestones([project])
        _settle("SELECT id FROM billing_invoice WHERE told_crm_at IS NOT NULL")
    delivery.close()
    for call in (one for own in calls.values() for one in own):
        call["body"] = _by_key(call["body"])
    steps = [calls.pop(command, []) for command in _column(_COMMANDS_OF_STEPS)]
    # What no step asked for (reading the deal) belongs to the first, so that both make the same calls in as many steps.
    steps[0] = [call for rest in calls.values() for call in rest] + steps[0]
    keys = _keys()
    return {"steps": steps, "keys": keys}


_COMMANDS_OF_STEPS = """
SELECT coalesce(c.name || ':' || c.id, '') FROM processes_processstep s JOIN processes_processrun r ON r.id = s.run_id
LEFT JOIN events_outboxcommand c ON c.reference = s.id ORDER BY r.started_at, s.position
"""


def _keys() -> list[str]:
    tables = ("projects_project", "billing_billingmilestone", "billing_invoice", "contracts_account")
    return [key for table in tables for key in _column(f"SELECT id FROM {table}")]


@contextmanager
def _listening(calls: dict[str, list[dict[str, Any]]]) -> Iterator[None]:
    exchange, call = http._exchange, delivery._call

    async def heard(method: str, url: str, headers: Any, body: Any, params: Any, *rest: Any) -> Any:
        text = body.decode() if body else None
        said = {"method": method, "url": url, "headers": dict(headers), "body": text, "params": params}
        if "/oauth2/" not in url:  # both sign in once
            calls.setdefault(_command.get(), []).append(said)
        return await exchange(method, url, headers, body, params, *rest)

    async def named(connector: Any, claimed: Any, **options: Any) -> Any:
        _command.set(f"{claimed.name}:{claimed.id}")
        return await call(connector, claimed, **options)

    http._exchange, delivery._call = cast(Any, heard), cast(Any, named)
    try:
        yield
    finally:
        http._exchange, delivery._call = exchange, call


def _by_key(body: str | None) -> str | None:
    """A charge is billed once, so each story's invoice must name its own: by our key instead of the vendor's number."""
    if not body or '"charge":' not in body:
        return body
    invoice = json.loads(body)
    for line in invoice["item"]["items"]:
        line["charge"] = {"externalId": _column("SELECT id FROM billing_billingmilestone")[0]}
    return json.dumps(invoice, separators=(",", ":"))


def _settle(until: str) -> None:
    ends_at = time.monotonic() + 30
    while not _column(until):
        if time.monotonic() > ends_at:
            raise RuntimeError("the story that is recorded did not come to its end")
        work_off.drain()


def _column(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [value for (value,) in cursor.fetchall()]
