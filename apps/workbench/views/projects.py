"""The list of projects, and one project with everything that happened to it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from apps.workbench import project_list
from apps.workbench.keyset import page_of
from apps.workbench.project_page import panel_of
from apps.workbench.screen import screen, user_of


@screen(needs="projects.view")
def projects(request: HttpRequest) -> HttpResponse:
    """The list, the newest first."""
    user = user_of(request)
    rows = project_list.listed(user)
    form = project_list.ProjectFilter(request.GET, entities=project_list.entities_of(rows.select_related(None)))
    found = form.narrowed(rows) if form.is_valid() else rows.none()
    page = page_of(found, keys=project_list.ORDER, query=request.GET)
    context = {
        "form": form,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "page": page,
        "lines": project_list.lines(page.rows, user=user),
    }
    return render(request, "workbench/projects/list.html", context, status=422 if form.errors else 200)


@screen(needs="projects.view")
def project(request: HttpRequest, project_id: str) -> HttpResponse:
    """One project."""
    user = user_of(request)
    row = project_list.listed(user).filter(pk=project_id).first()
    if row is None:
        raise Http404(project_id)
    return render(request, "workbench/projects/page.html", {"panel": panel_of(row, user=user)})
