"""Which object is tied to which; every tie is seen from both ends."""

from collections.abc import Iterable
from typing import Any

from apps.sandbox.hubspot.errors import invalid, not_found
from apps.sandbox.hubspot.schema import ALIASES, ANSWER_KEY, ASSOCIATION_TYPE, OBJECT_TYPE_ID, PRIMARY_TYPE, SINGULAR
from apps.sandbox.ledger import Ledger

_KIND = "_associations"


class Associations:
    """Ties by object; kept in the ledger one by one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ties: dict[tuple[str, str], dict[str, dict[str, None]]] = {}

    def reload(self) -> None:
        self._ties.clear()
        for row in self._ledger.table("hubspot", _KIND).rows.values():
            self._tie(*row["tie"])

    def requested(self, kind: str, asked: Any) -> list[tuple[str, str]]:
        """The inline associations of a create call, checked: known type number, existing other end."""
        if not isinstance(asked, list):
            raise invalid("associations: expected a list")
        ties = []
        for one in asked:
            try:
                number, to_id = one["types"][0]["associationTypeId"], str(one["to"]["id"])
            except (LookupError, TypeError) as error:
                raise invalid("associations: expected [{to: {id}, types: [{associationTypeId}]}]") from error
            to_kind = _kind_of(kind, number)
            if to_kind is None:
                raise invalid(f"No association type {number} starts at {SINGULAR[kind]}")
            self._exists(to_kind, to_id)
            ties.append((to_kind, to_id))
        return ties

    def link(self, kind: str, row_id: str, to_kind: str, to_id: str) -> None:
        """Safe to repeat."""
        if (kind, to_kind) not in ASSOCIATION_TYPE and (to_kind, kind) not in ASSOCIATION_TYPE:
            raise invalid(f"{kind} cannot be associated with {to_kind}")
        self._exists(kind, row_id)
        self._exists(to_kind, to_id)
        if to_id in self.of(kind, row_id, to_kind):
            return
        tie = (kind, row_id, to_kind, to_id)
        self._tie(*tie)
        self._ledger.put("hubspot", _KIND, ":".join(tie), {"tie": tie})

    def unlink(self, kind: str, row_id: str, to_kind: str, to_id: str) -> None:
        for one in ((kind, row_id, to_kind, to_id), (to_kind, to_id, kind, row_id)):
            self._ties.get((one[0], one[1]), {}).get(one[2], {}).pop(one[3], None)
            if self._ledger.get("hubspot", _KIND, ":".join(one)):
                self._ledger.drop("hubspot", _KIND, ":".join(one))

    def of(self, kind: str, row_id: str, to_kind: str) -> list[str]:
        return list(self._ties.get((kind, row_id), {}).get(to_kind, ()))

    def shown(self, kind: str, row_id: str, *, wanted: Iterable[str]) -> dict[str, Any]:
        """The `associations` part of a record, for the types asked that have any."""
        made = {}
        for name in wanted:
            to_kind = ALIASES.get(name.strip().replace(" ", "_").lower())
            if to_kind is None:
                raise invalid(f"Unable to infer object type from: {name}")
            ties = self.of(kind, row_id, to_kind)
            if ties:
                label = f"{SINGULAR[kind]}_to_{SINGULAR[to_kind]}"
                made[ANSWER_KEY[to_kind]] = {"results": [{"id": to_id, "type": label} for to_id in ties]}
        return made

    def results(self, kind: str, row_id: str, to_kind: str) -> list[dict[str, Any]]:
        """One object's ties in the associations API's form."""
        self._exists(kind, row_id)
        number = ASSOCIATION_TYPE.get((kind, to_kind), 0)
        types = [{"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}]
        return [{"toObjectId": int(one), "associationTypes": types} for one in self.of(kind, row_id, to_kind)]

    def _tie(self, kind: str, row_id: str, to_kind: str, to_id: str) -> None:
        self._ties.setdefault((kind, row_id), {}).setdefault(to_kind, {})[to_id] = None
        self._ties.setdefault((to_kind, to_id), {}).setdefault(kind, {})[row_id] = None

    def _exists(self, kind: str, row_id: str) -> None:
        row = self._ledger.get("hubspot", kind, row_id)
        if row is None or row["archived"]:
            raise not_found(kind, row_id)


def created_answer(kind: str, row_id: str, to_kind: str, to_id: str) -> dict[str, Any]:
    return {
        "fromObjectTypeId": OBJECT_TYPE_ID[kind],
        "fromObjectId": int(row_id),
        "toObjectTypeId": OBJECT_TYPE_ID[to_kind],
        "toObjectId": int(to_id),
        "labels": [],
    }


def _kind_of(kind: str, number: Any) -> str | None:
    for table in (ASSOCIATION_TYPE, PRIMARY_TYPE):
        for (start, end), known in table.items():
            if start == kind and str(known) == str(number):
                return end
    return None
