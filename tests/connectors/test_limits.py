"""How many calls leave: rate over all processes, slots, the breaker, pauses, and what holds when Redis is away."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from apps.connectors import breaker, limits, pauses, registry, secrets, slots
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.core.errors import Misconfigured

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing learnt about systems of other tests."""
    monkeypatch.setattr(limits, "_link", limits._Link())
    monkeypatch.setattr(limits, "_buckets", {})
    monkeypatch.setattr(slots, "_present", {})
    registry.forget_all()
    yield
    registry.forget_all()


def system(**more: Any) -> ConnectedSystem:
    given = {
        "code": "erp",
        "name": "ERP",
        "vendor": "netsuite",
        "base_url": "https://erp.example",
        "secret_ref": "netsuite",
    }
    return ConnectedSystem.objects.create(**{**given, **more})


def granted_within(one: ConnectedSystem, seconds: float) -> int:
    until, granted = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        granted += limits.take(one, 100).count
        time.sleep(0.005)
    return granted


def test_a_bucket_starts_with_one_call_and_fills_at_its_rate(bell: Any):
    one = system(rate_per_s=50, burst=10)

    first = limits.take(one, 10)

    assert first.count == 1
    assert 0 < first.wait_s <= 0.02
    assert 40 <= granted_within(one, 1.0) <= 52


def test_a_burst_is_bounded(bell: Any):
    one = system(rate_per_s=1000, burst=5)
    limits.take(one, 1)
    time.sleep(0.1)

    assert limits.take(one, 100).count == 5


def test_losing_everything_in_redis_releases_no_burst(bell: Any):
    one = system(rate_per_s=5, burst=5)
    granted = 0

    for _ in range(5):
        bell.flushdb()
        granted += limits.take(one, 100).count

    assert granted == 5


def test_a_refusal_halves_the_rate_and_pauses_as_asked(bell: Any):
    one = system(rate_per_s=100, burst=5)
    limits.take(one, 1)

    limits.throttled(one, retry_after_s=0.3)
    limits.throttled(one, retry_after_s=0.1)

    assert limits.take(one, 1).count == 0
    assert 0.1 < limits.take(one, 1).wait_s <= 0.3
    time.sleep(0.3)
    assert 20 <= granted_within(one, 0.5) <= 30


def test_unused_grants_come_back(bell: Any):
    one = system(rate_per_s=0.1, burst=5)
    assert limits.take(one, 1).count == 1
    assert limits.take(one, 1).count == 0

    limits.give_back(one, 1)

    assert limits.take(one, 5).count == 1


def test_without_redis_each_process_has_its_share_and_asks_fast(monkeypatch: pytest.MonkeyPatch, settings: Any):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    one = system(rate_per_s=160, burst=80)
    started = time.monotonic()
    limits.take(one, 1)
    assert time.monotonic() - started < 1

    granted = granted_within(one, 0.5)

    assert 5 <= granted <= 15
    limits.throttled(one, retry_after_s=5)
    assert limits.take(one, 1).count == 0


def test_a_slot_is_held_once_and_comes_back():
    one = system(max_concurrency=5)

    assert slots.take_slots(one, 3, holder="a", lease_s=30) == [1, 2, 3]
    assert slots.take_slots(one, 3, holder="b", lease_s=30) == [4, 5]
    assert slots.take_slots(one, 1, holder="c", lease_s=30) == []
    assert slots.slots_in_use(one) == 5
    assert slots.release_slots(one, [2, 4], holder="a") == 1
    assert slots.take_slots(one, 9, holder="c", lease_s=30) == [2]


