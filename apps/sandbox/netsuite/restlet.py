"""The customer's own script behind the RESTlet door: project budgets and voids, which REST records lack."""

from typing import Any

from pydantic_core import from_json

from apps.sandbox.http import Answer, Refused, Request
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR
from apps.sandbox.netsuite.errors import restlet_error
from apps.sandbox.netsuite.records import Records
from apps.sandbox.netsuite.schema import RECORD_TYPES

PATH = "/app/site/hosting/restlet.nl"
_BUDGETS = "projectBudget"


class Restlet:
    """One script; `action` names what it does. Refusals are 400 with {"error": {"code", "message"}}."""

    def __init__(self, ledger: Ledger, *, records: Records) -> None:
        self._ledger = ledger
        self._records = records

    def answer(self, request: Request) -> Answer:
        if not (request.query.get("script") and request.query.get("deploy")):
            return restlet_error(400, "script and deploy are required", code="SSS_MISSING_REQD_ARGUMENT")
        asked = request.json() if request.body else dict(request.query)
        if not isinstance(asked, dict):
            return restlet_error(400, "expected a JSON object", code="INVALID_REQUEST")
        action = {"set_budget": self._set_budget, "get_budget": self._get_budget, "void": self._void}.get(
            str(asked.get("action"))
        )
        if action is None:
            return restlet_error(400, "action: expected set_budget, get_budget or void", code="INVALID_ACTION")
        return action(asked)

    def _set_budget(self, asked: Row) -> Answer:
        project = self._records.find(RECORD_TYPES["job"], _name(asked.get("project")))
        lines = asked.get("lines")
        if not isinstance(lines, list) or not all(isinstance(one, dict) and "amount" in one for one in lines):
            return restlet_error(400, "lines: expected [{category, hours, amount}]", code="INVALID_LINES")
        key = str(asked.get("externalId") or project["id"])
        known = self._ledger.table(VENDOR, _BUDGETS).find(key)
        row_id = known["id"] if known else self._ledger.next_id(VENDOR, _BUDGETS, start=1)
        row = {
            "id": row_id,
            "externalId": key,
            "project": {"id": project["id"], "type": "job"},
            "currency": asked.get("currency"),
            "lines": lines,
        }
        self._ledger.put(VENDOR, _BUDGETS, row_id, row, key=key, business=[f"project:{project['id']}"])
        return Answer(200, {"id": row_id, "externalId": key, "project": project["id"]})

    def _get_budget(self, asked: Row) -> Answer:
        row = self._ledger.table(VENDOR, _BUDGETS).find(str(asked.get("externalId")))
        if row is None:
            return restlet_error(404, "That record does not exist.", code="RCRD_DSNT_EXIST")
        return Answer(200, row)

    def _void(self, asked: Row) -> Answer:
        kind = RECORD_TYPES.get(str(asked.get("type", "invoice")).lower())
        if kind is None or kind.name != "invoice":
            return restlet_error(400, "type: only invoice can be voided here", code="INVALID_TYPE")
        row = self._records.void(self._records.find(kind, _name(asked)))
        return Answer(200, {"id": row["id"], "externalId": row.get("externalId"), "status": row["status"]})


def _name(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["id"]) if value.get("id") else f"eid:{value.get('externalId')}"
    return str(value)


def translated(refusal: Refused) -> Answer:
    """A record's refusal as SuiteScript would throw it."""
    first = from_json(refusal.answer.body)["o:errorDetails"][0]
    code = "RCRD_DSNT_EXIST" if first["o:errorCode"] == "NONEXISTENT_ID" else first["o:errorCode"]
    return restlet_error(400, first["detail"], code=code)
