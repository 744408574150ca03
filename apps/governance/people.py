"""Who stands behind an actor: rules and approvals are decided by people with an account, never by a saga."""

from apps.access.models import User
from apps.core.actor import Actor


def person_behind(by: Actor) -> User | None:
    """The active account of a person; None for sagas, systems and accounts that are switched off."""
    if by.kind != "person":
        return None
    return User.objects.filter(username=by.name, is_active=True).first()
