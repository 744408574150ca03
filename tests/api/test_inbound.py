"""The inbound door: forged and stale is refused, everything else is stored once before it is answered."""

import base64
import json
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from standardwebhooks import Webhook

from apps.api.v1 import inbound
from apps.connectors import registry
from apps.connectors.models import ConnectedSystem
from apps.events.models import InboxEvent

pytestmark = pytest.mark.django_db
DOOR = "/api/v1/inbound/tax/"


@pytest.fixture
def secret(secrets_folder: Path) -> Iterator[str]:
    """The tax engine, connected, with a secret of its own."""
    registry.forget_all()
    inbound._known.clear()
    found = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    file = Path(settings.SECRETS_FOLDER) / "tax.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    # The sandbox of this run may know another one: it is put back afterwards.
    shared = file.read_bytes() if file.exists() else None
    file.write_text(json.dumps({"secret": found, "previous_secret": None}))
    ConnectedSystem.objects.create(
        code="tax", name="Tax engine", vendor="webhooks", base_url="http://127.0.0.1:8100/events/tax", secret_ref="tax"
    )
    yield found
    if shared is None:
        file.unlink()
    else:
        file.write_bytes(shared)
    registry.forget_all()
    inbound._known.clear()


def _body(**changes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "tax",
        "type": "tax.determined",
        "subject": "account:ACC-1",
        "time": datetime.now(UTC).isoformat(),
        "data": {"code": "DE19"},
    }
    return json.dumps(event | changes).encode()


def _send(client: Client, secret: str, body: bytes, *, at: datetime | None = None, **headers: str):
    at, number = at or datetime.now(UTC), f"msg_{uuid.uuid4().hex}"
    signed = {
        "webhook-id": number,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(number, at, body.decode("utf-8", "surrogateescape")),
    }
    return client.post(DOOR, body, content_type="application/json", headers=signed | headers)


def test_a_signed_event_is_stored_before_it_is_answered(client: Client, secret: str) -> None:
    answer = _send(client, secret, _body(), **{"X-Correlation-ID": "story-0001"})

    event = InboxEvent.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "duplicates": 0, "correlation_id": "story-0001"}
    assert (event.system, event.state, event.correlation_id) == ("tax", "received", "story-0001")


def test_sending_again_changes_nothing_and_is_welcome(client: Client, secret: str) -> None:
    body = _body()
    _send(client, secret, body)

    answer = _send(client, secret, body)

    assert (answer.status_code, answer.json()["accepted"], answer.json()["duplicates"]) == (202, 0, 1)
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize(
    "headers", [{"webhook-signature": "v1,Zm9yZ2Vk"}, {"webhook-signature": ""}, {"webhook-id": "other"}]
)
def test_a_forged_event_is_refused_without_a_hint(client: Client, secret: str, headers: dict[str, str]) -> None:
    answer = _send(client, secret, _body(), **headers)

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "The signature is missing, wrong or too old."
    assert InboxEvent.objects.count() == 0


def test_a_replay_of_an_old_request_is_refused(client: Client, secret: str) -> None:
    assert _send(client, secret, _body(), at=datetime.now(UTC) - timedelta(minutes=6)).status_code == 401
    assert InboxEvent.objects.count() == 0


def test_the_secret_before_the_last_change_still_opens(client: Client, secret: str) -> None:
    fresh = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    file = Path(settings.SECRETS_FOLDER) / "tax.json"
    file.write_text(json.dumps({"secret": fresh, "previous_secret": secret}))
    registry.forget_all()

    assert _send(client, secret, _body()).status_code == 202
    assert _send(client, fresh, _body()).status_code == 202


@pytest.mark.parametrize("body", [b"not json", b"[[[[", b"{\xff}", b"[" * 5000, b"", b"null", b"42"])
def test_a_signed_body_nobody_can_read_is_never_lost(client: Client, secret: str, body: bytes) -> None:
    answer = client.post(DOOR, body, content_type="application/json", headers=_signature(secret, body))

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert bytes(InboxEvent.objects.get().body) == body


def test_ids_the_database_cannot_hold_are_replaced_and_the_event_kept(client: Client, secret: str) -> None:
    for subject in ("nul\x00", "x" * 500, "lone \ud800 surrogate"):
        assert _send(client, secret, _body(subject=subject, id=subject)).status_code == 202

    assert InboxEvent.objects.count() == 3


def test_more_than_ten_megabytes_are_refused(client: Client, secret: str) -> None:
    answer = _send(client, secret, b"x" * (inbound.LIMIT_BYTES + 1))

    assert answer.status_code == 413
    assert answer.json()["correlation_id"]


@pytest.mark.parametrize("system", ["nobody", "off"])
def test_a_system_that_is_not_connected_has_no_door(client: Client, secret: str, system: str) -> None:
    ConnectedSystem.objects.create(
        code="off", name="Off", vendor="webhooks", base_url="http://x", secret_ref="off", enabled=False
    )

    answer = client.post(f"/api/v1/inbound/{system}/", b"{}", content_type="application/json")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_events_are_sent_by_post(client: Client, secret: str) -> None:
    answer = client.get(DOOR)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_system_without_its_secret_is_asked_to_come_again(client: Client, secret: str) -> None:
    (Path(settings.SECRETS_FOLDER) / "tax.json").rename(Path(settings.SECRETS_FOLDER) / "tax.gone")
    registry.forget_all()
    try:
        answer = _send(client, secret, _body())
    finally:
        (Path(settings.SECRETS_FOLDER) / "tax.gone").rename(Path(settings.SECRETS_FOLDER) / "tax.json")

    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "secrets" not in answer.content.decode()


def test_while_the_database_is_away_nothing_is_acknowledged(
    client: Client, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(requests: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("apps.events.inbox.accept_all", away)
    monkeypatch.setattr(inbound.connection, "close", lambda: None)

    answer = _send(client, secret, _body())

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "server closed" not in answer.content.decode()


def test_one_set_answers_each_request_by_itself(secret: str) -> None:
    good, again = _body(), _body()
    calls = [
        inbound.Call("tax", DOOR, _signature(secret, good), good, "story-good"),
        inbound.Call("tax", DOOR, {}, good, "story-forged"),
        inbound.Call("nobody", "/api/v1/inbound/nobody/", {}, good, "story-lost"),
        inbound.Call("tax", DOOR, _signature(secret, again), again, "story-more"),
        inbound.Call("tax", DOOR, _signature(secret, good), good, "story-same"),
    ]

    replies = inbound.take_in(calls)

    assert [reply.status for reply in replies] == [202, 401, 404, 202, 202]
    assert [reply.body.get("accepted") for reply in replies] == [1, None, None, 1, 0]
    assert [reply.body["correlation_id"] for reply in replies] == [call.story for call in calls]


def _signature(secret: str, body: bytes) -> dict[str, str]:
    import hashlib
    import hmac

    at, number = str(int(datetime.now(UTC).timestamp())), f"msg_{uuid.uuid4().hex}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": number,
        "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
