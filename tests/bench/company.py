"""The company of the benchmark: the demo's, with limits that do not bind and invoices nobody has to approve."""

import json
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.management import call_command

from apps.connectors import registry
from apps.connectors.base import Request
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.events import inbox
from apps.governance.models import ApprovalPolicy
from apps.processes.demo import deals, estate
from tests.bench.place import Place

NOWHERE = "http://127.0.0.1:1"
# NetSuite is what binds at 100 ms: its most calls in flight is what an account with a few extra licences has.
NETSUITE_CONCURRENCY = 25
CONCURRENCY = 100
PORTAL = 62515
# The address the CRM was given and signs; requests may reach us by another.
HUBSPOT_DOOR = f"{NOWHERE}/api/v1/inbound/hubspot/"


def found(*, sandbox_url: str) -> None:
    """Masters, systems, policies. Rates are raised so far that they do not bind; concurrency as said above."""
    call_command("masters", verbosity=0)
    estate.connect_systems(sandbox_url=sandbox_url, tryton_url=f"{NOWHERE}/erp", public_url=NOWHERE)
    ConnectedSystem.objects.update(
        rate_per_s=1_000_000, burst=1_000_000, max_concurrency=CONCURRENCY, poll_every_s=None
    )
    ConnectedSystem.objects.filter(code="netsuite").update(max_concurrency=NETSUITE_CONCURRENCY)
    ConnectedSystem.objects.filter(code="tryton").update(enabled=False)
    ApprovalPolicy.objects.filter(kind__in=("billing_method", "activation", "invoice")).update(role="")


def win_deals(place: Place, *, count: int) -> list[str]:
    """Deals won in the CRM, of one customer and one milestone each; their webhooks have not arrived yet."""
    return [str(place.tell_sandbox("hubspot/won", _deal())["deal_id"]) for _ in range(count)]


def hear_of_deals(refs: Sequence[str]) -> int:
    """Accept the CRM's webhooks about these deals, a hundred events to a body as it sends them."""
    heard = 0
    for first in range(0, len(refs), 100):
        body = json.dumps([webhook_event(ref) for ref in refs[first : first + 100]]).encode()
        heard += inbox.accept(registry.connector_for("hubspot").split(_posted(body)), system="hubspot")
    return heard


def hear_of_milestones(projects: Sequence[str]) -> int:
    """Accept the PSA's word that the first milestone of each project is achieved."""
    connector = registry.connector_for("psa")
    raws = [raw for project in projects for raw in connector.split(_posted(_achieved(project)))]
    return inbox.accept(raws, system="psa")


def webhook_event(ref: str) -> dict[str, Any]:
    """What the CRM tells of a deal that was won."""
    return {
        "eventId": uuid.uuid4().int >> 76,
        "subscriptionId": 2,
        "portalId": PORTAL,
        "occurredAt": int(clock.now().timestamp() * 1000),
        "subscriptionType": "deal.propertyChange",
        "objectId": int(ref),
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
        "changeSource": "CRM",
    }


def _achieved(project: str) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "/psa",
            "type": "com.tieout.milestone.achieved",
            "time": clock.now().isoformat(),
            "data": {
                "project_id": project,
                "milestone_code": "M1",
                "achieved_on": clock.today("UTC").isoformat(),
                "evidence": "Acceptance protocol signed",
            },
        }
    ).encode()


def _posted(body: bytes) -> Request:
    return Request("POST", NOWHERE, {}, body)


def _deal() -> dict[str, Any]:
    number = uuid.uuid4().hex[:12]
    buyer = {**deals.COMPANIES["nimbus"], "name": f"Nimbus {number}", "domain": f"{number}.example", "tax_id": ""}
    lines = deals.line(
        "US-01",
        "IMPLEMENTATION",
        [("M1", "Design", "1000.00")],
        first_due=clock.today("America/New_York") + timedelta(days=7),
    )
    return deals.deal(
        f"Deal {number}", company=buyer, currency="USD", lines=lines, starts_on=clock.today("America/New_York")
    )
