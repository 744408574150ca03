"""Where a person lands, and finding an object by any id."""

import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.workbench.screen import screen

_CASE = re.compile(r"(?:EXC-)?(\d{1,9})\Z", re.IGNORECASE)


@screen()
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's work starts at the queue, where each sees what their role and entities allow."""
    return redirect("workbench:cases")


@screen(needs="cases.view")
def search(request: HttpRequest) -> HttpResponse:
    """A case number leads to its case; any other id to the cases that have to do with it."""
    words = request.GET.get("q", "").strip()
    if found := _CASE.match(words):
        return redirect("workbench:case", number=int(found[1]))
    query = f"?{urlencode({'q': words, 'view': 'all'})}" if words else ""
    return redirect(reverse("workbench:cases") + query)
