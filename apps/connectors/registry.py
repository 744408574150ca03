"""Which connector serves which vendor, and the connectors this process has made."""

import threading
import time
from dataclasses import dataclass
from importlib import import_module

from apps.connectors.base import Connector, SystemFacts
from apps.connectors.http import Door
from apps.connectors.models import ConnectedSystem
from apps.connectors.redaction import Redactor
from apps.connectors.secrets import secret, secret_stamp
from apps.core.errors import Misconfigured
from apps.governance.value_names import Names, names_in

# Adding a vendor is a folder and one line here. Imported on first use.
CONNECTORS = {
    "hubspot": "apps.connectors.hubspot.connector.HubSpotConnector",
    "netsuite": "apps.connectors.netsuite.connector.NetSuiteConnector",
    "tryton": "apps.connectors.tryton.connector.TrytonConnector",
    "webhooks": "apps.connectors.webhooks.connector.WebhooksConnector",
}
CHECK_EVERY_S = 1.0


@dataclass(slots=True)
class _Made:
    connector: Connector
    version: int
    stamp: int
    names: Names
    checked_at: float


_made: dict[str, _Made] = {}
_lock = threading.Lock()


def connector_for(code: str) -> Connector:
    """The connector of a connected system, made once per process and made anew when its row, its secret or its names changed.

    Looks at the row at most once a second, so call it once per batch and from synchronous code.
    Raises Misconfigured when the system, its vendor or its secret is not there.
    """
    found = _made.get(code)
    if found is not None and time.monotonic() - found.checked_at < CHECK_EVERY_S:
        return found.connector
    system = ConnectedSystem.objects.filter(code=code).first()
    if system is None:
        raise Misconfigured(
            f"There is no connected system {code!r}. Add it under Connected systems.", code="crosswalk_missing"
        )
    return connector_of(system)


def connector_of(system: ConnectedSystem) -> Connector:
    """As `connector_for`, for a row already at hand."""
    with _lock:
        found = _made.get(system.code)
        stamp, names = secret_stamp(system), names_in(system.code)
        if found is None or (found.version, found.stamp, found.names) != (system.version, stamp, names):
            found = _Made(make(system, names=names), system.version, stamp, names, 0.0)
            _made[system.code] = found
        found.checked_at = time.monotonic()
        return found.connector


def make(system: ConnectedSystem, *, names: Names | None = None) -> Connector:
    """A fresh connector for `system`, with its own door."""
    facts = SystemFacts(
        code=system.code,
        vendor=system.vendor,
        base_url=system.base_url.rstrip("/"),
        # The row's own limits hold, whatever the settings say.
        settings={
            **system.settings,
            "max_concurrency": system.max_concurrency,
            "timeout_s": system.timeout_s,
            "max_in_flight_s": system.max_in_flight_s,
        },
        secret=secret(system),
        names=names_in(system.code) if names is None else names,
    )
    door = Door(
        base_url=system.base_url,
        redact=Redactor(facts.secret),
        timeout_s=system.timeout_s,
        also_allowed=system.settings.get("also_allowed_urls", ()),
    )
    return connector_class(system.vendor)(facts, door)


def connector_class(vendor: str) -> type[Connector]:
    """The class that serves `vendor`; raises Misconfigured, listing those there are."""
    try:
        module, _, name = CONNECTORS[vendor].rpartition(".")
    except KeyError:
        raise Misconfigured(
            f"No connector serves the vendor {vendor!r}; there are {', '.join(sorted(CONNECTORS))}.",
            code="permission_denied",
        ) from None
    found: type[Connector] = getattr(import_module(module), name)
    return found


def forget_all() -> None:
    """Drop every connector of this process; the next call makes them anew."""
    with _lock:
        _made.clear()
