"""The demo company's connected systems and people. Masters are made by `manage.py masters`."""

import secrets as random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.access.models import User
from apps.access.roles import Role
from apps.connectors.models import ConnectedSystem, SystemKind

# The NetSuite sandbox's scripts, as an administrator would deploy and note them.
RESTLET = {"script": "customscript_tieout", "deploy": "customdeploy_tieout"}


@dataclass(frozen=True, slots=True)
class SignIn:
    """One demo account. `password` is empty when the account was there already: only its hash is kept."""

    username: str
    password: str
    what_for: str


PEOPLE: tuple[tuple[str, str, list[str], list[str], str], ...] = (
    ("finance", "Finance operations", [Role.FINANCE_OPS], ["*"], "works the exception queue of all entities"),
    ("finance.de", "Finance operations DE", [Role.FINANCE_OPS], ["DE-01"], "sees DE-01 only"),
    ("controller", "Finance controller", [Role.FINANCE_CONTROLLER], ["*"], "approves billing methods and large invoices"),
    ("delivery", "Delivery manager", [Role.DELIVERY_MANAGER], ["*"], "approves the activation of projects"),
    ("integration", "Integration owner", [Role.INTEGRATION_OWNER], ["*"], "owns mappings; agrees to those that others propose"),
    ("admin", "Administrator", [Role.ADMIN], ["*"], "connects systems and edits rules"),
    ("executive", "Executive", [Role.EXECUTIVE], ["*"], "reads"),
)  # fmt: skip


def connect_systems(*, sandbox_url: str, tryton_url: str, public_url: str) -> int:
    """Connect the demo's systems, or move those there are to these addresses; returns how many. Twice is safe."""
    rows = list(_systems(sandbox_url, tryton_url, public_url))
    with transaction.atomic():
        for row in rows:
            ConnectedSystem.objects.update_or_create(code=row.pop("code"), defaults=row)
    return len(rows)


def hire_people(*, password: str = "") -> list[SignIn]:
    """Make the demo accounts with one fresh password each, or `password` for all. Those there are keep theirs."""
    made = []
    for username, name, roles, entities, what_for in PEOPLE:
        user = User.objects.filter(username=username).first()
        secret = ""
        if user is None:
            secret = password or random.token_urlsafe(12)
            user = User(username=username, display_name=name, roles=roles, entities=entities, time_zone="Europe/Berlin")
            user.is_staff = user.is_superuser = Role.ADMIN in roles
            user.set_password(secret)
            user.save()
        made.append(SignIn(username, secret, what_for))
    return made


def _systems(sandbox: str, tryton: str, public: str) -> Iterator[dict[str, Any]]:
    yield {
        "code": "hubspot",
        "name": "HubSpot",
        "vendor": "hubspot",
        "kind": SystemKind.CRM,
        "base_url": f"{sandbox}/hubspot",
        "secret_ref": "hubspot",
        "settings": {"public_url": f"{public}/api/v1/inbound/hubspot/", "portal_id": 62515, "app_id": 54321},
        # A professional portal bears 190 requests in ten seconds.
        "rate_per_s": 18,
        "burst": 60,
        "max_concurrency": 10,
        "timeout_s": 15,
        "max_in_flight_s": 10,
        "poll_every_s": 30,
    }
    yield {
        "code": "netsuite",
        "name": "NetSuite (US, UK)",
        "vendor": "netsuite",
        "kind": SystemKind.ERP,
        "base_url": f"{sandbox}/netsuite",
        "secret_ref": "netsuite",
        "settings": {
            "restlet": RESTLET,
            "subsidiaries": {"US-01": "1", "UK-01": "2"},
        },
        "rate_per_s": 100,
        "burst": 100,
        "max_concurrency": 15,
        "timeout_s": 20,
        "max_in_flight_s": 20,
        "poll_every_s": 5,
    }
    yield {
        "code": "tryton",
        "name": "Tryton (DE)",
        "vendor": "tryton",
        "kind": SystemKind.ERP,
        "base_url": tryton,
        "secret_ref": "tryton",
        "settings": {},
        "rate_per_s": 20,
        "burst": 20,
        "max_concurrency": 4,
        "timeout_s": 30,
        "max_in_flight_s": 20,
        "poll_every_s": 5,
    }
    for code, name, kind in (
        ("tax", "Tax engine", SystemKind.TAX),
        ("psa", "Professional services automation", SystemKind.PSA),
        ("staffing", "Resource management", SystemKind.OTHER),
        ("documents", "Collaboration and documents", SystemKind.OTHER),
    ):
        yield {
            "code": code,
            "name": name,
            "vendor": "webhooks",
            "kind": kind,
            "base_url": f"{sandbox}/events/{code}",
            "secret_ref": code,
            "settings": {},
            "rate_per_s": 50,
            "burst": 50,
            "max_concurrency": 10,
            "timeout_s": 10,
            "max_in_flight_s": 10,
            "poll_every_s": None,
        }
