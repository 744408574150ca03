"""The sandbox as the tests meet it: one process for all, emptied before each test, and an ear for its webhooks."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.process import SandboxProcess, settings_document


class Ear:
    """Tieout's stand-in: keeps what it is told, answers as it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 202
        ear = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if ear.status < 300:
                    ear.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(ear.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def targets(self) -> dict[str, str]:
        return {code: f"{self.base}/api/v1/inbound/{code}/" for code in ("hubspot", "psa")}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def until(true: Callable[[], Any], *, within_s: float = 5) -> Any:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="session")
def _ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


@pytest.fixture(scope="session")
def _process(tmp_path_factory: pytest.TempPathFactory, _ear: Ear) -> Iterator[SandboxProcess]:
    folder = tmp_path_factory.mktemp("sandbox")
    process = SandboxProcess(folder, settings_document(folder, targets=_ear.targets()))
    yield process
    process.stop()


@pytest.fixture
def ear(_ear: Ear) -> Ear:
    _ear.heard.clear()
    _ear.status = 202
    return _ear


@pytest.fixture
def sandbox(_process: SandboxProcess, ear: Ear) -> SandboxProcess:
    _process.control("POST", "reset")
    ear.heard.clear()
    return _process


@pytest.fixture
def own_sandbox(tmp_path: Path, ear: Ear) -> Iterator[Callable[..., SandboxProcess]]:
    """Processes of the test's own, with settings of its own: may be killed."""
    started: list[SandboxProcess] = []

    def start(**more: Any) -> SandboxProcess:
        process = SandboxProcess(tmp_path, settings_document(tmp_path, targets=ear.targets(), **more))
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()
