"""PostgreSQL and Redis of a machine that has neither."""

import os
import shutil
import signal
import socket

import psycopg
import pytest
import redis as redis_client
from django.conf import settings

from config.embedded import postgres, redis
from config.embedded.places import socket_folder
from config.launcher.errors import CannotStartError
from config.launcher.preflight import check_ports


@pytest.fixture
def home():
    """A run-time folder whose path has a blank and is too long for a socket.

    Not below tmp_path: pytest closes that to every other account, and PostgreSQL may not run as root.
    """
    folder = settings.TIEOUT_HOME / f"a folder {os.getpid()} {'x' * 90}"
    folder.mkdir(parents=True)
    yield folder
    postgres.stop(folder, immediately=True)
    redis.stop(folder)
    for left in (folder, socket_folder(folder)):
        shutil.rmtree(left, ignore_errors=True)


def test_the_database_keeps_what_was_committed_before_a_kill(home):
    with psycopg.connect(postgres.start(home)) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    first = postgres.pid(home)

    os.kill(first, signal.SIGKILL)
    while postgres.pid(home) is not None:
        pass

    with psycopg.connect(postgres.start(home)) as connection:
        assert connection.execute("select n from kept").fetchall() == [(7,)]
        assert connection.execute("show fsync").fetchone() == ("on",)
    assert postgres.pid(home) != first


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(home):
    postgres.start(home)
    postgres.stop(home)
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'postgres'}\n")

    postgres.start(home)

    assert postgres.pid(home) not in (None, os.getpid())


def test_starting_twice_is_starting_once(home):
    postgres.start(home)
    first = postgres.pid(home)

    postgres.start(home)

    assert postgres.pid(home) == first


def test_the_bell_never_evicts_and_keeps_nothing(home):
    with redis_client.Redis.from_url(redis.start(home), decode_responses=True) as client:
        kept = {name: client.config_get(name)[name] for name in ("maxmemory-policy", "appendonly", "save")}

    assert kept == {"maxmemory-policy": "noeviction", "appendonly": "no", "save": ""}


def test_sockets_stay_short_however_long_the_path(home):
    assert len(str(socket_folder(home))) < 60


def test_a_taken_port_is_named_with_its_mend(live_socket):
    port = live_socket.getsockname()[1]

    with pytest.raises(CannotStartError, match=f"port {port} is taken .* make run TIEOUT_PORT="):
        check_ports({"TIEOUT_PORT": port})


def test_two_parts_on_one_port_are_refused():
    with pytest.raises(CannotStartError, match="TIEOUT_PORT and SANDBOX_PORT are both"):
        check_ports({"SANDBOX_PORT": 18999, "TIEOUT_PORT": 18999})


@pytest.fixture
def live_socket():
    """Somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener
