"""Signed requests for the inbound door, as the systems outside make them."""

import base64
import hmac
import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from apps.core import clock
from apps.core.ids import new_id
from tests.plugins.estate import PROOF


def achievement(project_id: str, code: str, *, event_id: str = "", **said: Any) -> bytes:
    """A CloudEvent of the PSA: a milestone is achieved."""
    return json.dumps({
        "specversion": "1.0", "id": event_id or new_id("E"), "source": "/psa", "type": "com.tieout.milestone.achieved",
        "time": "2026-11-20T09:00:00Z", "data": {"project_id": project_id, "milestone_code": code, **PROOF, **said},
    }).encode()  # fmt: skip


def signed(body: bytes, *, secrets_folder: Path, system: str = "psa") -> dict[str, str]:
    """Headers of a Standard Webhooks request, over these very bytes."""
    secret = json.loads((secrets_folder / f"{system}.json").read_text())["secret"]
    number, at = new_id("msg"), clock.now()
    stamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, b"%b.%b.%b" % (number.encode(), stamp.encode(), body), "sha256")
    return {"webhook-id": number, "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}"}  # fmt: skip


def deliver(client: Client, body: bytes, *, secrets_folder: Path, system: str = "psa") -> Any:
    """POST to the door inside this process; the answer of Django's test client."""
    headers = signed(body, secrets_folder=secrets_folder, system=system)
    return client.post(f"/api/v1/inbound/{system}/", body, content_type="application/cloudevents+json", headers=headers)


def post(base_url: str, body: bytes, *, secrets_folder: Path, system: str = "psa") -> tuple[int, float]:
    """POST over HTTP; status (0: no answer) and seconds it took."""
    address, started = urlsplit(base_url), time.monotonic()
    headers = signed(body, secrets_folder=secrets_folder, system=system)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=15)
    try:
        connection.request(
            "POST", f"/api/v1/inbound/{system}/", body, {"content-type": "application/cloudevents+json", **headers}
        )
        status = connection.getresponse().status
    except OSError:
        status = 0
    finally:
        connection.close()
    return status, time.monotonic() - started
