"""The side menu: one table of what leads where and who sees it."""

from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse

from apps.access.policy import may


class Entry(NamedTuple):
    """One line of the menu. `needs` is a permission; empty means everybody who has signed in."""

    label: str
    view: str
    icon: str
    needs: str = ""


class Link(NamedTuple):
    """An entry as this person sees it on this page."""

    label: str
    url: str
    icon: str
    current: bool


MENU: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Operate",
        (
            Entry("Exceptions", "workbench:cases", "exclamation-triangle", "cases.view"),
            Entry("Jobs", "workbench:jobs", "queue-list", "replay.bulk"),
            Entry("Activations", "workbench:activations", "check-badge", "approvals.view"),
            Entry("Projects", "workbench:projects", "folder", "projects.view"),
        ),
    ),
    (
        "Observe",
        (
            Entry("Traces", "workbench:trace_find", "arrows-right-left", "timeline.view"),
            Entry("Connectors", "workbench:connectors", "signal", "connectors.view"),
        ),
    ),
    (
        "Govern",
        (
            Entry("System of record", "workbench:rules", "scale", "rules.view"),
            Entry("Administration", "admin:index", "cog-6-tooth", "staff"),
            Entry("Style guide", "workbench:styleguide", "swatch", "staff"),
        ),
    ),
)


def menu_for(request: HttpRequest) -> list[tuple[str, list[Link]]]:
    """The groups of the menu with the links this person may follow; empty groups are left out."""
    groups = ((title, [_link(entry, request) for entry in entries if _sees(entry, request)]) for title, entries in MENU)
    return [(title, links) for title, links in groups if links]


def _sees(entry: Entry, request: HttpRequest) -> bool:
    if entry.needs == "staff":
        return bool(request.user.is_staff)
    return not entry.needs or may(request.user, entry.needs)


def _link(entry: Entry, request: HttpRequest) -> Link:
    url = reverse(entry.view)
    return Link(entry.label, url, entry.icon, current=request.path.startswith(url))
