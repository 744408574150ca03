"""A process that has loaded Tieout once and forks real worker processes on demand: `python -m tests.faults.forge`.

It speaks JSON lines: {"start": {setting: value}} → {"pid"}, {"wait": pid, "timeout_s"} → {"code"} (null: still alive).
"""

import json
import os
import sys
import time
from typing import Any

import django


def main() -> None:
    """Answer until standard input ends, then end what is left."""
    django.setup()
    _load()
    ours: list[int] = []
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            ours.append(_start(asked["start"]))
            answer: dict[str, Any] = {"pid": ours[-1]}
        else:
            answer = {"code": _code(asked["wait"], asked["timeout_s"])}
            if answer["code"] is not None:
                ours.remove(asked["wait"])
        print(json.dumps(answer), flush=True)
    for pid in ours:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _load() -> None:
    # Whatever a worker needs, so that forking one costs milliseconds; no connection is opened here.
    from apps.connectors.registry import CONNECTORS, connector_class
    from apps.processes import work_off  # noqa: F401

    for vendor in CONNECTORS:
        connector_class(vendor)


def _start(changed: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _work(changed)
        code = 0
    finally:
        os._exit(code)


def _work(changed: dict[str, Any]) -> None:
    """Work off the tables as a worker does, without any bell."""
    from django.conf import settings
    from django.db import InterfaceError, OperationalError, close_old_connections

    from apps.processes import work_off

    for name, value in changed.items():
        setattr(settings, name, value)
    while True:
        try:
            if work_off.drain(budget_s=5) == 0:
                time.sleep(0.02)
        except (OperationalError, InterfaceError):
            close_old_connections()
            time.sleep(0.05)


def _code(pid: int, timeout_s: float) -> int | None:
    ends_at = time.monotonic() + timeout_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > ends_at:
            return None
        time.sleep(0.005)


if __name__ == "__main__":
    main()
