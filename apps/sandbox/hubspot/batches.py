"""A hundred records in one call: what works is done, what does not is told beside it (207)."""

from collections.abc import Callable
from typing import Any

from pydantic_core import from_json

from apps.sandbox.clock import iso_ms
from apps.sandbox.http import Answer, Refused
from apps.sandbox.hubspot.errors import error_body, invalid, names_in, objects_in
from apps.sandbox.hubspot.objects import Objects
from apps.sandbox.ledger import Row

MOST_INPUTS = 100
OPERATIONS = ("read", "create", "update", "upsert", "archive")


class Batches:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def answer(self, kind: str, operation: str, body: Any) -> Answer:
        inputs = _inputs(body)
        if operation == "read":
            return self._read(kind, body, inputs)
        if operation == "archive":
            for one in inputs:
                self._objects.archive(kind, str(one.get("id")))
            return Answer(204)
        work: Callable[[str, Any], Row] = getattr(self, f"_{operation}")
        return self._each(kind, inputs, work, done=201 if operation == "create" else 200)

    def _each(self, kind: str, inputs: list[Any], work: Callable[[str, Any], Row], *, done: int) -> Answer:
        started, results, errors = iso_ms(), [], []
        for one in inputs:
            try:
                results.append(work(kind, one))
            except Refused as refusal:
                error = from_json(refusal.answer.body)
                if trace := one.get("objectWriteTraceId"):
                    error.setdefault("context", {})["objectWriteTraceId"] = [str(trace)]
                errors.append(error)
        return _summed_up(results, errors, started=started, done=done)

    def _read(self, kind: str, body: Any, inputs: list[Any]) -> Answer:
        started, results, missing = iso_ms(), [], []
        id_property, names = str(body.get("idProperty") or ""), names_in(body)
        for one in inputs:
            found = self._objects.holder(kind, str(one.get("id")), id_property=id_property)
            if found is None:
                missing.append(str(one.get("id")))
            else:
                row = self._objects.live(kind, found)
                results.append(self._objects.shown(kind, row, properties=names))
        errors = []
        if missing:
            text = "Could not get some objects, they may be deleted or not exist. Check that ids are valid."
            errors.append(error_body(text, category="OBJECT_NOT_FOUND", context={"ids": missing}))
        return _summed_up(results, errors, started=started, done=200)

    def _create(self, kind: str, one: Any) -> Row:
        return self._shown(kind, self._objects.create(kind, one), one)

    def _update(self, kind: str, one: Any) -> Row:
        row_id = self._objects.resolve(kind, str(one.get("id")), id_property=str(one.get("idProperty") or ""))
        return self._shown(kind, self._objects.change(kind, row_id, one.get("properties")), one)

    def _upsert(self, kind: str, one: Any) -> Row:
        id_property, given = str(one.get("idProperty") or ""), str(one.get("id") or "")
        if not id_property or not given:
            raise invalid("inputs: upsert needs id and idProperty (a unique property)")
        if not isinstance(one.get("properties") or {}, dict):
            raise invalid("properties: expected an object of name and value")
        found = self._objects.holder(kind, given, id_property=id_property)
        properties = {**(one.get("properties") or {}), id_property: given}
        if found is None:
            row = self._objects.create(kind, {**one, "properties": properties})
        else:
            row = self._objects.change(kind, found, properties)
        return {**self._shown(kind, row, {"properties": properties}), "new": found is None}

    def _shown(self, kind: str, row: Row, one: Any) -> Row:
        return self._objects.shown(kind, row, properties=one.get("properties") or ())


def _inputs(body: Any) -> list[Any]:
    inputs = objects_in(body)
    if len(inputs) > MOST_INPUTS:
        raise invalid(f"inputs: at most {MOST_INPUTS}, found {len(inputs)}")
    return inputs


def _summed_up(results: list[Row], errors: list[Any], *, started: str, done: int) -> Answer:
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": started, "completedAt": iso_ms()}
    if errors:
        body.update(numErrors=len(errors), errors=errors)
    return Answer(207 if errors else done, body)
