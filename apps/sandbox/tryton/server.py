"""Start and stop a real Tryton server on a database of its own."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.sandbox.tryton.environment import Say, home_of, python_of, say
from apps.sandbox.tryton.errors import TrytonSetupError
from apps.sandbox.tryton.template import (
    ADMIN_PASSWORD,
    DATABASE,
    SECRET,
    environment_of,
    give_database,
    write_config,
)

START_WITHIN_S = 120


@dataclass(frozen=True)
class Server:
    """A running Tryton: where it answers, how to sign in (as the integration, as admin), and the process to end."""

    base_url: str
    secret: dict[str, Any] = field(repr=False)
    admin_password: str = field(repr=False)
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the process; safe to call twice."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(home: Path, *, port: int, directory: Path | None = None, say: Say = say) -> Server:
    """Start Tryton and return when it answers; everything it needs is installed and built first if missing.

    Without `directory`: the installation's own instance, which keeps its data, with the secret in
    `home/secrets/tryton.json`. With it: an instance in that folder, as a test session uses it, secret beside.
    """
    command, secret_path, log = _prepare(home, port=port, directory=directory, say=say)
    admin_password = ((directory or home_of(home) / "live") / ADMIN_PASSWORD).read_text()
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment_of())
    server = Server(f"http://127.0.0.1:{port}/{DATABASE}", json.loads(secret_path.read_text()), admin_password, process)
    try:
        _wait_until_ready(server, log=log)
    except BaseException:
        server.stop()
        raise
    say(f"answers at {server.base_url}")
    return server


def serve(home: Path, *, port: int, say: Say = say) -> None:
    """Become the Tryton server of the installation: prepare, then replace this process. Signals go to Tryton."""
    command, _, log = _prepare(home, port=port, directory=None, say=say)
    say(f"starting on port {port}; its log is {log}")
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.execve(command[0], command, environment_of())  # noqa: S606 - no shell is wanted


def is_ready(base_url: str, *, rest_key: str) -> bool:
    """Whether the server answers a signed-in request."""
    request = urllib.request.Request(f"{base_url}/rest/model/company.company", method="GET")
    request.add_header("Authorization", f"Bearer {rest_key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepare(home: Path, *, port: int, directory: Path | None, say: Say) -> tuple[list[str], Path, Path]:
    home = home.resolve()
    _demand_free(port)
    at_home = directory is None
    directory = (directory or home_of(home) / "live").resolve()
    secret = home / "secrets" / SECRET if at_home else directory / SECRET
    log = (home / "logs" if at_home else directory) / "tryton.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    give_database(home, to=directory, secret=secret, say=say)
    if not secret.exists():
        raise TrytonSetupError(f"{secret} is gone but its database is there. Restore the file, or run `make reset`.")
    config = write_config(directory, port=port)
    command = [str(python_of(home)), "-m", "trytond.cli", "-c", str(config), "-d", DATABASE]
    return command, secret, log


def _demand_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise TrytonSetupError(f"port {port} is taken. Stop what listens there, or set TRYTON_PORT.") from error


def _wait_until_ready(server: Server, *, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise TrytonSetupError(f"the server ended at once; the reason is at the end of {log}.")
        if is_ready(server.base_url, rest_key=server.secret["rest_key"]):
            return
        time.sleep(0.1)
    raise TrytonSetupError(f"the server did not answer within {START_WITHIN_S} s; see {log}.")
