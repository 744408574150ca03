"""Fixtures: a real Tryton of the test session, on a database of its own, and the accountant who looks into its books."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from apps.connectors.tryton import wire
from apps.sandbox.tryton import server


@dataclass(frozen=True)
class TrytonBooks:
    """A running Tryton as its administrator sees it: counts what is there, closes periods, takes payments."""

    server: server.Server
    session: str = field(repr=False)

    @property
    def base_url(self) -> str:
        return self.server.base_url

    @property
    def secret(self) -> dict[str, Any]:
        return self.server.secret

    @property
    def ids(self) -> dict[str, Any]:
        return self.secret["ids"]

    def call(self, method: str, *params: Any, context: dict[str, Any] | None = None) -> Any:
        """One remote procedure as admin; an error is an AssertionError with Tryton's words."""
        context = {"company": self.ids["company"], "language": "en"} | (context or {})
        return _post(self.base_url, method, [*params, context], session=self.session)

    def sign_out(self, session: str) -> None:
        """End somebody's session."""
        _post(self.base_url, "common.db.logout", [], session=session)

    def count(self, model: str, *domain: Any) -> int:
        return int(self.call(f"model.{model}.search_count", list(domain)))

    def read(self, model: str, ref: str | int, *fields: str) -> dict[str, Any]:
        return self.call(f"model.{model}.read", [int(ref)], list(fields))[0]

    def find(self, model: str, *domain: Any, fields: tuple[str, ...] = ("id",)) -> list[dict[str, Any]]:
        return self.call(f"model.{model}.search_read", list(domain), 0, 1000, None, list(fields))

    def period(self, day: date) -> int:
        inside = [["type", "=", "standard"], ["start_date", "<=", day], ["end_date", ">=", day]]
        return int(self.find("account.period", *inside)[0]["id"])

    def close_period(self, day: date) -> None:
        self.call("model.account.period.close", [self.period(day)])

    def reopen_period(self, day: date) -> None:
        self.call("model.account.period.reopen", [self.period(day)])

    def pay(self, invoice: str, *, amount: Decimal, on: date) -> None:
        """Book a customer's payment through the ERP's own wizard; less than is open counts as a part payment."""
        context = {"active_model": "account.invoice", "active_id": int(invoice), "active_ids": [int(invoice)]}
        name = "wizard.account.invoice.pay"
        session, start, _ = self.call(f"{name}.create", context=context)
        shown = self.call(f"{name}.execute", session, {}, start, context=context)["view"]["defaults"]
        form = {"start": _plain(shown) | {"amount": amount, "payment_method": self.ids["payment_method"], "date": on}}
        asked = self.call(f"{name}.execute", session, form, "choice", context=context)
        if "view" in asked:
            form["ask"] = _plain(asked["view"]["defaults"]) | {"type": "partial"}
            self.call(f"{name}.execute", session, form, "pay", context=context)
        self.call(f"{name}.delete", session, context=context)


@pytest.fixture(scope="session")
def tryton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonBooks]:
    """Shared by the tests of a worker; each worker copies the one template, which the first to come builds."""
    # The template belongs to the installation's folder, not to the test run's below it: a run need not build it again.
    home = settings.TIEOUT_HOME.parent
    running = server.start(home, port=server.free_port(), directory=tmp_path_factory.mktemp("tryton"))
    try:
        yield TrytonBooks(running, sign_in(running))
    finally:
        running.stop()


def sign_in(running: server.Server) -> str:
    """The administrator's session on a running server."""
    password = {"password": running.admin_password}
    user, token, *_ = _post(running.base_url, "common.db.login", ["admin", password])
    return "Session " + base64.b64encode(f"admin:{user}:{token}".encode()).decode()


def _post(base_url: str, method: str, params: list[Any], *, session: str = "") -> Any:
    body = json.dumps({"id": 1, "method": method, "params": wire.encoded(params)}).encode()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "Authorization": session}
    request = urllib.request.Request(
        f"{base_url}/rpc/", body, {name: value for name, value in headers.items() if value}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer = json.loads(reply.read(), parse_float=Decimal)
    assert answer.get("error") is None, f"{method}: {answer['error']}"
    return wire.decoded(answer["result"])


def _plain(defaults: dict[str, Any]) -> dict[str, Any]:
    """A form's defaults without the nested readings that Tryton adds for display."""
    return {name: value for name, value in defaults.items() if "." not in name}
