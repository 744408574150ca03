"""What was acknowledged outlives a kill -9, and is counted once."""

import subprocess
import sys
import threading

import pytest
import requests

from apps.sandbox.errors import LedgerUnusable
from apps.sandbox.ledger import Ledger
from tests.sandbox.process import REPOSITORY, SandboxProcess


def test_every_acknowledged_call_is_there_after_a_kill_in_full_flight(own_sandbox):
    sandbox: SandboxProcess = own_sandbox()
    sandbox.a_project()
    headers = {"authorization": f"Bearer {sandbox.bearer()}"}
    acknowledged: list[str] = []
    enough = threading.Event()

    def bill(worker: int) -> None:
        with requests.Session() as session:
            for number in range(10_000):
                key = f"INV-{worker}-{number}"
                url = f"{sandbox.base}/netsuite/services/rest/record/v1/invoice/eid:{key}"
                try:
                    answer = session.put(url, json=sandbox.invoice_body(), headers=headers, timeout=5)
                except requests.RequestException:
                    return
                if answer.status_code == 204:
                    acknowledged.append(key)
                if len(acknowledged) > 300:
                    enough.set()

    workers = [threading.Thread(target=bill, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    assert enough.wait(20)
    sandbox.kill()
    for worker in workers:
        worker.join()

    sandbox.start()

    entries = {entry["key"]: entry for entry in sandbox.ledger(kind="invoice", limit=100_000)}
    assert set(acknowledged) <= set(entries)
    assert {entry["creations"] for entry in entries.values()} == {1}
    assert len(entries) - len(acknowledged) <= 4
    numbers = [entry["body"]["tranId"] for entry in entries.values()]
    assert len(numbers) == len(set(numbers))
    new = sandbox.record("PUT", "invoice/eid:NEW", sandbox.invoice_body())
    assert new.headers["Location"].rsplit("/", 1)[-1] not in {entry["id"] for entry in entries.values()}


def test_a_line_torn_by_the_kill_is_cut_off(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.put("netsuite", "invoice", "1", {"id": "1"}, key="INV-1")
    ledger.close()
    with path.open("ab") as file:
        file.write(b'{"v":"netsuite","k":"inv')

    again = Ledger(path)
    again.put("netsuite", "invoice", "2", {"id": "2"}, key="INV-2")
    again.close()

    third = Ledger(path)
    assert list(third.table("netsuite", "invoice").rows) == ["1", "2"]
    third.close()


def test_a_ledger_has_one_holder_and_a_damaged_one_is_not_guessed_at(tmp_path):
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    with pytest.raises(LedgerUnusable, match="another process holds"):
        Ledger(path)
    first.close()
    path.write_bytes(b"nonsense\n")

    with pytest.raises(LedgerUnusable, match="line 1 is damaged"):
        Ledger(path)


def test_two_rows_under_one_business_key_show_as_a_duplicate(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for row_id in ("1", "2"):
        ledger.put("netsuite", "invoice", row_id, {"id": row_id}, key=f"INV-{row_id}", business=["BMS-1"])

    tallies = ledger.table("netsuite", "invoice").tallies
    ledger.close()

    assert (tallies["BMS-1"].creations, tallies["BMS-1"].ids) == (2, ["1", "2"])
    assert (tallies["INV-1"].creations, tallies["INV-2"].creations) == (1, 1)


def test_a_second_process_on_the_same_ledger_or_port_ends_in_one_clear_line(own_sandbox):
    sandbox: SandboxProcess = own_sandbox()
    port = sandbox.base.rsplit(":", 1)[-1]
    command = [sys.executable, "-m", "apps.sandbox", "--config", str(sandbox.config), "--port"]

    on_ledger = subprocess.run([*command, "0"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    sandbox.config.write_text(sandbox.config.read_text().replace("ledger.jsonl", "other.jsonl"))
    on_port = subprocess.run([*command, port], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert (on_ledger.returncode, on_port.returncode) == (2, 2)
    assert "another process holds the ledger" in on_ledger.stderr
    assert f"cannot listen on 127.0.0.1:{port}" in on_port.stderr
    assert len((on_ledger.stderr + on_port.stderr).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "are not JSON"),
        ("{}", "missing 1 required keyword-only argument: 'ledger'"),
        ('{"ledger": "x", "netsuit": {}}', "unknown setting 'netsuit'"),
        ('{"ledger": "x", "hubspot": {"portal_id": "one"}}', "portal_id: expected int"),
        ('{"ledger": "x", "events": {"tax": {"secret": "whsec_*"}}}', "events.tax: a secret is whsec_"),
    ],
)
def test_bad_settings_end_in_one_clear_line(tmp_path, text, complaint):
    path = tmp_path / "sandbox.json"
    path.write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "apps.sandbox", "--port", "0", "--config", str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_business_key_taken_later_counts_as_a_creation_under_it(tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.put("netsuite", "invoice", "1", {"id": "1"}, key="INV-1", business=["BMS-1"])
    ledger.put("netsuite", "invoice", "2", {"id": "2"}, key="INV-2")
    ledger.put("netsuite", "invoice", "2", {"id": "2"}, key="INV-2", business=["BMS-1"])

    tallies = ledger.table("netsuite", "invoice").tallies
    ledger.close()

    assert (tallies["BMS-1"].creations, tallies["INV-2"].updates) == (2, 1)
