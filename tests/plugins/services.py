"""Fixtures: PostgreSQL and Redis of the test run, started when a test first needs them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client
from django.conf import settings

from config.broker import broker_url
from config.embedded import postgres, redis
from config.embedded.session import is_last_user, users_of


def pytest_configure(config: pytest.Config) -> None:
    """Give every parallel worker a logical Redis database of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    settings.REDIS_URL = with_database(settings.REDIS_URL, number=int(worker.removeprefix("gw")) + 1)
    settings.CELERY_BROKER_URL = broker_url(settings.REDIS_URL)


@pytest.fixture(scope="session")
def services() -> Iterator[None]:
    """Database and bell of this run; whoever uses them last stops them."""
    home: Path = settings.TIEOUT_HOME
    with users_of(home) as place:
        if settings.EMBEDDED_DATABASE:
            postgres.start(home)
        if settings.EMBEDDED_REDIS:
            redis.start(home)
        yield
        if is_last_user(place):
            postgres.stop(home)
            redis.stop(home)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, services: None) -> None:
    """Start the services before pytest-django creates the test database."""


@pytest.fixture
def bell(services: None) -> Iterator[redis_client.Redis]:
    """Redis, empty at the start and at the end of the test."""
    with redis_client.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.flushdb()
        yield client
        client.flushdb()


def with_database(url: str, *, number: int) -> str:
    """The same Redis, another logical database."""
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={number}"
    address, _, options = url.partition("?")
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{number}" + (f"?{options}" if options else "")
