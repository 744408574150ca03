"""Tryton on the bench of the suite that every connector must pass: over a line to the real server."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from apps.canonical.commands import CheckPeriod, UpsertCustomer
from apps.canonical.parties import Account, BillingContact
from apps.connectors.base import Call
from apps.connectors.tryton import wire
from apps.connectors.tryton.connector import TrytonConnector
from apps.core import clock
from apps.core.ids import idempotency_key, new_id
from tests.connectors.bench import CORRELATION, Bench, connect, run, secret_texts
from tests.connectors.line import Line
from tests.plugins.tryton import TrytonBooks


def tryton_bench(request: pytest.FixtureRequest) -> Bench:
    """A connector that has signed in already: sessions are not what the suite disturbs."""
    books: TrytonBooks = request.getfixturevalue("tryton_server")
    line, connector = _signed_in(books, request.config)
    story = new_id("ACC")

    def write(n: int) -> Call:
        return _call(_customer(f"{story}-{n}"))

    def effects(call: Call) -> int:
        return books.count("party.party", ["code", "=", call.command.customer_id])  # type: ignore[attr-defined]

    return Bench(
        code="tryton",
        connector=connector,
        line=line,
        write=write,
        effects=effects,
        read=lambda: _call(CheckPeriod(legal_entity="DE-01", day=clock.now().date())),
        bad_events=[json.dumps(wire.encoded(_invoice() | wrong)).encode() for wrong in _WRONG],
        secrets=secret_texts(books.secret),
    )


# Signing in takes Tryton half a second, so tests that follow each other share it; a session older than half a minute
# would be mended by the connector where the suite wants to see a refusal.
_SHARE_FOR_S = 20.0
_shared: dict[str, tuple[float, Line, Any]] = {}


def _signed_in(books: TrytonBooks, config: pytest.Config) -> tuple[Line, Any]:
    made_at, line, connector = _shared.get(books.base_url, (float("-inf"), None, None))
    if line is None:
        line = Line(books.base_url.rpartition("/")[0])
        config.add_cleanup(line.close)
    if time.monotonic() - made_at > _SHARE_FOR_S:
        path = "/" + books.base_url.rpartition("/")[2]
        connector = connect(line, code="tryton", vendor=TrytonConnector, path=path, secret=books.secret, settings={})
        run(connector.health())
        _shared[books.base_url] = (time.monotonic(), line, connector)
    return line, connector


def _call(command: Any) -> Call:
    key = idempotency_key(command.model_dump_json())
    return Call(command=command, idempotency_key=key, legal_entity="DE-01", correlation_id=CORRELATION)


def _customer(key: str) -> UpsertCustomer:
    contact = BillingContact(name="Globex", street="Ring 1", city="Köln", zip="50667", country="DE")
    account = Account(ref="77", name="Globex GmbH", country="DE", bill_to=contact)
    return UpsertCustomer(customer_id=key, legal_entity="DE-01", currency="EUR", account=account)


def _invoice() -> dict[str, Any]:
    return {
        "id": 1, "type": "out", "state": "posted", "number": "RE-2026-00001", "reference": "INV-1",
        "untaxed_amount": Decimal("100.00"), "tax_amount": Decimal("19.00"), "total_amount": Decimal("119.00"),
        "amount_to_pay": Decimal("119.00"), "currency": {"code": "EUR"}, "move": None, "write_date": clock.now(),
    }  # fmt: skip


_WRONG: tuple[dict[str, Any], ...] = (
    {"type": "sideways"},
    {"state": "eaten"},
    {"currency": {"code": "XXQ"}},
    {"untaxed_amount": Decimal("NaN")},
    {"total_amount": {"__class__": "Decimal", "decimal": "much"}},
    {"total_amount": Decimal("1e99")},
    {"tax_amount": None},
    {"write_date": None},
    {"write_date": {"__class__": "datetime", "year": 2026}},
)
