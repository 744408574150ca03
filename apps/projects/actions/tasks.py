"""The tasks of a project, made from its template."""

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from apps.audit.work import Work
from apps.core.actor import Actor
from apps.core.ids import new_id
from apps.core.money import split_amount
from apps.projects.models import Project, ProjectTask, ProjectTemplate
from apps.projects.states import TaskState

HeldTasks = dict[str, dict[str, ProjectTask]]
_HUNDREDTH = Decimal("0.01")


def plan_tasks(
    work: Work, plans: Sequence[tuple[Project, ProjectTemplate]], *, by: Actor, held: HeldTasks | None = None
) -> dict[str, list[ProjectTask]]:
    """Project id → its tasks in the template's order: budget by the template's shares, the residue in the last.

    Planned hours are the budget at the template's blended rate, by `hours_share` where a task has one. Planning again
    follows the budget and cancels planned tasks the template no longer has. `held`: what hold_tasks gave for a larger
    set; without it, one query.
    """
    known = held if held is not None else hold_tasks(work, [project.pk for project, _ in plans])
    return {project.pk: _plan(work, project, template, known.get(project.pk, {}), by=by) for project, template in plans}


def task_id(project_id: str, code: str) -> str:
    """The canonical id of a project's task."""
    return new_id("TSK", project_id, code)


def hold_tasks(work: Work, project_ids: Collection[str]) -> HeldTasks:
    """The tasks there are, by project and code. One query."""
    known: HeldTasks = {}
    # The project's lock is the lock of its tasks.
    for task in ProjectTask.objects.filter(project__in=project_ids).order_by("pk"):
        known.setdefault(task.project_id, {})[task.code] = work.track(task)
    return known


def _plan(
    work: Work, project: Project, template: ProjectTemplate, known: Mapping[str, ProjectTask], *, by: Actor
) -> list[ProjectTask]:
    shapes = template.tasks
    budgets = split_amount(project.budget, [Decimal(str(shape["budget_share"])) for shape in shapes], project.currency)
    all_hours = project.budget / template.blended_rate
    tasks = []
    for shape, budget in zip(shapes, budgets, strict=True):
        task = known.get(shape["code"])
        if task is None:
            task = _create(work, project, shape, by=by)
        task.name, task.budget = shape["name"], budget
        share = Decimal(str(shape.get("hours_share", shape["budget_share"])))
        task.budget_hours = (all_hours * share).quantize(_HUNDREDTH, rounding=ROUND_HALF_EVEN)
        tasks.append(task)
    for code in known.keys() - {shape["code"] for shape in shapes}:
        if known[code].state == TaskState.PLANNED:
            work.move(known[code], "cancel", by=by, why="not in the template", story=project.correlation_id)
    return tasks


def _create(work: Work, project: Project, shape: Mapping[str, Any], *, by: Actor) -> ProjectTask:
    task = ProjectTask(id=task_id(project.pk, shape["code"]), project=project, code=shape["code"])
    return work.create(task, by=by, after={"project": project.pk, "code": task.code}, at_story=project.correlation_id)
