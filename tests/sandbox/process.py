"""A real sandbox process on a free port, and the little that a client of its vendors needs."""

import base64
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from standardwebhooks import Webhook

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "pat-eu1-test"
CLIENT_SECRET = "hubspot-client-secret"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a shared secret of 32 bytes.....").decode()
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = (
    _KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)


def settings_document(folder: Path, *, targets: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "ledger": str(folder / "ledger.jsonl"),
        "hubspot": {
            "portal_id": 62515,
            "app_id": 54321,
            "token": TOKEN,
            "client_secret": CLIENT_SECRET,
            "rate_limits": {"ten_secondly": 0, "search_secondly": 0},
        },
        "netsuite": {
            "account": "7654321",
            "client_id": "client",
            "certificate_id": "certificate",
            "public_key": PUBLIC_PEM,
        },
        "events": {code: {"secret": WEBHOOK_SECRET} for code in ("tax", "psa", "staffing")},
        "targets": targets,
        "webhooks": {"first_retry_s": 0.05, "retry_cap_s": 0.2},
        **more,
    }


class SandboxProcess:
    """One process; may be killed and started again on the same ledger."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.config = folder / "sandbox.json"
        self.config.write_text(json.dumps(document))
        self.session = requests.Session()
        self._bearer = ""
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "apps.sandbox", "--port", "0", "--config", str(self.config)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.base = line.rsplit(" ", 1)[-1].strip()
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.base}/health", timeout=1).ok:
                    return
            except requests.RequestException:
                time.sleep(0.02)
        raise AssertionError("the sandbox did not start")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self._bury()
        self.session.close()
        self.session = requests.Session()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self._bury()
        self.session.close()

    def _bury(self) -> None:
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def hubspot(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return self.session.request(method, f"{self.base}/hubspot{path}", json=body, headers=headers, **more)

    def assertion(
        self, *, audience: str = "", algorithm: str = "PS256", kid: str = "certificate", **claims: Any
    ) -> str:
        now = int(time.time())
        payload = {
            "iss": "client",
            "scope": "rest_webservices,restlets",
            "aud": audience or f"{self.base}/netsuite{TOKEN_PATH}",
            "iat": now,
            "exp": now + 300,
            **claims,
        }
        return jwt.encode(payload, _KEY, algorithm=algorithm, headers={"kid": kid})

    def token_answer(self, assertion: str) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        return self.session.post(f"{self.base}/netsuite{TOKEN_PATH}", data=form)

    def bearer(self) -> str:
        if not self._bearer:
            self._bearer = self.token_answer(self.assertion()).json()["access_token"]
        return self._bearer

    def netsuite(
        self, method: str, path: str, body: Any = None, *, headers: Any = None, **more: Any
    ) -> requests.Response:
        sent = {"authorization": f"Bearer {self.bearer()}", **(headers or {})}
        return self.session.request(method, f"{self.base}/netsuite{path}", json=body, headers=sent, **more)

    def record(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.netsuite(method, f"/services/rest/record/v1/{path}", body, **more)

    def suiteql(self, q: str, *params: Any, query: str = "") -> requests.Response:
        path = f"/services/rest/query/v1/suiteql{query}"
        return self.netsuite("POST", path, {"q": q, "params": list(params)}, headers={"prefer": "transient"})

    def restlet(self, body: Any) -> requests.Response:
        return self.netsuite("POST", "/app/site/hosting/restlet.nl?script=1&deploy=1", body)

    def send_event(
        self, code: str, type_: str, data: Any, *, event_id: str = "", secret: str = WEBHOOK_SECRET, **more: Any
    ) -> requests.Response:
        """A structured CloudEvent, signed by the reference library."""
        event_id = event_id or str(uuid.uuid4())
        event = {"specversion": "1.0", "id": event_id, "source": "urn:test", "type": type_, "data": data, **more}
        body, now = json.dumps(event), dt.datetime.now(dt.UTC)
        headers = {
            "content-type": "application/cloudevents+json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(event_id, now, body),
        }
        return self.session.post(f"{self.base}/events/{code}", data=body, headers=headers)

    def control(self, method: str, path: str, body: Any = None, /, **params: Any) -> Any:
        answer = self.session.request(method, f"{self.base}/_control/{path}", json=body, params=params)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def ledger(self, **params: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control("GET", "ledger", **params)
        return entries

    def a_customer(self, key: str = "ACC-1:US-01", *, subsidiary: str = "1") -> str:
        body = {"companyName": "Contoso", "subsidiary": {"id": subsidiary}, "terms": {"externalId": "NET30"}}
        answer = self.record("PUT", f"customer/eid:{key}", body)
        assert answer.status_code == 204, answer.text
        return answer.headers["Location"].rsplit("/", 1)[-1]

    def a_project(self, key: str = "PRJ-1", *, subsidiary: str = "1") -> str:
        customer = self.a_customer(f"ACC-1:{subsidiary}", subsidiary=subsidiary)
        body = {"companyName": "Roll-out", "parent": {"id": customer}, "subsidiary": {"id": subsidiary}}
        answer = self.record("PUT", f"job/eid:{key}", body)
        assert answer.status_code == 204, answer.text
        return answer.headers["Location"].rsplit("/", 1)[-1]

    def invoice_body(self, *, project: str = "PRJ-1", amount: float = 1000.0, **more: Any) -> dict[str, Any]:
        return {
            "entity": {"externalId": project},
            "item": {"items": [{"item": {"externalId": "ADVISORY"}, "amount": amount, "description": "Kick-off"}]},
            **more,
        }
