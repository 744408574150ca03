"""May this user see, do, approve this? One answer for screens, API and actions."""

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from apps.access.errors import NotAllowed
from apps.access.models import EVERY_ENTITY, User
from apps.access.roles import approves_as, permissions_of

M = TypeVar("M", bound=Model)
Anyone = User | AnonymousUser


def may(user: Anyone, permission: str, *, entity: str | None = None) -> bool:
    """Whether `user` has `permission`, and for `entity` when one is named.

    An empty `entity` means "of no entity yet": only those who work for all entities may touch that.
    """
    if not isinstance(user, User) or not user.is_active:
        return False
    if permission not in permissions_of(user.roles):
        return False
    return entity is None or works_for(user, entity)


def require(user: Anyone, permission: str, *, entity: str | None = None) -> None:
    """Raise NotAllowed, in words fit for the person, unless `may`."""
    if not may(user, permission, entity=entity):
        where = f" for {entity}" if entity else ""
        raise NotAllowed(f"{user} may not do this{where} ({permission}). Ask an admin for a role that may.")


def entities(user: Anyone) -> frozenset[str] | None:
    """The legal entities a user works for; None means all of them."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    return None if EVERY_ENTITY in user.entities else frozenset(user.entities)


def works_for(user: Anyone, entity: str) -> bool:
    """Whether `entity` lies within the user's scope."""
    scope = entities(user)
    return scope is None or entity in scope


def for_user(rows: QuerySet[M], user: Anyone, *, field: str = "entity") -> QuerySet[M]:
    """Only the rows of the user's entities; `field` names the column with the entity's code."""
    scope = entities(user)
    if scope is None:
        return rows
    lookup: dict[str, Any] = {f"{field}__in": sorted(scope - {""})}
    return rows.filter(**lookup)


def may_approve(user: Anyone, *, role: str, entity: str) -> bool:
    """Whether `user` may decide what waits for `role` in `entity`. Who asked is the caller's check."""
    return isinstance(user, User) and may(user, "approvals.decide", entity=entity) and role in approves_as(user.roles)
