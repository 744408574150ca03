"""Scripted misfortune: the ledger, not the answer, tells what really happened."""

import time

import pytest
import requests

from tests.sandbox.conftest import until
from tests.sandbox.process import SandboxProcess


def fault(sandbox: SandboxProcess, times: int | None = 1, **spec) -> None:
    match = {"method": "PUT", "path": "/invoice/", "contains": "INV-1"}
    sandbox.control("POST", "faults", {"vendor": "netsuite", "match": match, "fault": spec, "times": times})


def bill(sandbox: SandboxProcess, *, timeout: float = 5) -> requests.Response:
    return sandbox.record("PUT", "invoice/eid:INV-1", sandbox.invoice_body(), timeout=timeout)


def creations(sandbox: SandboxProcess) -> int:
    return sum(entry["creations"] for entry in sandbox.ledger(kind="invoice", key="INV-1"))


def test_a_late_commit_happens_after_the_client_gave_up(sandbox: SandboxProcess):
    sandbox.a_project()
    fault(sandbox, late_commit_s=0.6)

    with pytest.raises(requests.Timeout):
        bill(sandbox, timeout=0.2)
    right_away = creations(sandbox)
    until(lambda: creations(sandbox) == 1)

    assert right_away == 0
    assert sandbox.record("GET", "invoice/eid:INV-1").status_code == 200


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_leaves_the_effect_or_not(sandbox: SandboxProcess, when, made):
    sandbox.a_project()
    fault(sandbox, drop=when)

    with pytest.raises(requests.ConnectionError):
        bill(sandbox)

    assert creations(sandbox) == made
    assert bill(sandbox).status_code == 204


def test_a_hang_ends_without_answer_and_without_effect(sandbox: SandboxProcess):
    sandbox.a_project()
    fault(sandbox, hang_s=0.2)

    with pytest.raises(requests.ConnectionError):
        bill(sandbox)

    assert creations(sandbox) == 0


@pytest.mark.parametrize(("commit", "made"), [(False, 0), (True, 1)])
def test_a_status_comes_before_or_after_the_commit(sandbox: SandboxProcess, commit, made):
    sandbox.a_project()
    fault(sandbox, status=503, body={"sorry": True}, headers={"Retry-After": "7"}, commit=commit)

    answer = bill(sandbox)

    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (503, {"sorry": True}, "7")
    assert creations(sandbox) == made
    assert bill(sandbox).status_code == 204
    (rule,) = sandbox.control("GET", "faults")
    assert rule["hits"] == 1


def test_luck_is_seeded_so_a_run_can_be_repeated(sandbox: SandboxProcess):
    def run() -> list[int]:
        spec = {"vendor": "netsuite", "fault": {"status": 500}, "probability": 0.5, "seed": 7}
        sandbox.control("DELETE", "faults")
        sandbox.control("POST", "faults", spec)
        return [sandbox.record("GET", "subsidiary/1").status_code for _ in range(12)]

    first = run()

    assert first == run()
    assert set(first) == {200, 500}


def test_latency_is_set_per_vendor_and_calls_are_counted_by_route(sandbox: SandboxProcess):
    sandbox.control("POST", "latency", {"vendor": "netsuite", "ms": 150})
    started = time.monotonic()
    sandbox.record("GET", "subsidiary/1")
    took_s = time.monotonic() - started
    sandbox.control("POST", "latency", {"vendor": "netsuite", "ms": 0})
    sandbox.record("GET", "subsidiary/77")

    calls = sandbox.control("GET", "calls", vendor="netsuite", path="/subsidiary/")

    assert took_s > 0.15
    assert calls["routes"] == {
        "GET /netsuite/services/rest/record/v1/subsidiary/{id}": {"calls": 2, "statuses": {"200": 1, "404": 1}}
    }
    assert sandbox.control("GET", "calls", vendor="netsuite", path="/invoice")["total"] == 0


def test_a_fault_that_cannot_work_is_refused(sandbox: SandboxProcess):
    url = f"{sandbox.base}/_control/faults"

    flaws = [
        requests.post(url, json={"vendor": "netsuite", "fault": spec}, timeout=5).json()["detail"]
        for spec in ({"explode": 1}, {"drop": "sideways"}, {"hang_s": "long"})
    ]

    assert "unknown field 'explode'" in flaws[0]
    assert "fault.drop" in flaws[1]
    assert "fault.hang_s" in flaws[2]
