"""Fixtures: the sandbox vendors as a process of their own, with the secrets both sides share."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from config.launcher import answers, secrets

START_TIMEOUT_S = 30


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where it is, and its control door."""

    base_url: str
    ledger_file: Path
    secrets_folder: Path

    def url(self, system: str) -> str:
        """Base address of a pretended system, as ConnectedSystem.base_url wants it."""
        return f"{self.base_url}/{system}" if system in {"hubspot", "netsuite"} else f"{self.base_url}/events/{system}"

    def ask(self, path: str) -> Any:
        """GET of the control door, like `ledger?vendor=netsuite&kind=invoice`."""
        return _json(urllib.request.Request(f"{self.base_url}/_control/{path}"))

    def tell(self, path: str, *, method: str = "POST", **body: Any) -> Any:
        """POST to the control door, like tell("faults", vendor="netsuite", ...)."""
        request = urllib.request.Request(
            f"{self.base_url}/_control/{path}", method=method, data=json.dumps(body).encode()
        )
        request.add_header("Content-Type", "application/json")
        return _json(request)


@pytest.fixture(scope="session")
def secrets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fresh secrets of every connected system; the connectors read them here."""
    folder = tmp_path_factory.mktemp("secrets")
    secrets.make_secrets(folder)
    settings.SECRETS_FOLDER = folder
    return folder


@pytest.fixture(scope="session")
def sandbox_targets() -> dict[str, str]:
    """Where the sandbox calls back: system code → address. A package of tests with a live server overrides this."""
    return {}


@pytest.fixture(scope="session")
def sandbox_process(
    tmp_path_factory: pytest.TempPathFactory, secrets_folder: Path, sandbox_targets: dict[str, str]
) -> Iterator[Sandbox]:
    """The sandbox on a free port, for the whole run."""
    folder = tmp_path_factory.mktemp("sandbox")
    ledger = folder / "ledger.jsonl"
    config = secrets.write_sandbox_config(
        folder / "sandbox.json", folder=secrets_folder, ledger=ledger, targets=sandbox_targets
    )
    command = [sys.executable, "-m", "apps.sandbox", "--port", "0", "--config", str(config)]
    with (folder / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=settings.REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        base_url = f"http://{line.strip().rpartition('http://')[2]}"
        _wait_until_ready(base_url, log=folder / "sandbox.log")
        yield Sandbox(base_url, ledger, secrets_folder)
    finally:
        process.terminate()
        process.wait(timeout=START_TIMEOUT_S)
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox with an empty ledger and no faults."""
    sandbox_process.tell("reset")
    return sandbox_process


def _wait_until_ready(base_url: str, *, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while answers.status(f"{base_url}/health") != 200:
        assert time.monotonic() < deadline, f"the sandbox did not start: {log.read_text()}"
        time.sleep(0.05)


def _json(request: urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(f"{request.full_url} answered {error.code}: {error.read().decode()}") from error
