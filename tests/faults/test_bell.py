"""Redis is emptied, frozen, killed; Celery's processes die: time is lost, data never."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis as redis_client
from django.conf import settings

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.events.models import InboxEvent
from apps.exceptions.models import ExceptionCase
from apps.projects.models import Project
from config.embedded import redis
from tests.faults.door import achievement, post
from tests.faults.plant import Plant, wait_until
from tests.faults.whole import assert_whole
from tests.faults.workers import environment, is_idle, let_time_pass
from tests.plugins.estate import Estate

pytestmark = [pytest.mark.faults]
ACCEPT_WITHIN_S = 0.5


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Redis nobody else uses; its run-time folder."""
    home = settings.TIEOUT_HOME / "faults" / f"redis-{os.getpid()}"
    home.mkdir(parents=True, exist_ok=True)
    redis.start(home)
    yield home
    if pid := redis.pid(home):
        os.kill(pid, signal.SIGCONT)
    redis.stop(home)


@pytest.fixture
def plant(transactional_db: None, own_redis: Path, tmp_path: Path) -> Iterator[Plant]:
    """An installation on this test's database and a bell of its own."""
    made = Plant(tmp_path, environment(tmp_path / "home", REDIS_URL=redis.url(own_redis)))
    yield made
    made.close()
    for name in sorted(path.stem for path in tmp_path.glob("*.log")):
        print(name, made.log(name)[-3000:])


def test_without_redis_the_door_stays_quick_and_the_sweeper_does_the_work(
    company: Estate, plant: Plant, own_redis: Path, secrets_folder: Path
) -> None:
    project = company.activated(company.win())
    address = plant.web()
    plant.sweeper()
    server = redis.pid(own_redis)
    assert server is not None

    os.kill(server, signal.SIGSTOP)
    frozen = [post(address, achievement(project.pk, "M1"), secrets_folder=secrets_folder) for _ in range(15)]
    wait_until(lambda: _posted("M1"), what="the invoice while Redis is frozen", timeout_s=60)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: redis.pid(own_redis) is None, what="the end of Redis")
    killed = [post(address, achievement(project.pk, "M2"), secrets_folder=secrets_folder) for _ in range(15)]
    wait_until(lambda: _posted("M2") and is_idle(), what="the invoice without Redis", timeout_s=60)

    answers = frozen + killed
    assert {status for status, _ in answers} == {202}
    assert max(seconds for _, seconds in answers) < ACCEPT_WITHIN_S
    assert InboxEvent.objects.filter(system="psa").count() == 30
    plant.close()
    assert_whole(company)


def test_celery_loses_children_workers_and_its_queue_and_every_invoice_is_posted_once(
    company: Estate, plant: Plant, own_redis: Path, secrets_folder: Path
) -> None:
    first, second, third = [company.activated(company.win(company_changes=_customer(n))) for n in range(3)]
    plant.workers()
    plant.sweeper()
    address = plant.web()
    _achieve(address, first, "M1", secrets_folder)
    wait_until(lambda: _posted("M1"), what="an invoice by Celery's hands", timeout_s=60)

    _achieve(address, second, "M1", secrets_folder)
    _kill_a_child(plant, "worker-inbox")
    _kill_a_child(plant, "worker-outbox")
    _achieve(address, third, "M1", secrets_folder)
    with redis_client.Redis.from_url(redis.url(own_redis)) as client:
        client.flushall()
    _achieve(address, first, "M2", secrets_folder)
    plant.kill("worker-outbox")
    # What the dead ones held comes back when their leases run out; how long that takes is asked elsewhere.
    for _ in range(12):
        _wait_a_while()
        if Invoice.objects.filter(state=InvoiceState.POSTED).count() == 4 and is_idle():
            break
        let_time_pass(60)

    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    assert Invoice.objects.filter(state=InvoiceState.POSTED).count() == 4
    plant.close()
    company.settle()
    assert_whole(company)


def _customer(number: int) -> dict[str, str]:
    return {"name": f"Customer {number} Inc", "domain": f"customer{number}.example", "tax_id": ""}


def _wait_a_while() -> None:
    ends_at = time.monotonic() + 4
    while time.monotonic() < ends_at and not is_idle():
        time.sleep(0.1)


def _achieve(address: str, project: Project, code: str, secrets_folder: Path) -> None:
    assert post(address, achievement(project.pk, code), secrets_folder=secrets_folder)[0] == 202


def _posted(code: str) -> bool:
    return Invoice.objects.filter(milestone__code=code, state=InvoiceState.POSTED).exists()


def _children(plant: Plant, name: str) -> list[psutil.Process]:
    return psutil.Process(plant.running[name].pid).children()


def _kill_a_child(plant: Plant, name: str) -> None:
    _children(plant, name)[0].kill()
