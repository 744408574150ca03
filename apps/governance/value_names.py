"""What our values are called in the connected systems: the live value maps, ready for a connector."""

from collections.abc import Mapping

from apps.governance.live import live_rows
from apps.governance.models import ValueMap

# kind (``service_line``, ``currency`` …) → our value → its name there.
Names = Mapping[str, Mapping[str, str]]


def names_in(system: str) -> Names:
    """The live names of one system; one small query, the rows are kept until one of them changes.

    A name for one legal entity alone has the key ``<entity>:<value>`` beside those for all.
    """
    found: dict[str, dict[str, str]] = {}
    for code, entity, kind, source, target in live_rows(ValueMap, _read):
        if code == system:
            found.setdefault(kind, {})[f"{entity}:{source}" if entity else source] = target
    return found


def _read(row: ValueMap) -> tuple[str, str, str, str, str]:
    return row.system, row.entity, row.kind, row.source, row.target
