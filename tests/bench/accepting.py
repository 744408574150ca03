"""(b) How long a webhook waits for its 202 while workers are busy: uvicorn as in `make run`, an open-loop sender."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from tests.bench import company
from tests.bench.place import Place

PER_S = 200
FOR_S = 15
STORIES = 150
# What one web process of `make run` gets.
POOL = "8"
START_TIMEOUT_S = 40


def accept_webhooks(place: Place) -> dict[str, Any]:
    """Send signed webhooks at a fixed rate, whatever the answers, with a consumer and a sender at work on stories."""
    url = place.database("bench_accepting")
    address = f"http://127.0.0.1:{_free_port()}"
    options = ("--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-access-log", "--lifespan", "off")
    web = place.python(
        "uvicorn", "config.asgi:application", *options, DATABASE_URL=url, DATABASE_POOL_SIZE=POOL, PUBLIC_URL=address
    )
    workers = [place.python("tests.bench.worker", kind, DATABASE_URL=url) for kind in ("consume", "send")]
    refs = company.win_deals(place, count=STORIES)
    _wait_until_ready(address)
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    idle = _sent(place, address)
    company.hear_of_deals(refs)
    busy = _sent(place, address)
    place.end(web, *workers)
    return {"per_s": PER_S, "seconds": FOR_S, "idle": idle, "busy": busy}


def _sent(place: Place, address: str) -> dict[str, Any]:
    target = f"{address}/api/v1/inbound/hubspot/"
    secret = json.loads((place.home / "secrets" / "hubspot.json").read_text())["client_secret"]
    sender = place.python(
        "tests.bench.open_loop", target, company.HUBSPOT_DOOR, str(PER_S), str(FOR_S), BENCH_SECRET=secret
    )
    said = sender.communicate()[0]
    place.forget(sender)
    if sender.returncode:
        raise subprocess.CalledProcessError(sender.returncode, "open_loop")
    result: dict[str, Any] = json.loads(said)
    return result


def _wait_until_ready(address: str) -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at:
        try:
            with urllib.request.urlopen(f"{address}/sign-in/", timeout=5):
                return
        except urllib.error.HTTPError:
            return  # any answer will do
        except OSError:
            time.sleep(0.1)
    sys.exit("the web server did not start; see logs/uvicorn.log in the run-time folder")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
