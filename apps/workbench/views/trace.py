"""Finding a story by any id, and the story itself."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.workbench.lanes import picture_of, summary_of
from apps.workbench.screen import screen, user_of
from apps.workbench.trace_page import trace_of
from apps.workbench.trace_search import story_of


@screen(needs="timeline.view")
def find(request: HttpRequest) -> HttpResponse:
    """The form; with an id, on to the story it belongs to, or what was not found."""
    words = request.GET.get("q", "").strip()[:200]
    if words and (story := story_of(words, user=user_of(request))):
        return redirect("workbench:trace", story=story)
    return render(request, "workbench/trace/find.html", {"words": words}, status=404 if words else 200)


@screen(needs="timeline.view")
def trace(request: HttpRequest, story: str) -> HttpResponse:
    """One story: the lanes as a picture, the steps as a table. ``?only=errors`` keeps what needs a look."""
    found = trace_of(story, user=user_of(request))
    if found is None:
        raise Http404(story)
    only_errors = request.GET.get("only") == "errors"
    context = {
        "trace": found,
        "entries": [entry for entry in found.entries if entry.is_bad] if only_errors else found.entries,
        "only_errors": only_errors,
        "picture": picture_of(found.entries),
        "summary": summary_of(found.entries),
    }
    return render(request, "workbench/trace/page.html", context)
