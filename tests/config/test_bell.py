"""The bell: losing it loses time, and /health/ hears whether somebody answers it."""

import pytest
from celery import current_app
from django.conf import settings

from config import celery
from config.broker import broker_url
from config.health import missing_parts
from config.heartbeat import KEEP_S, LATE_AFTER_S, late_workers


def test_every_process_rings_our_bell():
    assert current_app.main == "tieout"


def test_a_wake_up_is_disposable():
    conf = current_app.conf

    assert (conf.task_ignore_result, conf.task_acks_late, conf.worker_prefetch_multiplier) == (True, False, 1)
    assert (conf.task_soft_time_limit, conf.task_time_limit, conf.worker_max_tasks_per_child) == (60, 90, 500)
    assert conf.worker_enable_remote_control is False
    assert conf.broker_transport_options["max_retries"] == 0


def test_every_task_of_the_clock_exists_and_has_a_queue_somebody_listens_to():
    current_app.loader.import_default_modules()
    heard = {celery.INBOX, celery.PROCESS, *celery.outbox_queues()}

    for entry in celery.BEAT.values():
        assert entry["task"] in current_app.tasks
        queue = entry["options"].get("queue") or celery.route(entry["task"], (), {}, {})["queue"]
        assert queue in heard


def test_a_slow_system_has_a_queue_of_its_own_and_a_new_one_shares():
    assert celery.outbox_queue("netsuite") == "outbox.netsuite"
    assert celery.outbox_queue("unheard_of") == "outbox"


def test_a_worker_that_reported_is_not_late(bell):
    for kind in ("inbox", "outbox"):
        bell.set(f"tieout:alive:{kind}", "alive", ex=KEEP_S)

    assert late_workers() == {}


def test_a_worker_that_fell_silent_is_late(bell):
    bell.set("tieout:alive:inbox", "alive", ex=KEEP_S)
    bell.set("tieout:alive:outbox", "alive", ex=KEEP_S - LATE_AFTER_S - 5)

    assert late_workers() == {"outbox": f"last reported {LATE_AFTER_S + 5} s ago"}


@pytest.mark.django_db
def test_health_names_redis_when_it_is_away(monkeypatch):
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")

    missing = missing_parts()

    assert missing["redis"].startswith("does not answer")
    assert "workers" in missing
    assert "database" not in missing


def test_the_broker_is_the_redis_the_settings_name():
    assert broker_url("unix:///a/redis.sock?db=3") == "redis+socket:///a/redis.sock?virtual_host=3"
    assert broker_url("redis://host:6379/2") == "redis://host:6379/2"
