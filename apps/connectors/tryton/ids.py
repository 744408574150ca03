"""Tryton's own ids of what its provisioning made: currencies, taxes, products, terms. Pure look-ups."""

from collections.abc import Mapping
from typing import Any

from apps.core.errors import Misconfigured, Rejected


class Ids:
    """The ``ids`` of the secret file, by our word."""

    def __init__(self, ids: Any) -> None:
        if not isinstance(ids, Mapping):
            raise Misconfigured(
                'Tryton: the secret file holds no "ids". Its provisioning writes them.', code="value_unmapped"
            )
        self._ids = ids

    @property
    def company(self) -> int:
        """The company all calls work in."""
        return self.fixed("company")

    def fixed(self, *path: str) -> int:
        """An id that must be there for anything to work; raises Misconfigured when it is not."""
        found: Any = self._ids
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, int):
            raise Misconfigured(
                f"Tryton: the id of {'.'.join(path)} is not in the secret file. Provision the ERP, or add it.",
                code="value_unmapped",
            )
        return found

    def mapped(self, table: str, value: str, *, field: str) -> int:
        """The id of one of our values; raises Rejected(value_unmapped) naming the field when Tryton has none."""
        found = self._ids.get(table)
        ref = found.get(value) if isinstance(found, Mapping) else None
        if not isinstance(ref, int):
            raise Rejected(
                f"Tryton has no {table.replace('_', ' ')} for {value!r}. Map the value, or choose another.",
                code="value_unmapped",
                field=field,
            )
        return ref

    def check_legal_entity(self, code: str) -> None:
        """Raises Misconfigured when a command for another legal entity was routed here."""
        here = self._ids.get("legal_entity")
        if code and here and code != here:
            raise Misconfigured(
                f"Tryton keeps the books of {here}, not of {code}. Correct the routing of legal entities.",
                code="value_unmapped",
            )
