"""Asynchronous execution: a job per request, a task per record, and the key that keeps a request from running twice."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json

from apps.sandbox.clock import iso_s
from apps.sandbox.http import Answer, Request
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR
from apps.sandbox.netsuite.errors import error_answer, invalid_content, nonexistent

JOB_PATH = "/services/rest/async/v1/job/"
MOST_RECORDS = 100
_KIND, _KEYS = "_jobs", "_idempotency"
Perform = Callable[[Request], Answer]


class Jobs:
    """A job is stored when accepted and finished in one write with its effect; a restart takes up what is open."""

    def __init__(self, ledger: Ledger, *, perform: Perform, delay_s: float) -> None:
        self._ledger = ledger
        self._perform = perform
        self._delay_s = delay_s

    def resume(self) -> None:
        for row in list(self._ledger.table(VENDOR, _KIND).rows.values()):
            if not row["completed"]:
                self._schedule(row["id"])

    def accept(self, request: Request) -> Answer:
        key = request.header(b"x-netsuite-idempotency-key")
        known = self._ledger.get(VENDOR, _KEYS, key) if key else None
        if known is not None:
            text = "The request with this idempotency key has already been accepted."
            answer = error_answer(400, text, code="IDEMPOTENCY_ERROR", title="Conflict")
            answer.headers.append((b"location", _location(request, known["job"])))
            return answer
        calls = _calls(request)
        job_id = self._ledger.next_id(VENDOR, _KIND, start=1)
        tasks = [{"call": call, "answer": None} for call in calls]
        job = {"id": job_id, "completed": False, "base": request.base, "acceptedAt": iso_s(), "tasks": tasks}
        self._ledger.put(VENDOR, _KIND, job_id, job)
        if key:
            self._ledger.put(VENDOR, _KEYS, key, {"job": job_id})
        self._schedule(job_id)
        headers = [(b"location", _location(request, job_id)), (b"preference-applied", b"respond-async")]
        return Answer(202, headers=headers)

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """GET job/{id}, …/task, …/task/{n}, …/task/{n}/result."""
        job = self._ledger.get(VENDOR, _KIND, parts[0]) if parts else None
        if job is None or request.method != "GET":
            raise nonexistent()
        rest = parts[1:]
        if not rest:
            link = {"rel": "self", "href": _location(request, job["id"]).decode() + "/task"}
            return Answer(200, {"id": job["id"], **_progress(job), "task": {"links": [link]}})
        if rest == ["task"]:
            items = [_task(job, number) for number in range(1, len(job["tasks"]) + 1)]
            return Answer(200, {"count": len(items), "hasMore": False, "items": items, "totalResults": len(items)})
        if not rest[1].isdigit() or not 0 < int(rest[1]) <= len(job["tasks"]):
            raise nonexistent()
        if rest[2:] == ["result"]:
            return _result(job["tasks"][int(rest[1]) - 1])
        return Answer(200, _task(job, int(rest[1])))

    def _schedule(self, job_id: str) -> None:
        asyncio.get_running_loop().call_later(self._delay_s, self._finish, job_id)

    def _finish(self, job_id: str) -> None:
        job = self._ledger.get(VENDOR, _KIND, job_id)
        if job is None or job["completed"]:
            return
        tasks = [{**task, "answer": self._done(job, task["call"])} for task in job["tasks"]]
        done = {**job, "completed": True, "completedAt": iso_s(), "tasks": tasks}
        self._ledger.put(VENDOR, _KIND, job_id, done)
        self._ledger.flush()

    def _done(self, job: Row, call: Row) -> Row:
        request = Request(
            method=call["method"],
            base=job["base"],
            path=call["path"],
            query_string=call["query"].encode(),
            headers={},
            body=call["body"].encode(),
        )
        answer = self._perform(request)
        location = next((value.decode() for name, value in answer.headers if name == b"location"), "")
        return {"status": answer.status, "location": location, "body": from_json(answer.body) if answer.body else None}


def _calls(request: Request) -> list[Row]:
    """The synchronous calls behind the request: itself, or one per record of a batch."""
    query = request.query_string.decode("latin-1")
    parts = request.path.rstrip("/").split("/")
    is_batch = len(parts) == 6 and request.method in ("PUT", "PATCH", "DELETE")
    if not is_batch:
        body = request.body.decode("utf-8", "replace")
        return [{"method": request.method, "path": request.path, "query": query, "body": body}]
    if request.method == "DELETE":
        named = [one for one in request.query.get("ids", "").split(",") if one]
        records: Any = [{"id": one} for one in named]
    else:
        body = request.json()
        records = body.get("items") if isinstance(body, dict) else None
    if not isinstance(records, list) or not 0 < len(records) <= MOST_RECORDS:
        raise invalid_content(f'A batch is {{"items": [...]}} with 1 to {MOST_RECORDS} records.', path="items")
    return [_call(request, record, number=number, query=query) for number, record in enumerate(records)]


def _call(request: Request, record: Any, *, number: int, query: str) -> Row:
    if not isinstance(record, dict) or not (record.get("id") or record.get("externalId")):
        raise invalid_content("Each record of a batch needs id or externalId.", path=f"items[{number}]")
    name = str(record["id"]) if record.get("id") else f"eid:{record['externalId']}"
    body = Answer(200, {key: value for key, value in record.items() if key != "id"}).body.decode()
    path = f"{request.path.rstrip('/')}/{quote(name, safe=':')}"
    return {"method": request.method, "path": path, "query": query, "body": body}


def _progress(job: Row) -> Row:
    if not job["completed"]:
        return {"completed": False, "progress": "pending"}
    failed = any(task["answer"]["status"] >= 400 for task in job["tasks"])
    return {"completed": True, "progress": "failed" if failed else "succeeded"}


def _task(job: Row, number: int) -> Row:
    task = job["tasks"][number - 1]
    return {"id": str(number), **_progress({**job, "tasks": [task]})}


def _result(task: Row) -> Answer:
    done = task["answer"]
    if done is None:
        raise nonexistent()
    headers = [(b"location", done["location"].encode())] if done["location"] else []
    return Answer(done["status"], done["body"], headers=headers)


def _location(request: Request, job_id: str) -> bytes:
    return f"{request.base}{JOB_PATH}{job_id}".encode()
