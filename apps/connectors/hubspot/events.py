"""What a stored HubSpot event means to us: an opportunity changed, an account changed, or nothing. Pure."""

from collections.abc import Mapping
from typing import Any

from apps.canonical.codec import load_json_object
from apps.canonical.events import ACCOUNT_CHANGED, OPPORTUNITY_CHANGED, Envelope
from apps.connectors.hubspot.mapping import Names
from apps.connectors.hubspot.webhook import object_type
from apps.connectors.inbound import instant_of_ms
from apps.core.errors import BadInput

# A line item's event does not name its deal: the subject keeps the type, and reading it finds the deal.
_NAMES = {"deal": OPPORTUNITY_CHANGED, "line_item": OPPORTUNITY_CHANGED, "company": ACCOUNT_CHANGED}
_WHOLE_OBJECT = frozenset({"creation", "deletion", "restore", "merge", "associationChange", "poll"})


def to_envelope(body: bytes, *, names: Names, settings: Mapping[str, Any]) -> Envelope | None:
    """The canonical event, None for our own echo, a property nobody watches or an object we do not know.

    Raises BadInput for an event that cannot be read or comes from another portal.
    """
    event = load_json_object(body)
    kind, what, ref = _checked(event, settings)
    if kind not in _NAMES or _is_own_echo(event, names=names, settings=settings):
        return None
    if what == "propertyChange" and event.get("propertyName") not in names.watched[kind]:
        return None
    if what != "propertyChange" and what not in _WHOLE_OBJECT:
        return None
    if (kind, what) == ("line_item", "creation"):
        # It belongs to no deal yet; the association that follows is the deal's own event.
        return None
    return Envelope(
        name=_NAMES[kind],
        subject=f"line_item:{ref}" if kind == "line_item" else ref,
        occurred_at=instant_of_ms(event.get("occurredAt")),
        payload={"deleted": True} if what == "deletion" and kind != "line_item" else {},
    )


def _checked(event: dict[str, Any], settings: Mapping[str, Any]) -> tuple[str, str, str]:
    subscription, ref = event.get("subscriptionType"), event.get("objectId")
    if event.get("subscriptionType") == "deal.associationChange":
        ref = event.get("fromObjectId", ref)
    if not isinstance(subscription, str) or "." not in subscription:
        raise BadInput(
            f"subscriptionType {str(subscription)[:60]!r} is none", path="subscriptionType", mend="Resend the event."
        )
    if isinstance(ref, bool) or not isinstance(ref, int | str) or not str(ref).isascii() or not str(ref).isdigit():
        raise BadInput(
            f"objectId {str(ref)[:60]!r} is not the id of an object", path="objectId", mend="Resend the event."
        )
    portal = settings.get("portal_id")
    if portal is not None and event.get("portalId") is not None and str(event["portalId"]) != str(portal):
        raise BadInput(
            f"the event comes from portal {str(event['portalId'])[:40]}, this system is portal {portal}",
            path="portalId",
            mend="Remove the webhook from that portal, or connect it as a system of its own.",
        )
    return object_type(subscription), subscription.partition(".")[2], str(ref)


def _is_own_echo(event: Mapping[str, Any], *, names: Names, settings: Mapping[str, Any]) -> bool:
    """Our write-back must start nothing: known by the properties we own, and by our app as the source of the change."""
    if event.get("propertyName") in names.write_back.values():
        return True
    app = settings.get("app_id")
    return app is not None and event.get("changeSource") == "INTEGRATION" and str(event.get("sourceId")) == str(app)
