"""Live rules in memory: read once per process, and again only after one of them changed."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Count, Max, Sum

from apps.governance.rules import GovernedRule
from apps.governance.states import RuleState

R = TypeVar("R", bound=GovernedRule)
T = TypeVar("T")

_kept: dict[type[GovernedRule], tuple[Any, tuple[Any, ...]]] = {}


def live_rows(model: type[R], read: Callable[[R], T]) -> tuple[T, ...]:
    """Every live row of `model`, turned by `read` into what the rule file wants.

    One small query tells whether anything changed: the live rows' number, last change and versions. A change counts
    in every process with the next set it works on; there is no cache to clear.
    """
    stamp = _stamp(model)
    kept = _kept.get(model)
    if kept is None or kept[0] != stamp:
        rows = model._default_manager.filter(state=RuleState.LIVE).order_by("pk")
        kept = _kept[model] = (stamp, tuple(read(row) for row in rows))
    return kept[1]


def _stamp(model: type[GovernedRule]) -> tuple[Any, ...]:
    live = model._default_manager.filter(state=RuleState.LIVE)
    found = live.aggregate(number=Count("pk"), last=Max("updated_at"), versions=Sum("version"), ends=Max("pk"))
    return tuple(found.values())
