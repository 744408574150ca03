"""Blocker: one reason why something may not go ahead, in words for the person who can change it."""

from dataclasses import dataclass

from apps.core.money import Money


@dataclass(frozen=True, slots=True)
class Blocker:
    """What stands in the way.

    kind:   a row of the case catalogue.
    code:   a finer word for the cause, so that different causes of one kind form different groups.
    field:  the canonical field at fault; `amount` the money it is about, where there is any.
    """

    kind: str
    message: str
    field: str = ""
    amount: Money | None = None
    code: str = ""
