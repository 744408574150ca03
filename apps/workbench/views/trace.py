"""Finding a story by any id, and the story itself."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.workbench.lanes import picture_of, summary_of
from apps.workbench.screen import screen, user_of
from apps.workbench.trace_page import Entry, is_visible, trace_of
from apps.workbench.trace_search import story_of

_CHOICES = (("", "All steps"), ("business", "Business only"), ("errors", "Only what needs a look"))


def _everything(entry: Entry) -> bool:
    return True


_ONLY: dict[str, Callable[[Entry], bool]] = {
    "business": lambda entry: entry.kind in ("state", "decision", "case") or entry.is_bad,
    "errors": lambda entry: entry.is_bad,
}


@screen(needs="timeline.view")
def find(request: HttpRequest) -> HttpResponse:
    """The form; with an id, on to the story it belongs to, or what was not found."""
    words = request.GET.get("q", "").strip()[:200]
    story = story_of(words, user=user_of(request)) if words else ""
    if story and is_visible(story, user=user_of(request)):
        return redirect("workbench:trace", story=story)
    return render(request, "workbench/trace/find.html", {"words": words}, status=404 if words else 200)


@screen(needs="timeline.view")
def trace(request: HttpRequest, story: str) -> HttpResponse:
    """One story: the lanes as a picture, the steps as a table. ``?only=`` narrows the table, never the picture."""
    found = trace_of(story, user=user_of(request))
    if found is None:
        raise Http404(story)
    only = request.GET.get("only", "")
    keeps = _ONLY.get(only, _everything)
    context = {
        "trace": found,
        "entries": [entry for entry in found.entries if keeps(entry)],
        "choices": [(name, label, name == only) for name, label in _CHOICES],
        "picture": picture_of(found.entries),
        "summary": summary_of(found.entries),
    }
    return render(request, "workbench/trace/page.html", context)
