"""Asynchronous requests: idempotency keys and batches."""

import uuid

from tests.sandbox.conftest import until
from tests.sandbox.process import SandboxProcess

ASYNC = {"prefer": "respond-async"}


def finished(sandbox: SandboxProcess, location: str) -> dict:
    path = location.removeprefix(f"{sandbox.base}/netsuite")

    def done() -> dict | None:
        job = sandbox.netsuite("GET", path).json()
        return {**job, "path": path} if job["completed"] else None

    return until(done)


def test_a_key_lets_a_request_run_once(sandbox: SandboxProcess):
    sandbox.a_project()
    headers = {**ASYNC, "x-netsuite-idempotency-key": str(uuid.uuid4())}

    first = sandbox.record("POST", "invoice", sandbox.invoice_body(externalId="INV-1"), headers=headers)
    again = sandbox.record("POST", "invoice", sandbox.invoice_body(externalId="INV-1"), headers=headers)

    assert (first.status_code, first.headers["Preference-Applied"]) == (202, "respond-async")
    details = again.json()["o:errorDetails"][0]
    assert (again.status_code, again.json()["title"], details["o:errorCode"]) == (400, "Conflict", "IDEMPOTENCY_ERROR")
    assert again.headers["Location"] == first.headers["Location"]
    job = finished(sandbox, first.headers["Location"])
    assert job["progress"] == "succeeded"
    result = sandbox.netsuite("GET", f"{job['path']}/task/1/result")
    invoice = sandbox.record("GET", "invoice/eid:INV-1").json()["id"]
    assert (result.status_code, result.headers["Location"].rsplit("/", 1)[-1]) == (204, invoice)
    assert sandbox.ledger(kind="invoice", key="INV-1")[0]["creations"] == 1


def test_a_batch_is_one_task_per_record(sandbox: SandboxProcess):
    project = sandbox.a_project()
    items = [{"externalId": f"TSK-{n}", "project": {"id": project}, "title": f"Task {n}"} for n in range(3)]
    items.append({"externalId": "TSK-X", "project": {"id": "999"}, "title": "Lost"})

    accepted = sandbox.record("PUT", "projectTask", {"items": items}, headers=ASYNC)

    assert accepted.status_code == 202, accepted.text
    job = finished(sandbox, accepted.headers["Location"])
    tasks = sandbox.netsuite("GET", f"{job['path']}/task").json()["items"]
    assert [one["progress"] for one in tasks] == ["succeeded", "succeeded", "succeeded", "failed"]
    failed = sandbox.netsuite("GET", f"{job['path']}/task/4/result")
    assert failed.json()["o:errorDetails"][0]["o:errorPath"] == "project"
    assert sandbox.control("GET", "ledger/counts", kind="projectTask")["netsuite"]["projectTask"]["creations"] == 3


def test_a_batch_is_refused_when_it_is_synchronous_or_too_long(sandbox: SandboxProcess):
    assert sandbox.record("PUT", "projectTask", {"items": []}).status_code == 400
    many = {"items": [{"externalId": str(n)} for n in range(101)]}
    assert sandbox.record("PUT", "projectTask", many, headers=ASYNC).status_code == 400
