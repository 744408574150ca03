"""Which of HubSpot's events concern us, and how its requests are proved and taken apart."""

import json
from pathlib import Path

import pytest

from apps.canonical.events import ACCOUNT_CHANGED, OPPORTUNITY_CHANGED
from apps.connectors.base import Request
from apps.connectors.hubspot import webhook
from apps.connectors.hubspot.events import to_envelope
from apps.connectors.hubspot.mapping import names_of
from apps.core import clock
from apps.core.errors import BadInput, Rejected
from tests.connectors.conftest import PUBLIC_URL, a_hubspot_event, hubspot_request

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = names_of({})
SETTINGS = {"app_id": 54321, "portal_id": 62515}


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "event", "subject", "payload"),
    [
        ("deal.propertyChange", OPPORTUNITY_CHANGED, "123", {}),
        ("line_item.propertyChange", OPPORTUNITY_CHANGED, "line_item:77", {}),
        ("company.propertyChange", ACCOUNT_CHANGED, "88", {}),
        ("deal.deletion", OPPORTUNITY_CHANGED, "123", {"deleted": True}),
    ],
)
def test_a_change_that_matters_is_an_event(name: str, event: str, subject: str, payload: dict[str, bool]):
    found = to_envelope(fixture(name), names=NAMES, settings=SETTINGS)

    assert found is not None
    assert (found.name, found.subject, found.payload) == (event, subject, payload)
    assert found.occurred_at.isoformat() == "2025-11-24T16:00:00+00:00"


def test_our_own_write_back_starts_nothing():
    assert to_envelope(fixture("deal.propertyChange.own_echo"), names=NAMES, settings=SETTINGS) is None
    by_our_app = a_hubspot_event(changeSource="INTEGRATION", sourceId="54321")
    assert to_envelope(json.dumps(by_our_app).encode(), names=NAMES, settings=SETTINGS) is None
    by_another_app = a_hubspot_event(changeSource="INTEGRATION", sourceId="99")
    assert to_envelope(json.dumps(by_another_app).encode(), names=NAMES, settings=SETTINGS) is not None


@pytest.mark.parametrize(
    "more", [{"propertyName": "hs_note"}, {"subscriptionType": "contact.creation"}, {"subscriptionType": "deal.xyz"}]
)
def test_what_does_not_concern_us_is_passed_over(more: dict[str, str]):
    assert to_envelope(json.dumps(a_hubspot_event(**more)).encode(), names=NAMES, settings=SETTINGS) is None


def test_another_portals_event_is_a_case():
    with pytest.raises(BadInput, match="portal 1"):
        to_envelope(json.dumps(a_hubspot_event(portalId=1)).encode(), names=NAMES, settings=SETTINGS)


def test_an_array_is_taken_apart_without_changing_a_byte():
    first, second = b'{"eventId": 1,  "objectId": 5, "subscriptionType": "deal.creation", "x": 1.10}', b'{"objectId":6}'
    request = Request("POST", PUBLIC_URL, {}, b" [ " + first + b" ,\n" + second + b', 7, {"a": "\xc3\xa9"} ] ')

    found = webhook.split(request)

    assert [one.body for one in found] == [first, second, b"7", b'{"a": "\xc3\xa9"}']
    assert [one.subject.partition(":")[0] for one in found] == ["deal", "unknown", "unknown", "unknown"]
    assert found[0].subject == "deal:5"
    assert len({one.external_id for one in found}) == 4


def test_an_event_is_the_same_when_only_its_attempt_differs():
    one, other, third = (
        webhook.split(Request("POST", "", {}, json.dumps([a_hubspot_event(**more)]).encode()))[0]
        for more in ({"attemptNumber": 0}, {"attemptNumber": 3}, {"propertyName": "amount"})
    )

    assert one.external_id == other.external_id
    assert one.external_id != third.external_id


def test_two_secrets_are_good_while_one_replaces_the_other():
    for secret in ("new", "old"):
        webhook.verify(hubspot_request(secret), client_secrets=["new", "old"], public_url=PUBLIC_URL)
    with pytest.raises(Rejected):
        webhook.verify(hubspot_request("older"), client_secrets=["new", "old"], public_url=PUBLIC_URL)


def test_the_address_signed_is_ours_and_not_the_one_the_caller_claims():
    elsewhere = hubspot_request("secret", url="https://evil.example/")
    with pytest.raises(Rejected):
        webhook.verify(elsewhere, client_secrets=["secret"], public_url=PUBLIC_URL)
    encoded = "https://tieout.example/in?to=a%3Ab%2fc%20d"
    signed = hubspot_request("secret", url="https://tieout.example/in?to=a:b/c%20d")
    webhook.verify(signed, client_secrets=["secret"], public_url=encoded)


def test_the_vendors_own_check_agrees_with_ours():
    """An independent computation of the documented rule, base64(HMAC-SHA256(secret, method + uri + body + time))."""
    import base64
    import hashlib
    import hmac

    body, timestamp = b'[{"eventId":1}]', str(int(clock.now().timestamp() * 1000))
    mac = hmac.new(b"secret", digestmod=hashlib.sha256)
    for part in (b"POST", PUBLIC_URL.encode(), body, timestamp.encode()):
        mac.update(part)
    headers = {
        "x-hubspot-signature-v3": base64.b64encode(mac.digest()).decode(),
        "x-hubspot-request-timestamp": timestamp,
    }

    webhook.verify(Request("POST", "", headers, body), client_secrets=["secret"], public_url=PUBLIC_URL)


def test_the_older_signatures_are_not_believed():
    """The vendor's own v1 vector is right and still refused: it carries no time."""
    import hashlib

    secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
    body = (
        b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
        b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
        b'"changeFlag":"NEW","appId":54321}]'
    )
    v1 = hashlib.sha256(secret.encode() + body).hexdigest()
    assert v1 == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"

    with pytest.raises(Rejected) as raised:
        webhook.verify(
            Request("POST", PUBLIC_URL, {"x-hubspot-signature": v1, "x-hubspot-signature-version": "v1"}, body),
            client_secrets=[secret],
            public_url=PUBLIC_URL,
        )
    assert raised.value.code == "signature_missing"
