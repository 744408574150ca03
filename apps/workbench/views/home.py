"""Where a person lands, and finding an object by any id."""

import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.access.roles import Role
from apps.workbench.activation_queue import visible_projects
from apps.workbench.screen import screen, user_of

_LANDING = (
    (Role.FINANCE_OPS, "workbench:cases"),
    (Role.FINANCE_CONTROLLER, "workbench:cases"),
    (Role.DELIVERY_MANAGER, "workbench:activations"),
    (Role.ADMIN, "workbench:connectors"),
    (Role.INTEGRATION_OWNER, "workbench:connectors"),
)
_PROJECT = re.compile(r"PRJ-[0-9A-Z]+\Z", re.IGNORECASE)
_CASE = re.compile(r"(?:EXC-)?(\d{1,9})\Z", re.IGNORECASE)


@screen()
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's work starts where their role acts; with several roles, at the first of `_LANDING`."""
    roles = user_of(request).roles
    return redirect(next((view for role, view in _LANDING if role in roles), "workbench:cases"))


@screen(needs="cases.view")
def search(request: HttpRequest) -> HttpResponse:
    """A case number leads to its case, a project to its page; any other id to the cases that have to do with it."""
    words = request.GET.get("q", "").strip()
    if found := _CASE.match(words):
        return redirect("workbench:case", number=int(found[1]))
    if _PROJECT.match(words) and visible_projects(user_of(request)).filter(pk=words.upper()).exists():
        return redirect("workbench:project", project_id=words.upper())
    query = f"?{urlencode({'q': words, 'view': 'all'})}" if words else ""
    return redirect(reverse("workbench:cases") + query)
