"""NetSuite's address space: who may come in, how many at once, and which service answers."""

from typing import Any

from apps.sandbox.http import Answer, Refused, Request, segments
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite import restlet, shown
from apps.sandbox.netsuite.auth import TOKEN_PATH, Tokens
from apps.sandbox.netsuite.bodies import VENDOR
from apps.sandbox.netsuite.errors import (
    invalid_content,
    nonexistent,
    refused,
    restlet_error,
    too_many,
    unauthorized,
    unexpected,
)
from apps.sandbox.netsuite.filters import filtered
from apps.sandbox.netsuite.jobs import JOB_PATH, Jobs
from apps.sandbox.netsuite.records import Records
from apps.sandbox.netsuite.schema import RECORD_TYPES, RecordType
from apps.sandbox.netsuite.seed import seed
from apps.sandbox.netsuite.suiteql.run import Run, cached_parse
from apps.sandbox.netsuite.suiteql.syntax import SyntaxProblem
from apps.sandbox.settings import NetSuiteSettings

_SUITEQL = "/services/rest/query/v1/suiteql"
_LIMITS = "/services/rest/system/v1/governanceLimits"


class NetSuiteDoor:
    def __init__(self, settings: NetSuiteSettings, *, ledger: Ledger) -> None:
        self.tokens = Tokens(settings)
        self.records = Records(ledger, business_keys=settings.business_keys)
        self.concurrency_limit = settings.concurrency_limit or 0
        self._restlet = restlet.Restlet(ledger, records=self.records)
        self._jobs = Jobs(ledger, perform=self._settled, delay_s=settings.async_delay_ms / 1000)
        self._forbidden = {name.lower() for name in settings.forbidden_records}
        self._ledger = ledger
        self._in_flight = 0

    def seed(self) -> None:
        seed(self._ledger)
        self.records.reload()
        self._jobs.resume()

    def admit(self, request: Request) -> Answer | None:
        if request.path != TOKEN_PATH:
            scopes = self.tokens.scopes_of(request)
            is_restlet = request.path == restlet.PATH
            if scopes is None:
                return unauthorized()
            if ("restlets" if is_restlet else "rest_webservices") not in scopes:
                return refused(
                    403, "The token's scope does not cover this service.", code="INSUFFICIENT_PERMISSION"
                ).answer
            if self.concurrency_limit and self._in_flight >= self.concurrency_limit:
                text = "Request limit exceeded."
                return restlet_error(400, text, code="SSS_REQUEST_LIMIT_EXCEEDED") if is_restlet else too_many()
        self._in_flight += 1
        return None

    def leave(self) -> None:
        self._in_flight -= 1

    def failure(self) -> Answer:
        return unexpected()

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path == TOKEN_PATH:
            return self.tokens.issue(request)
        if path == restlet.PATH:
            return self._on_restlet(request)
        asks_async = "respond-async" in request.header(b"prefer") and request.method != "GET"
        if asks_async and path.startswith(shown.RECORD_PATH):
            return self._refusing(self._jobs.accept, request)
        return self._settled(request)

    def _settled(self, request: Request) -> Answer:
        """The answer, refusals included."""
        return self._refusing(self._routed, request)

    def _refusing(self, serve: Any, request: Request) -> Answer:
        try:
            answer: Answer = serve(request)
        except Refused as refusal:
            return refusal.answer
        except ValueError as error:
            return invalid_content(f"Invalid content in the request body: {error}").answer
        return answer

    def _routed(self, request: Request) -> Answer:
        path = request.path
        if path.startswith(shown.RECORD_PATH):
            return self._record_service(request, segments(path[len(shown.RECORD_PATH) :]))
        if path == _SUITEQL:
            return self._suiteql(request)
        if path.startswith(JOB_PATH):
            return self._jobs.answer(request, segments(path[len(JOB_PATH) :]))
        if path == _LIMITS:
            return Answer(200, self._governance())
        raise nonexistent()

    def _record_service(self, request: Request, parts: list[str]) -> Answer:
        record = self._type(parts[0])
        if len(parts) == 1:
            return self._on_collection(request, record)
        if len(parts) == 2:
            return self._on_record(request, record, parts[1])
        if len(parts) == 4 and parts[2] == "!transform" and request.method == "POST":
            row = self.records.find(record, parts[1])
            made = self.records.transform(record, row, target=self._type(parts[3]), body=_body(request))
            return shown.created(request, self._type(parts[3]), made)
        raise nonexistent()

    def _on_collection(self, request: Request, record: RecordType) -> Answer:
        if request.method == "POST":
            self._must_write(record)
            made = self.records.create(record, _body(request), strict=_strict(request))
            return shown.created(request, record, made)
        if request.method != "GET":
            raise invalid_content("A batch is executed only asynchronously; send Prefer: respond-async.")
        rows = list(self._ledger.table(VENDOR, record.name).rows.values())
        if ids := request.query.get("ids"):
            asked = [self.records.search(record, one.strip()) for one in ids.split(",")]
            rows = [row for row in asked if row is not None]
        if text := request.query.get("q"):
            rows = filtered(rows, text)
        rows.sort(key=lambda row: int(row["id"]))
        return shown.collection(request, record, rows)

    def _on_record(self, request: Request, record: RecordType, given: str) -> Answer:
        if request.method == "GET":
            return shown.one(self._ledger, request, record, self.records.find(record, given))
        self._must_write(record)
        if request.method == "DELETE":
            self.records.remove(record, self.records.find(record, given))
            return Answer(204)
        if request.method not in ("PUT", "PATCH"):
            raise refused(405, f"{request.method} is not supported here.", code="METHOD_NOT_ALLOWED")
        row = self._written(request, record, given)
        return shown.created(request, record, row)

    def _written(self, request: Request, record: RecordType, given: str) -> Row:
        body, strict = _body(request), _strict(request)
        replace = {name.strip().lower() for name in request.query.get("replace", "").split(",")}
        if request.method == "PUT" and given.startswith("eid:"):
            return self.records.upsert(record, given[4:], body, replace=replace, strict=strict)
        before = self.records.find(record, given)
        return self.records.change(record, before, body, replace=replace, strict=strict)

    def _suiteql(self, request: Request) -> Answer:
        if request.method != "POST" or "transient" not in request.header(b"prefer"):
            raise invalid_content("The required request header 'Prefer: transient' is missing or POST was not used.")
        asked = _body(request)
        if not isinstance(asked.get("q"), str):
            raise invalid_content("Invalid search query: q is missing.", path="q")
        parameters = asked.get("params") or []
        if not isinstance(parameters, list) or not all(isinstance(one, str | int | float) for one in parameters):
            raise invalid_content("params: expected a list of texts and numbers.", path="params")
        limit, offset = shown.page_bounds(request)
        try:
            query = cached_parse(asked["q"])
            rows = Run(self._ledger, query, parameters=parameters).rows()
        except SyntaxProblem as problem:
            raise invalid_content(
                f"Invalid search query. Detailed unprocessed description follows. {problem}", path="q"
            ) from problem
        items = [{"links": [], **row} for row in rows[offset : offset + limit]]
        return Answer(200, shown.paged(items, total=len(rows), offset=offset), content_type=shown.COLLECTION)

    def _on_restlet(self, request: Request) -> Answer:
        try:
            return self._restlet.answer(request)
        except Refused as refusal:
            return restlet.translated(refusal)
        except ValueError as error:
            return restlet_error(400, f"The body is not JSON: {error}", code="INVALID_REQUEST")

    def _governance(self) -> dict[str, Any]:
        limit = self.concurrency_limit
        return {
            "accountConcurrencyLimit": limit,
            "accountUnallocatedConcurrencyLimit": limit,
            "integrationConcurrencyLimit": limit,
            "integrationLimitType": "accountLimit",
        }

    def _type(self, name: str) -> RecordType:
        record = RECORD_TYPES.get(name.lower())
        if record is None:
            raise refused(404, f"Record type '{name}' does not exist.", code="NONEXISTENT_RECORD_TYPE")
        if record.name.lower() in self._forbidden:
            text = "Permission Violation: You need a higher level of permission to access this record type."
            raise refused(403, text, code="INSUFFICIENT_PERMISSION")
        return record

    def _must_write(self, record: RecordType) -> None:
        if not record.writable:
            text = f"Permission Violation: {record.label} records are kept by an administrator."
            raise refused(403, text, code="INSUFFICIENT_PERMISSION")


def _body(request: Request) -> dict[str, Any]:
    body = request.json() if request.body else {}
    if not isinstance(body, dict):
        raise invalid_content("Invalid content in the request body: expected a JSON object.")
    return body


def _strict(request: Request) -> bool:
    return request.header(b"x-netsuite-propertynamevalidation").lower() == "error"
