"""The generic end of a signed CloudEvents line: takes events in, sends events out, answers tax questions at once."""

from typing import Any

from apps.sandbox import tax
from apps.sandbox.clock import iso_ms, now_ms
from apps.sandbox.emitter import Parcel, encoded
from apps.sandbox.http import Answer, Request, correlation_id, problem
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.settings import EventsSettings
from apps.sandbox.signing import webhook_flaw, webhook_headers

CLOUDEVENT_TYPE = "application/cloudevents+json"
PREFIX = "com.tieout."
_REQUIRED = ("specversion", "id", "source", "type")


class CloudEventEnvelope:
    """One structured CloudEvent per call, signed with Standard Webhooks."""

    size = 1

    def __init__(self, settings: EventsSettings) -> None:
        self._secret = settings.secret

    def pack(self, events: list[dict[str, Any]], *, url: str, attempt: int) -> Parcel:
        (event,) = events
        body = encoded(event)
        headers = webhook_headers(self._secret, message_id=event["id"], now_s=now_ms() // 1000, body=body)
        headers["content-type"] = CLOUDEVENT_TYPE
        return Parcel(body=body, headers=headers)


def new_event(code: str, *, type_: str, data: Any, event_id: str = "", subject: str = "", **more: str) -> Row:
    """A CloudEvent 1.0 from this system."""
    event = {
        "specversion": "1.0",
        "id": event_id or correlation_id(),
        "source": f"https://sandbox.invalid/{code}",
        "type": type_,
        "time": iso_ms(),
        "datacontenttype": "application/json",
        **more,
    }
    if subject:
        event["subject"] = subject
    return {**event, "data": data}


class EventsDoor:
    """One receiving system. An event is stored once by id; its subject is the business key that shows duplicates."""

    def __init__(self, code: str, *, settings: EventsSettings, ledger: Ledger) -> None:
        self._code = code
        self._settings = settings
        self._ledger = ledger
        self._secrets = tuple(filter(None, (settings.secret, settings.previous_secret)))

    def seed(self) -> None:
        """Nothing to know beforehand."""

    def leave(self) -> None:
        """Nothing is held for a call's duration."""

    def failure(self) -> Answer:
        return problem(500, title="Internal error", detail="The receiver failed.", code="internal_error")

    def admit(self, request: Request) -> Answer | None:
        if request.method != "POST":
            return problem(405, title="Method not allowed", detail="Send CloudEvents with POST.", code="method")
        flaw = webhook_flaw(
            self._secrets,
            message_id=request.header(b"webhook-id"),
            timestamp=request.header(b"webhook-timestamp"),
            signatures=request.header(b"webhook-signature"),
            body=request.body,
            now_s=now_ms() // 1000,
        )
        return problem(401, title="Not believed", detail=flaw, code="signature_invalid") if flaw else None

    def answer(self, request: Request) -> Answer:
        event = _read(request)
        if isinstance(event, Answer):
            return event
        kind, event_id = event["type"], event["id"]
        known = self._ledger.get(self._code, kind, event_id)
        reply = known["reply"] if known else None
        if known is None and self._code == "tax":
            quote = tax.reply_data(event, prefix=PREFIX)
            if isinstance(quote, Answer):
                return quote
            if quote is not None:
                reply = new_event("tax", type_=quote[0], data=quote[1], subject=event.get("subject") or event_id)
        subject = event.get("subject")
        row = {"event": event, "reply": reply, "deliveries": (known["deliveries"] if known else 0) + 1}
        self._ledger.put(self._code, kind, event_id, row, business=[subject] if subject else ())
        return Answer(204) if reply is None else self._signed(reply)

    def _signed(self, reply: Row) -> Answer:
        body = encoded(reply)
        headers = webhook_headers(self._settings.secret, message_id=reply["id"], now_s=now_ms() // 1000, body=body)
        made = [(name.encode(), value.encode()) for name, value in headers.items()]
        return Answer(200, body, content_type=CLOUDEVENT_TYPE.encode(), headers=made)


def _read(request: Request) -> Row | Answer:
    if not request.header(b"content-type").startswith(CLOUDEVENT_TYPE):
        detail = f"Send structured CloudEvents: content-type {CLOUDEVENT_TYPE}."
        return problem(415, title="Unsupported media type", detail=detail, code="content_type")
    try:
        event = request.json()
    except ValueError as error:
        return problem(400, title="Unreadable", detail=f"The body is not JSON: {error}", code="body_unreadable")
    missing = [name for name in _REQUIRED if not isinstance(event, dict) or not isinstance(event.get(name), str)]
    if missing:
        detail = f"CloudEvents attribute {missing[0]} is missing or no text."
        return problem(400, title="Not a CloudEvent", detail=detail, code="attribute_missing")
    if event["specversion"] != "1.0":
        return problem(400, title="Not a CloudEvent", detail="specversion must be 1.0.", code="specversion")
    if event["id"] != request.header(b"webhook-id"):
        return problem(400, title="Two ids", detail="webhook-id must be the CloudEvent's id.", code="id_mismatch")
    return event
