"""PostgreSQL is ended like by a power cut, twice, while webhooks come in: no 2xx without commit, nothing lost."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from config.embedded import postgres
from tests.faults.door import achievement, post
from tests.faults.plant import Plant, wait_until
from tests.faults.whole import duplicates_in_ledger
from tests.faults.workers import environment
from tests.plugins.estate import Estate

pytestmark = [pytest.mark.faults]


@pytest.fixture
def own_cluster() -> Iterator[Path]:
    """A cluster nobody else uses; its run-time folder."""
    home = settings.TIEOUT_HOME / "faults" / f"cluster-{os.getpid()}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    postgres.start(home)
    yield home
    postgres.stop(home, immediately=True)
    shutil.rmtree(home, ignore_errors=True)


def test_what_was_answered_with_202_survives_the_database(
    company: Estate, own_cluster: Path, tmp_path: Path, secrets_folder: Path
) -> None:
    project = company.activated(company.win())
    url = _copy_of_test_database(own_cluster)
    plant = Plant(tmp_path, environment(tmp_path / "home", DATABASE_URL=url, DATABASE_POOL_SIZE="4"))
    try:
        address = plant.web()
        plant.start("worker", "manage.py", "sweep", "--every", "0.1")
        caller = _Caller(address, project.pk, secrets_folder)
        caller.start()
        for _ in range(2):
            time.sleep(1.0)
            postgres.stop(own_cluster, immediately=True)
            time.sleep(0.5)
            postgres.start(own_cluster)
        wait_until(lambda: caller.accepted_since_last_look() > 5, what="the door's recovery")
        caller.stop()
        wait_until(lambda: _count(url, "SELECT count(*) FROM billing_invoice WHERE state = 'posted'") == 1,
                   what="the invoice", timeout_s=60)  # fmt: skip
        wait_until(lambda: _count(url, _WAITING) == 0, what="the end of the work", timeout_s=60)
        stored = set(_column(url, "SELECT external_id FROM events_inboxevent WHERE system = 'psa'"))
        answers = [plant.manage(command) for command in ("check_invariants", "verify_audit")]
    finally:
        plant.close()

    assert caller.refused > 0, "the database was never away while somebody called"
    assert {f"{event_id}@/psa" for event_id in caller.accepted} <= stored
    assert len(caller.accepted) > 20
    assert [(answer.returncode, answer.stderr) for answer in answers] == [(0, ""), (0, "")]
    assert duplicates_in_ledger(company) == []


_WAITING = """SELECT (SELECT count(*) FROM events_stream WHERE due_at IS NOT NULL)
    + (SELECT count(*) FROM events_outboxcommand WHERE state IN ('pending', 'sent', 'unknown', 'accepted'))"""


class _Caller(threading.Thread):
    """Calls the door without a pause; remembers what was answered with 202."""

    def __init__(self, address: str, project_id: str, secrets_folder: Path) -> None:
        super().__init__()
        self.address, self.project_id, self.secrets_folder = address, project_id, secrets_folder
        self.accepted: list[str] = []
        self.refused = self._seen = 0
        self._stopped = False

    def run(self) -> None:
        number = 0
        while not self._stopped:
            number += 1
            body = achievement(self.project_id, "M1", event_id=f"E-{number}")
            status, _ = post(self.address, body, secrets_folder=self.secrets_folder)
            if status == 202:
                self.accepted.append(f"E-{number}")
            else:
                assert status in (0, 500, 503), status
                self.refused += 1
            time.sleep(0.01)

    def accepted_since_last_look(self) -> int:
        new, self._seen = len(self.accepted) - self._seen, len(self.accepted)
        return new

    def stop(self) -> None:
        self._stopped = True
        self.join(timeout=20)


def _copy_of_test_database(home: Path) -> str:
    """The test's database as it stands, in the cluster of `home`; its URL."""
    name = str(settings.DATABASES["default"]["NAME"])
    source = postgres.url(settings.TIEOUT_HOME, database=name) if settings.EMBEDDED_DATABASE else settings.DATABASE_URL
    target = postgres.url(home)
    dump = subprocess.run([postgres.program("pg_dump"), "--no-owner", source], capture_output=True, check=True)
    subprocess.run([postgres.program("psql"), "-q", "-v", "ON_ERROR_STOP=1", target], input=dump.stdout,
                   capture_output=True, check=True)  # fmt: skip
    return target


def _column(url: str, sql: str) -> list[object]:
    with psycopg.connect(url) as connection:
        return [value for (value,) in connection.execute(sql)]  # type: ignore[arg-type]


def _count(url: str, sql: str) -> int:
    try:
        return int(str(_column(url, sql)[0]))
    except psycopg.OperationalError:
        return -1
