"""What must hold before anything is started: one line with the mend when it does not."""

import os
import shutil
import socket
from pathlib import Path

from config.launcher.errors import CannotStartError

NEEDED_MB = 500


def check_ports(ports: dict[str, int]) -> None:
    """Every port is free, and no two are the same. `ports`: environment variable → number."""
    owner: dict[int, str] = {}
    for name, port in ports.items():
        other = owner.setdefault(port, name)
        if other != name:
            raise CannotStartError(f"{name} and {other} are both {port}. Give one of them another number.")
        _check_port(name, port=port)


def check_disk(home: Path) -> None:
    """There is room for a database that grows."""
    free_mb = shutil.disk_usage(home).free // 1_000_000
    if free_mb < NEEDED_MB:
        raise CannotStartError(
            f"only {free_mb} MB are free for {home}, {NEEDED_MB} are needed. Free some, or set TIEOUT_HOME to another disk."
        )


def check_folder(home: Path) -> None:
    """The run-time folder can be made and written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStartError(
            f"{home} cannot be made ({error.strerror}). Set TIEOUT_HOME to a folder of yours."
        ) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise CannotStartError(f"{home} cannot be written. Set TIEOUT_HOME to a folder of yours.")


def _check_port(name: str, *, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise CannotStartError(
                f"port {port} needs root rights. Choose another one: make run {name}=8000"
            ) from error
        except OSError as error:
            raise CannotStartError(
                f"port {port} is taken by another program. Stop that one, or choose another port: "
                f"make run {name}={_another(port)}"
            ) from error


def _another(port: int) -> int:
    return port + 1000 if port < 60_000 else 8000
