"""Which properties an object type has, and whether a value may stand in one."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from apps.sandbox.hubspot.errors import invalid, invalid_properties, refused
from apps.sandbox.hubspot.schema import SINGULAR, definition, first_properties, stage_facts
from apps.sandbox.ledger import Ledger

_TYPES = ("string", "number", "date", "datetime", "enumeration", "bool")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


class Properties:
    """Definitions by object type: those of the first day plus those made through the API."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.by_kind: dict[str, dict[str, dict[str, Any]]] = {}
        self._unique: dict[str, tuple[str, ...]] = {}
        self.reload()

    def reload(self) -> None:
        self.by_kind = {kind: first_properties(kind) for kind in SINGULAR}
        for row_id, made in self._ledger.table("hubspot", "properties").rows.items():
            self.by_kind[row_id.split("/")[0]][made["name"]] = made
        self._learn_unique()

    def create(self, kind: str, spec: Any) -> dict[str, Any]:
        if not isinstance(spec, dict) or not _NAME.fullmatch(str(spec.get("name", ""))):
            raise invalid("name: lower case letters, digits and underscores, starting with a letter")
        if spec.get("type") not in _TYPES:
            raise invalid(f"type: expected one of {', '.join(_TYPES)}")
        for required in ("label", "fieldType", "groupName"):
            if not spec.get(required):
                raise invalid(f"Some required fields were not set: [{required}]")
        if spec["name"] in self.by_kind[kind]:
            raise refused(409, f"Property '{spec['name']}' already exists", category="CONFLICT")
        unique = bool(spec.get("hasUniqueValue"))
        made = definition(spec["name"], spec["type"], label=spec["label"], group=spec["groupName"], unique=unique)
        made["options"] = spec.get("options") or []
        self.by_kind[kind][made["name"]] = made
        self._learn_unique()
        return self._ledger.put("hubspot", "properties", f"{kind}/{made['name']}", made)

    def unique_names(self, kind: str) -> tuple[str, ...]:
        return self._unique[kind]

    def accept(self, kind: str, given: Any) -> dict[str, str]:
        """The properties as they will be stored, all strings; refuses unknown, read-only and unreadable ones."""
        if not isinstance(given, dict):
            raise invalid("properties: expected an object of name and value")
        known, flaws, taken = self.by_kind[kind], [], {}
        for name, value in given.items():
            made = known.get(name)
            if made is None:
                flaws.append(_flaw(name, "PROPERTY_DOESNT_EXIST", f"Property '{name}' does not exist"))
                continue
            text = "" if value is None else _text(value)
            code = _value_flaw(made, text)
            if code:
                flaws.append(_flaw(name, code, f"'{text[:60]}' is not a valid value for {name} ({code})"))
            taken[name] = text
        if flaws:
            raise invalid_properties(flaws)
        return taken

    def _learn_unique(self) -> None:
        for kind, known in self.by_kind.items():
            self._unique[kind] = tuple(name for name, made in known.items() if made["hasUniqueValue"])


def comparable(type_: str, text: str) -> Any:
    """A stored or searched value in a form that orders rightly; None when it cannot be compared."""
    try:
        if type_ == "number":
            number = Decimal(text)
            return number if number.is_finite() else None
        if type_ in ("date", "datetime"):
            return _epoch_ms(text)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return text.lower()


def _value_flaw(made: dict[str, Any], text: str) -> str:
    if made["modificationMetadata"]["readOnlyValue"]:
        return "READ_ONLY_VALUE"
    if not text:
        return ""
    if made["name"] == "dealstage" and stage_facts(text) is None:
        return "INVALID_OPTION"
    if made["name"] == "pipeline" and text != "default":
        return "INVALID_OPTION"
    if made["options"] and text not in {option.get("value") for option in made["options"]}:
        return "INVALID_OPTION"
    if made["type"] == "number":
        return "INVALID_NUMBER" if comparable("number", text) is None else ""
    if made["type"] in ("date", "datetime") and comparable(made["type"], text) is None:
        return "INVALID_DATE"
    if made["type"] == "bool" and text not in ("true", "false"):
        return "INVALID_BOOLEAN"
    return "VALUE_TOO_LONG" if len(text) > 65_536 else ""


def _flaw(name: str, code: str, message: str) -> dict[str, str]:
    return {"name": name, "code": code, "message": message.replace('"', "'")}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _epoch_ms(text: str) -> int:
    if text.lstrip("-").isdigit():
        return int(text)
    if len(text) == 10:
        day = date.fromisoformat(text)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
