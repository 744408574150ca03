"""The lifecycle in the database: a trigger that refuses a state change no transition lists."""

from collections.abc import Iterable

import pgtrigger
from django.db import models


def listed_moves(pairs: Iterable[tuple[str, str]]) -> pgtrigger.Trigger:
    """A trigger for a model's Meta: `state` changes only along `pairs` (source, target).

    QuerySet.update() and raw SQL go round every rule in Python; not round this one.
    """
    allowed = ", ".join(f"('{source}', '{target}')" for source, target in sorted(set(pairs)))
    return pgtrigger.Trigger(
        name="listed_moves",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("state"),
        condition=pgtrigger.Q(old__state__df=pgtrigger.F("new__state")),
        func=(
            f"IF (OLD.state, NEW.state) NOT IN ({allowed}) THEN "
            "RAISE EXCEPTION 'lifecycle: % may not go from % to %', TG_TABLE_NAME, OLD.state, NEW.state "
            "USING ERRCODE = 'check_violation'; END IF; RETURN NEW;"
        ),
    )


def known_state(states: type[models.TextChoices], *, name: str) -> models.CheckConstraint:
    """A CHECK that `state` is one of the lifecycle's words; `name` must be unique in the database."""
    return models.CheckConstraint(condition=models.Q(state__in=states.values), name=name)
