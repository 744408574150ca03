"""StatefulModel: the base of every model whose state is moved by transitions only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from django.db import models
from django_fsm import FSMFieldMixin


class Audited(models.Model):
    """A row whose audit lines form a hash chain; the end of the chain is kept on the row itself.

    The row's lock is therefore the chain's lock, and writing the row writes the end of its chain.
    """

    audit_seq = models.PositiveIntegerField(default=0, editable=False)
    audit_head = models.CharField(max_length=64, default="", editable=False)

    class Meta:
        abstract = True


class StatefulModel(Audited):
    """A row with a protected ``state`` and an optimistic ``version`` that grows with each saved change."""

    # Each model names its own FSMField; its choices are the model's own.
    state: str

    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        """As Django's; a protected field refuses a second assignment, so its old value is forgotten first."""
        for field in self._meta.concrete_fields:
            if isinstance(field, FSMFieldMixin) and (fields is None or field.attname in fields):
                self.__dict__.pop(field.attname, None)
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)


def state_table(model: type[models.Model]) -> list[tuple[str, str, str]]:
    """(source, transition, target) of every transition of `model`, sorted; what tests, triggers and diagrams read."""
    field = model._meta.get_field("state")
    assert isinstance(field, FSMFieldMixin), f"the state of {model.__name__} is moved by transitions"
    return sorted(
        (str(transition.source), transition.name, str(transition.target))
        for transition in field.get_all_transitions(model)
    )