def test_the_slots_of_a_dead_process_come_back_by_themselves():
    one = system(max_concurrency=2)
    slots.take_slots(one, 2, holder="dead", lease_s=0.05)
    time.sleep(0.1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert slots.take_slots(one, 2, holder="alive", lease_s=30) == [1, 2]
    assert slots.release_slots(one, [1, 2], holder="dead") == 0


def test_a_narrower_limit_holds_at_once():
    one = system(max_concurrency=5)
    assert len(slots.take_slots(one, 5, holder="a", lease_s=0)) == 5
    one.max_concurrency = 2

    assert len(slots.take_slots(one, 5, holder="b", lease_s=30)) == 2


@pytest.mark.django_db(transaction=True)
def test_many_processes_never_hold_more_slots_than_there_are():
    one = system(max_concurrency=7)
    slots.take_slots(one, 1, holder="first", lease_s=0)
    taken: list[list[int]] = []
    start = threading.Barrier(6)

    def take(number: int) -> None:
        start.wait()
        try:
            taken.append(slots.take_slots(one, 3, holder=f"t{number}", lease_s=30))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = [n for some in taken for n in some]
    assert len(held) == len(set(held)) <= 7


def test_silence_opens_the_breaker_and_one_probe_asks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(breaker, "FIRST_REST_S", 0.1)
    one = system()
    assert breaker.admitted(one, 9, lease_s=5) == 9

    breaker.record(one, answered=0, silent=breaker.THRESHOLD)
    assert breaker.admitted(one, 9, lease_s=5) == 0
    time.sleep(0.12)
    assert [breaker.admitted(one, 9, lease_s=5) for _ in range(3)] == [1, 0, 0]

    breaker.record(one, answered=0, silent=1)
    time.sleep(0.12)
    assert breaker.admitted(one, 9, lease_s=5) == 0
    time.sleep(0.12)
    assert breaker.admitted(one, 9, lease_s=5) == 1
    breaker.record(one, answered=1, silent=0)
    assert breaker.admitted(one, 9, lease_s=5) == 9


def test_a_probe_that_died_does_not_block_the_next(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(breaker, "FIRST_REST_S", 0.0)
    one = system()
    breaker.record(one, answered=0, silent=99)
    assert breaker.admitted(one, 1, lease_s=0.05) == 1
    assert breaker.admitted(one, 1, lease_s=0.05) == 0
    time.sleep(0.1)

    assert breaker.admitted(one, 1, lease_s=0.05) == 1


def test_a_batch_with_answers_is_no_silence():
    one = system()

    for _ in range(20):
        breaker.record(one, answered=5, silent=5)

    assert breaker.admitted(one, 3, lease_s=5) == 3


def test_a_paused_system_is_not_called_until_somebody_resumes_it():
    one = system()
    pauses.pause("erp", reason="credentials refused")
    one.refresh_from_db()
    assert not pauses.may_be_called(one)

    pauses.resume("erp")

    one.refresh_from_db()
    assert pauses.may_be_called(one)
    assert (one.paused_reason, one.version) == ("", 2)
    pauses.pause("erp", reason="x", until=clock.now() - timedelta(seconds=1))
    one.refresh_from_db()
    assert pauses.may_be_called(one)


def test_a_connector_is_made_once_and_anew_when_its_system_or_secret_changes(secrets_folder: Path):
    one = system(vendor="webhooks", code="psa", secret_ref="psa")
    first = registry.connector_for("psa")
    assert registry.connector_for("psa") is first

    one.timeout_s = 9
    one.save()
    second = registry.connector_of(one)
    assert second is not first
    assert second.capabilities.timeout_s == 9
    secrets.secret_file(one).touch()
    assert registry.connector_of(one) is not second


@pytest.mark.parametrize(
    ("content", "what"), [(None, "is missing"), (b"{top-secret", "is not JSON"), (b"[]", "is not a JSON object")]
)
def test_a_secret_that_cannot_be_read_is_told_without_its_content(
    content: bytes | None, what: str, tmp_path: Path, settings: Any
):
    settings.SECRETS_FOLDER = tmp_path
    if content is not None:
        (tmp_path / "netsuite.json").write_bytes(content)

    with pytest.raises(Misconfigured, match=what) as raised:
        secrets.secret(system())

    assert raised.value.code == "credentials_expired"
    assert "top-secret" not in str(raised.value)
    assert raised.value.__cause__ is None or "top-secret" not in str(raised.value.__cause__)


def test_an_unknown_system_or_vendor_is_a_misconfiguration():
    with pytest.raises(Misconfigured, match="no connected system 'nobody'"):
        registry.connector_for("nobody")
    with pytest.raises(Misconfigured, match="hubspot, netsuite"):
        registry.connector_class("nobody")
