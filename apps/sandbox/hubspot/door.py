"""HubSpot's address space: who may come in, and which part of the CRM answers."""

from collections.abc import Callable
from typing import Any

from apps.sandbox.emitter import Emitter
from apps.sandbox.http import Answer, Refused, Request, segments
from apps.sandbox.hubspot import search
from apps.sandbox.hubspot.associations import Associations, created_answer
from apps.sandbox.hubspot.batches import OPERATIONS, Batches
from apps.sandbox.hubspot.errors import error_body, invalid, names_in, no_such_path, objects_in, refused
from apps.sandbox.hubspot.limits import Limits
from apps.sandbox.hubspot.objects import Objects
from apps.sandbox.hubspot.properties import Properties
from apps.sandbox.hubspot.schema import ALIASES, deal_pipelines
from apps.sandbox.hubspot.webhooks import Announcer
from apps.sandbox.ledger import Ledger
from apps.sandbox.settings import HubSpotSettings


class HubSpotDoor:
    def __init__(self, settings: HubSpotSettings, *, ledger: Ledger, emitter: Emitter) -> None:
        self.limits = Limits(settings.rate_limits)
        self.properties = Properties(ledger)
        self.associations = Associations(ledger)
        announcer = Announcer(settings, ledger=ledger, emitter=emitter)
        self.objects = Objects(ledger, properties=self.properties, associations=self.associations, announcer=announcer)
        self._batches = Batches(self.objects)
        self._ledger = ledger
        self._settings = settings
        self._bearer = f"Bearer {settings.token}"
        self._areas: dict[str, Callable[[Request, list[str]], Answer]] = {
            "objects": self._objects,
            "properties": self._properties,
            "pipelines": self._pipelines,
            "associations": self._associations,
        }

    def seed(self) -> None:
        self.properties.reload()
        self.associations.reload()
        self.objects.reload()

    def admit(self, request: Request) -> Answer | None:
        if request.header(b"authorization") != self._bearer:
            text = "Authentication credentials not found or not valid. This API supports OAuth 2.0 bearer tokens."
            return Answer(401, error_body(text, category="INVALID_AUTHENTICATION"))
        return self.limits.refusal(is_search=request.path.endswith("/search"))

    def leave(self) -> None:
        """Nothing is held for a call's duration."""

    def failure(self) -> Answer:
        return Answer(500, error_body("internal error", category="INTERNAL_ERROR"))

    def answer(self, request: Request) -> Answer:
        try:
            answer = self._routed(request)
        except Refused as refusal:
            answer = refusal.answer
        except ValueError as error:
            answer = Answer(400, error_body(f"Invalid input JSON: {error}", category="VALIDATION_ERROR"))
        if not request.path.endswith("/search"):
            answer.headers += self.limits.headers()
        return answer

    def _routed(self, request: Request) -> Answer:
        parts = segments(request.path)
        if parts[0] == "account-info" and len(parts) == 3:
            body = {"portalId": self._settings.portal_id, "accountType": "DEVELOPER_TEST", "timeZone": "Europe/Berlin"}
            return Answer(200, body)
        if len(parts) < 4 or parts[0] != "crm":
            raise no_such_path(request.path)
        version, area = (parts[1], parts[2]) if parts[1] in self._settings.versions else (parts[2], parts[1])
        serve = self._areas.get(area)
        if serve is None or version not in self._settings.versions:
            raise no_such_path(request.path)
        kind = ALIASES.get(parts[3])
        if kind is None:
            raise invalid(f"Unable to infer object type from: {parts[3]}")
        return serve(request, [kind, *parts[4:]])

    def _objects(self, request: Request, parts: list[str]) -> Answer:
        kind, *rest = parts
        if not rest:
            return self._create(request, kind) if request.method == "POST" else self._list(request, kind)
        if rest == ["search"] and request.method == "POST":
            return self._search(request, kind)
        if rest[0] == "batch" and len(rest) == 2 and rest[1] in OPERATIONS and request.method == "POST":
            return self._batches.answer(kind, rest[1], request.json())
        if len(rest) == 1:
            return self._one(request, kind, rest[0])
        if rest[1] == "associations":
            return self._ties(request, kind, rest[0], rest[2:])
        raise no_such_path(request.path)

    def _create(self, request: Request, kind: str) -> Answer:
        spec = request.json()
        row = self.objects.create(kind, spec)
        return Answer(201, self.objects.shown(kind, row, properties=spec.get("properties") or ()))

    def _list(self, request: Request, kind: str) -> Answer:
        _allow(request, "GET")
        archived = request.query.get("archived") == "true"
        start, limit = _whole(request, "after", 0), min(_whole(request, "limit", 10), 100)
        rows = [r for r in self._ledger.table("hubspot", kind).rows.values() if r["archived"] is archived]
        rows.sort(key=lambda row: int(row["id"]))
        page = [row for row in rows if int(row["id"]) > start]
        body: dict[str, Any] = {"results": [self._shown(request, kind, row) for row in page[:limit]]}
        if len(page) > limit:
            body["paging"] = {"next": {"after": page[limit - 1]["id"]}}
        return Answer(200, body)

    def _search(self, request: Request, kind: str) -> Answer:
        body = request.json()
        holder: search.Holder = lambda value, name: self.objects.holder(kind, value, id_property=name)  # noqa: E731
        start, limit = search.page_bounds(body if isinstance(body, dict) else {})
        rows = search.matching(
            self._ledger.table("hubspot", kind), body, kind=kind, types=self.properties.by_kind[kind], holder=holder
        )
        page = rows[start : start + limit]
        names = names_in(body)
        found: dict[str, Any] = {"total": len(rows)}
        found["results"] = [self.objects.shown(kind, row, properties=names) for row in page]
        if start + limit < len(rows):
            found["paging"] = {"next": {"after": str(start + limit)}}
        return Answer(200, found)

    def _one(self, request: Request, kind: str, given: str) -> Answer:
        if request.method == "DELETE":
            self.objects.archive(kind, given)
            return Answer(204)
        row_id = self.objects.resolve(kind, given, id_property=request.query.get("idProperty", ""))
        if request.method == "GET":
            return Answer(200, self._shown(request, kind, self.objects.live(kind, row_id)))
        _allow(request, "PATCH")
        spec = request.json()
        given_properties = spec.get("properties") if isinstance(spec, dict) else None
        row = self.objects.change(kind, row_id, given_properties)
        return Answer(200, self.objects.shown(kind, row, properties=given_properties or ()))

    def _ties(self, request: Request, kind: str, row_id: str, rest: list[str]) -> Answer:
        default = rest[:1] == ["default"]
        to_kind = ALIASES.get((rest[1:] if default else rest)[0]) if len(rest) > default else None
        if to_kind is None:
            raise no_such_path(request.path)
        if request.method == "GET":
            return Answer(200, {"results": self.associations.results(kind, row_id, to_kind)})
        to_id = rest[-1]
        if request.method == "DELETE":
            self.associations.unlink(kind, row_id, to_kind, to_id)
            return Answer(204)
        _allow(request, "PUT")
        self.associations.link(kind, row_id, to_kind, to_id)
        made = created_answer(kind, row_id, to_kind, to_id)
        return Answer(200 if default else 201, {"status": "COMPLETE", "results": [made]} if default else made)

    def _associations(self, request: Request, parts: list[str]) -> Answer:
        _allow(request, "POST")
        if len(parts) < 4 or parts[2] != "batch" or parts[1] not in ALIASES:
            raise no_such_path(request.path)
        kind, to_kind, operation = parts[0], ALIASES[parts[1]], parts[-1]
        inputs = objects_in(request.json())
        if operation == "read":
            found = [str(one.get("id")) for one in inputs]
            results = [{"from": {"id": i}, "to": self.associations.results(kind, i, to_kind)} for i in found]
            return Answer(200, {"status": "COMPLETE", "results": results})
        pairs = [(_end(one.get("from")), _end(to)) for one in inputs for to in _many(one.get("to"))]
        for row_id, to_id in pairs:
            act = self.associations.unlink if operation == "archive" else self.associations.link
            act(kind, row_id, to_kind, to_id)
        if operation == "archive":
            return Answer(204)
        made = [created_answer(kind, row_id, to_kind, to_id) for row_id, to_id in pairs]
        return Answer(201, {"status": "COMPLETE", "results": made})

    def _properties(self, request: Request, parts: list[str]) -> Answer:
        kind, *rest = parts
        known = self.properties.by_kind[kind]
        if request.method == "GET" and not rest:
            return Answer(200, {"results": list(known.values())})
        if request.method == "GET":
            if rest[0] not in known:
                raise refused(404, f"Property '{rest[0]}' does not exist", category="OBJECT_NOT_FOUND")
            return Answer(200, known[rest[0]])
        _allow(request, "POST")
        if rest == ["batch", "create"]:
            made = [self.properties.create(kind, one) for one in objects_in(request.json())]
            return Answer(201, {"status": "COMPLETE", "results": made})
        return Answer(201, self.properties.create(kind, request.json()))

    def _pipelines(self, request: Request, parts: list[str]) -> Answer:
        _allow(request, "GET")
        kind, *rest = parts
        pipelines = deal_pipelines() if kind == "deals" else []
        if not rest:
            return Answer(200, {"results": pipelines})
        found = next((one for one in pipelines if one["id"] == rest[0]), None)
        if found is None:
            raise refused(404, f"Pipeline {rest[0]} does not exist", category="OBJECT_NOT_FOUND")
        return Answer(200, {"results": found["stages"]} if rest[1:] == ["stages"] else found)

    def _shown(self, request: Request, kind: str, row: Any) -> dict[str, Any]:
        names = [name for name in request.query.get("properties", "").split(",") if name]
        ties = [name for name in request.query.get("associations", "").split(",") if name]
        return self.objects.shown(kind, row, properties=names, associations=ties)


def _allow(request: Request, method: str) -> None:
    if request.method != method:
        raise refused(405, f"{request.method} is not supported here", category="METHOD_NOT_ALLOWED")


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if text and not text.isdigit():
        raise invalid(f"{name}: expected a whole number, found {text[:20]!r}")
    return int(text) if text else default


def _end(value: Any) -> str:
    if not isinstance(value, dict) or not value.get("id"):
        raise invalid("inputs: expected [{from: {id}, to: {id}}]")
    return str(value["id"])


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
