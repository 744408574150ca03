"""A trace as a picture: one lane per kind of system, one mark per step, gaps cut short. Pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.workbench.trace_page import GAP_S, LANES, Entry

WIDTH = 1000
LEFT = 76
RIGHT = 16
LANE_HEIGHT = 34
TOP = 14
MARK_HEIGHT = 12
MARK_WIDTH = 6
# A gap takes this share of the picture, however long it was.
GAP_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Mark:
    """One step in its lane, as a bar as long as it took and never too thin to see."""

    left: float
    top: float
    width: float
    tone: str
    height: int = MARK_HEIGHT


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane with its middle."""

    name: str
    y: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a long silence was cut short."""

    x: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What the template draws."""

    lanes: Sequence[Lane]
    marks: Sequence[Mark]
    cuts: Sequence[Cut]
    height: float
    width: int = WIDTH
    left: int = LEFT

    @property
    def right(self) -> int:
        """Where the lanes end."""
        return self.width - RIGHT


def picture_of(entries: Sequence[Entry]) -> Picture:
    """The picture of at least one entry, in order of time."""
    names = [name for name in LANES if any(entry.lane == name for entry in entries)]
    middles = {name: TOP + LANE_HEIGHT * (place + 0.5) for place, name in enumerate(names)}
    places, cuts = _places(entries)
    scale = _scale(entries, cuts)
    marks = [
        Mark(
            left=round(x, 1),
            top=middles[entry.lane] - MARK_HEIGHT / 2,
            width=round(max(MARK_WIDTH, min(_length(entry) * scale, WIDTH - RIGHT - x)), 1),
            tone=entry.tone,
        )
        for entry, x in zip(entries, places, strict=True)
    ]
    lanes = [Lane(name, middles[name]) for name in names]
    return Picture(lanes, marks, cuts, height=TOP * 2 + LANE_HEIGHT * len(names))


def summary_of(entries: Sequence[Entry]) -> str:
    """One sentence for those who do not see the picture."""
    bad = sum(1 for entry in entries if entry.tone == "danger")
    lanes = ", ".join(name for name in LANES if any(entry.lane == name for entry in entries))
    failed = f"{bad} of them failed" if bad else "none failed"
    return f"{len(entries)} steps across {lanes}; {failed}. The table below says the same in words."


def _length(entry: Entry) -> float:
    # A call is as long as it took; everything else happened at an instant.
    return entry.took_s or 0 if entry.kind == "attempt" else 0


def _room(cuts: int) -> float:
    """The part of the width that is for time which passed with something happening."""
    return (WIDTH - LEFT - RIGHT) * max(0.2, 1 - GAP_SHARE * cuts)


def _busy_s(entries: Sequence[Entry]) -> float:
    total = (entries[-1].at - entries[0].at).total_seconds()
    return max(0.001, total - sum(entry.gap_s or 0 for entry in entries))


def _scale(entries: Sequence[Entry], cuts: Sequence[Cut]) -> float:
    return _room(len(cuts)) / _busy_s(entries)


def _places(entries: Sequence[Entry]) -> tuple[list[float], list[Cut]]:
    gaps = sum(1 for entry in entries if (entry.gap_s or 0) >= GAP_S)
    scale = _room(gaps) / _busy_s(entries)
    width_of_gap = (WIDTH - LEFT - RIGHT - _room(gaps)) / gaps if gaps else 0
    places: list[float] = []
    cuts: list[Cut] = []
    x, before = float(LEFT), None
    for entry in entries:
        x += _step(entry, before, scale, width_of_gap)
        if entry.gap_s:
            cuts.append(Cut(round(x - width_of_gap / 2, 1), entry.gap_s))
        places.append(x)
        before = entry.at
    return places, cuts


def _step(entry: Entry, before: datetime | None, scale: float, width_of_gap: float) -> float:
    if before is None:
        return 0
    return width_of_gap if entry.gap_s else (entry.at - before).total_seconds() * scale
