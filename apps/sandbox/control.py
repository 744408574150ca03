"""The puppeteer's door: play a story, script a fault, read what was really created. Loopback only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from apps.sandbox.emitter import Disturbance
from apps.sandbox.events import new_event
from apps.sandbox.faults import BadFault
from apps.sandbox.http import Answer, Refused, Request, problem
from apps.sandbox.hubspot.door import HubSpotDoor
from apps.sandbox.hubspot.stories import win_deal
from apps.sandbox.ledger import Tally
from apps.sandbox.netsuite import periods
from apps.sandbox.netsuite.door import NetSuiteDoor
from apps.sandbox.netsuite.schema import RECORD_TYPES
from apps.sandbox.settings import HubSpotLimits

if TYPE_CHECKING:
    from apps.sandbox.asgi import Sandbox

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class BadCommand(ValueError):
    """The control door was asked for something it cannot do; the text says what was expected."""


class ControlDoor:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ledger = sandbox.ledger
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("POST", "/hubspot/won"): self._won,
            ("POST", "/hubspot/change"): self._change,
            ("POST", "/hubspot/limits"): self._hubspot_limits,
            ("POST", "/netsuite/revoke"): self._revoke,
            ("POST", "/netsuite/limits"): self._netsuite_limits,
            ("POST", "/emit"): self._emit,
            ("POST", "/faults"): self._add_fault,
            ("GET", "/faults"): lambda _request: [rule.as_json() for rule in sandbox.faults.rules],
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/latency"): self._latency,
            ("POST", "/webhooks"): self._webhooks,
            ("GET", "/webhooks"): lambda _request: {
                code: lane.as_json() for code, lane in sandbox.emitter.lanes.items()
            },
            ("POST", "/period"): self._period,
            ("POST", "/pay"): self._pay,
            ("GET", "/ledger"): self._read_ledger,
            ("GET", "/ledger/counts"): self._counts,
            ("GET", "/calls"): self._calls,
            ("POST", "/reset"): lambda _request: sandbox.reset(),
        }

    def answer(self, request: Request, *, client: str) -> Answer:
        if client not in _LOOPBACK:
            return problem(
                403, title="Loopback only", detail="The control door answers this machine only.", code="remote"
            )
        serve = self._routes.get((request.method, request.path))
        if serve is None:
            known = ", ".join(f"{method} /_control{path}" for method, path in self._routes)
            detail = f"{request.method} /_control{request.path} is unknown; known: {known}"
            return problem(404, title="Unknown command", detail=detail, code="unknown_command")
        try:
            made = serve(request)
        except Refused as refusal:
            return refusal.answer
        except (BadCommand, BadFault, ValueError, KeyError, TypeError) as error:
            text = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            return problem(422, title="Bad command", detail=text, code="bad_command")
        finally:
            self._ledger.flush()
        return Answer(204) if made is None else Answer(200, made)

    def _won(self, request: Request) -> Any:
        door = self._hubspot()
        return win_deal(door.objects, associations=door.associations, spec=request.json())

    def _change(self, request: Request) -> Any:
        """A person edits a record: {object: "deals", id, properties}."""
        asked = request.json()
        row = self._hubspot().objects.change(asked["object"], str(asked["id"]), asked["properties"], source="CRM")
        return {"id": row["id"], "properties": row["properties"]}

    def _hubspot_limits(self, request: Request) -> None:
        self._hubspot().limits.change(HubSpotLimits(**request.json()))

    def _revoke(self, _request: Request) -> None:
        self._netsuite().tokens.revoke_all()

    def _netsuite_limits(self, request: Request) -> None:
        self._netsuite().concurrency_limit = int(request.json()["concurrency_limit"] or 0)

    def _emit(self, request: Request) -> Any:
        asked = request.json()
        code = str(asked["code"])
        event = new_event(
            code,
            type_=str(asked["type"]),
            data=asked.get("data"),
            event_id=str(asked.get("id") or ""),
            subject=str(asked.get("subject") or ""),
            **(asked.get("attributes") or {}),
        )
        if not self._sandbox.emitter.emit(code, event):
            lanes = ", ".join(self._sandbox.emitter.lanes) or "none"
            raise BadCommand(f"code: nobody to send to under {code!r} (or its queue is full); targets: {lanes}")
        return {"id": event["id"]}

    def _add_fault(self, request: Request) -> Any:
        asked = request.json()
        rules = asked if isinstance(asked, list) else [asked]
        return [self._sandbox.faults.add(one).as_json() for one in rules]

    def _clear_faults(self, request: Request) -> None:
        number = request.query.get("number")
        self._sandbox.faults.clear(number=int(number) if number else None)

    def _latency(self, request: Request) -> None:
        asked = request.json()
        if asked["vendor"] not in self._sandbox.doors:
            raise BadCommand(f"vendor: expected one of {', '.join(self._sandbox.doors)}")
        self._sandbox.latency_s[asked["vendor"]] = float(asked["ms"]) / 1000

    def _webhooks(self, request: Request) -> None:
        self._sandbox.emitter.disturb(Disturbance(**request.json()))

    def _period(self, request: Request) -> Any:
        asked = request.json()
        self._netsuite()
        found = self._ledger.table("netsuite", "subsidiary")
        name = str(asked["subsidiary"])
        row = found.rows.get(name) or found.find(name)
        if row is None:
            raise BadCommand(f"subsidiary: {name!r} is unknown; use an id or a code such as US-01")
        return periods.set_state(
            self._ledger,
            period=str(asked["period"]),
            subsidiary=row["id"],
            state=str(asked["state"]),
            subsidiaries=list(found.rows),
        )

    def _pay(self, request: Request) -> Any:
        """A customer pays an invoice, whole unless an amount is given."""
        asked, records = request.json(), self._netsuite().records
        invoice = records.find(RECORD_TYPES["invoice"], str(asked["invoice"]))
        amount = asked.get("amount", invoice["amountRemaining"])
        apply = {"items": [{"doc": {"id": invoice["id"]}, "apply": True, "amount": amount}]}
        body = {"payment": amount, "apply": apply}
        made = records.transform(RECORD_TYPES["invoice"], invoice, target=RECORD_TYPES["customerpayment"], body=body)
        after = records.find(RECORD_TYPES["invoice"], invoice["id"])
        return {"payment": made["id"], "status": after["status"], "amountRemaining": after["amountRemaining"]}

    def _read_ledger(self, request: Request) -> Any:
        """One entry per kind and key. More than one `live` id is a duplicate really created."""
        query = request.query
        key, most = query.get("key"), int(query.get("limit", 1000))
        entries: list[dict[str, Any]] = []
        for vendor, kind, tallies in self._tallies(query.get("vendor"), query.get("kind")):
            rows = self._ledger.table(vendor, kind).rows
            if "duplicates" in query:
                wanted = {name: tally for name, tally in tallies.items() if len(_live(tally, rows)) > 1}
            else:
                wanted = tallies if key is None else {key: tallies[key]} if key in tallies else {}
            for name, tally in wanted.items():
                if len(entries) >= most:
                    return entries
                entries.append(_entry(vendor, kind, name, tally, rows))
        return entries

    def _counts(self, request: Request) -> Any:
        """Per vendor and kind: rows alive, creations and updates ever, keys created more than once."""
        counts: dict[str, dict[str, Any]] = {}
        for vendor, kind, tallies in self._tallies(request.query.get("vendor"), request.query.get("kind")):
            rows = self._ledger.table(vendor, kind).rows
            own = [tally for tally in tallies.values() if tally.by == "key"]
            counts.setdefault(vendor, {})[kind] = {
                "rows": len(rows),
                "creations": sum(tally.creations for tally in own),
                "updates": sum(tally.updates for tally in own),
                "deletions": sum(tally.deletions for tally in own),
                "duplicates": sum(len(_live(tally, rows)) > 1 for tally in tallies.values()),
            }
        return counts

    def _calls(self, request: Request) -> Any:
        """Calls since the start (or reset), by method and route; status 0 is a call cut off without an answer."""
        wanted, path = request.query.get("vendor"), re.compile(request.query.get("path", ""))
        routes: dict[str, dict[str, Any]] = {}
        for vendor, counter in self._sandbox.calls.items():
            if wanted not in (None, vendor):
                continue
            for (method, route, status), count in counter.items():
                if path.search(route):
                    entry = routes.setdefault(f"{method} /{vendor}{route}", {"calls": 0, "statuses": {}})
                    entry["calls"] += count
                    entry["statuses"][str(status)] = count
        return {"total": sum(entry["calls"] for entry in routes.values()), "routes": routes}

    def _tallies(self, vendor: str | None, kind: str | None) -> Iterator[tuple[str, str, dict[str, Tally]]]:
        for (own_vendor, own_kind), table in list(self._ledger.tables.items()):
            if own_kind[0] == "_" or vendor not in (None, own_vendor):
                continue
            if kind is None or kind.lower() == own_kind.lower():
                yield own_vendor, own_kind, table.tallies

    def _hubspot(self) -> HubSpotDoor:
        door = self._sandbox.doors.get("hubspot")
        if not isinstance(door, HubSpotDoor):
            raise BadCommand("hubspot is not in the settings file")
        return door

    def _netsuite(self) -> NetSuiteDoor:
        door = self._sandbox.doors.get("netsuite")
        if not isinstance(door, NetSuiteDoor):
            raise BadCommand("netsuite is not in the settings file")
        return door


def _entry(vendor: str, kind: str, key: str, tally: Tally, rows: dict[str, Any]) -> dict[str, Any]:
    alive = [one for one in tally.ids if one in rows]
    return {
        "vendor": vendor,
        "kind": kind,
        "key": key,
        "by": tally.by,
        "id": (alive or tally.ids or [""])[-1],
        "ids": tally.ids,
        "creations": tally.creations,
        "updates": tally.updates,
        "deletions": tally.deletions,
        "live": len(_live(tally, rows)),
        "created_at": tally.created_at,
        "body": rows.get((alive or [""])[-1]),
    }


def _live(tally: Tally, rows: dict[str, Any]) -> list[str]:
    """The ids under a key that still stand: neither removed nor voided nor archived."""
    found = ((one, rows.get(one)) for one in tally.ids)
    return [one for one, row in found if row is not None and not row.get("voided") and not row.get("archived")]
