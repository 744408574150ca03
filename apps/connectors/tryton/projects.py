"""Projects in Tryton: shell, tasks, milestones, and how they are undone."""

from collections.abc import Iterable, Mapping
from typing import Any

from apps.canonical.commands import (
    CancelBillingSchedule,
    CancelProject,
    CreateBillingSchedule,
    CreateProject,
    SetBudget,
    UpsertTasks,
)
from apps.connectors.base import Call, Done
from apps.connectors.tryton import mapping
from apps.connectors.tryton.calls import Calls, Record
from apps.connectors.tryton.ids import Ids
from apps.core.errors import Rejected


class Projects:
    """Verbs for project.work. Every one may be repeated: it looks first and writes what is missing or differs."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    async def create(self, calls: Calls, call: Call) -> Done:
        """The shell, found by its key; one cancelled before is opened again."""
        command = call.of(CreateProject)
        values = mapping.to_project(command, ids=self._ids)
        project = await self._by_key(calls, command.project.id)
        if project is None:
            await calls.create(mapping.WORK, [values])
        elif mapping.is_cancelled(project, ids=self._ids):
            await calls.write(mapping.WORK, [project["id"]], values)
        found = await self.find(calls, call)
        assert found is not None
        return found

    async def find(self, calls: Calls, call: Call) -> Done | None:
        """The project, if it is there and not cancelled."""
        command = call.of(CreateProject)
        project = await self._by_key(calls, command.project.id)
        if project is None or mapping.is_cancelled(project, ids=self._ids):
            return None
        payload = {"number": str(project.get("number") or "")}
        return Done(ref=str(project["id"]), version=mapping.version_of(project), payload=payload)

    async def upsert_tasks(self, calls: Calls, call: Call) -> Done:
        """All tasks; the new ones in one transaction."""
        command = call.of(UpsertTasks)
        refs = await self._upsert(calls, command.project_ref, self._tasks(command))
        return Done(ref=command.project_ref, payload={"tasks": _by_code(command, refs)})

    async def find_tasks(self, calls: Calls, call: Call) -> Done | None:
        """The tasks, if all are there as the command says."""
        command = call.of(UpsertTasks)
        refs = await self._as_wanted(calls, command.project_ref, self._tasks(command))
        return None if refs is None else Done(ref=command.project_ref, payload={"tasks": _by_code(command, refs)})

    async def set_budget(self, calls: Calls, call: Call) -> Done:
        """The amount as a note on each task; the capabilities say that Tryton has no budgets."""
        command = call.of(SetBudget)
        below = await self._below(calls, command.project_ref)
        for line in command.lines:
            task = below.get(mapping.task_key(line.task_code))
            if task is None:
                raise Rejected(
                    f"Tryton's project {command.project_ref} has no task {line.task_code!r}. Replay the step of the tasks.",
                    code="crosswalk_missing",
                    field="lines.task_code",
                )
            if values := mapping.changed(task, mapping.to_budget_note(line, currency=command.currency)):
                await calls.write(mapping.WORK, [task["id"]], values)
        return Done(ref=command.project_ref)

    async def find_budget(self, calls: Calls, call: Call) -> Done | None:
        """The budget, if every task notes its amount."""
        command = call.of(SetBudget)
        below = await self._below(calls, command.project_ref)
        for line in command.lines:
            task = below.get(mapping.task_key(line.task_code))
            if task is None or mapping.changed(task, mapping.to_budget_note(line, currency=command.currency)):
                return None
        return Done(ref=command.project_ref)

    async def create_schedule(self, calls: Calls, call: Call) -> Done:
        """All milestones; one that is billed already keeps its price, whatever the command says."""
        command = call.of(CreateBillingSchedule)
        refs = await self._upsert(calls, command.project_ref, self._milestones(command))
        return Done(ref=command.project_ref, payload={"milestones": refs})

    async def find_schedule(self, calls: Calls, call: Call) -> Done | None:
        """The milestones, if all are there as the command says."""
        command = call.of(CreateBillingSchedule)
        refs = await self._as_wanted(calls, command.project_ref, self._milestones(command))
        return None if refs is None else Done(ref=command.project_ref, payload={"milestones": refs})

    async def cancel(self, calls: Calls, call: Call) -> Done:
        """Project and tasks get the status cancelled; nothing is deleted, so the ERP's own history stays."""
        command = call.of(CancelProject)
        below = await self._below(calls, command.project_ref)
        project = mapping.ref_of(command.project_ref, field="project_ref")
        refs = [project, *(int(task["id"]) for task in below.values())]
        await calls.write(mapping.WORK, refs, mapping.to_cancelled(ids=self._ids))
        return Done(ref=command.project_ref)

    async def find_cancelled(self, calls: Calls, call: Call) -> Done | None:
        """The project, if it is cancelled."""
        command = call.of(CancelProject)
        ref = mapping.ref_of(command.project_ref, field="project_ref")
        project = await calls.get(mapping.WORK, ref, fields=mapping.WORK_FIELDS)
        if project is None or not mapping.is_cancelled(project, ids=self._ids):
            return None
        return Done(ref=command.project_ref, version=mapping.version_of(project))

    async def cancel_schedule(self, calls: Calls, call: Call) -> Done:
        """No milestone may be billed any more; raises Rejected when one has been."""
        command = call.of(CancelBillingSchedule)
        below = await self._below(calls, command.project_ref)
        wanted = [task for task in below.values() if str(task["id"]) in command.milestones.values()]
        billed = [mapping.key_of(task) for task in wanted if mapping.billed_share(task)]
        if billed:
            raise Rejected(
                f"Tryton has billed {', '.join(billed)} already. Void or credit the invoice first.",
                code="rejected_by_vendor",
                field="milestones",
            )
        if refs := [int(task["id"]) for task in wanted]:
            await calls.write(mapping.WORK, refs, mapping.to_cancelled_milestone(ids=self._ids))
        return Done(ref=command.project_ref)

    async def find_cancelled_schedule(self, calls: Calls, call: Call) -> Done | None:
        """The schedule, if every milestone of it is cancelled."""
        command = call.of(CancelBillingSchedule)
        below = await self._below(calls, command.project_ref)
        left = [
            task
            for task in below.values()
            if str(task["id"]) in command.milestones.values() and not mapping.is_cancelled(task, ids=self._ids)
        ]
        return None if left else Done(ref=command.project_ref)

    def _tasks(self, command: UpsertTasks) -> list[Record]:
        project = mapping.ref_of(command.project_ref, field="project_ref")
        return [mapping.to_task(task, project=project, ids=self._ids) for task in command.tasks]

    def _milestones(self, command: CreateBillingSchedule) -> list[Record]:
        return [mapping.to_milestone(one, command=command, ids=self._ids) for one in command.milestones]

    async def _upsert(self, calls: Calls, project_ref: str, wanted: Iterable[Record]) -> dict[str, str]:
        """What is missing is created in one transaction, what differs is changed; refs by key."""
        below = await self._below(calls, project_ref)
        missing = []
        for values in wanted:
            found = below.get(mapping.key_of(values))
            if found is None:
                missing.append(values)
            elif different := mapping.differences(found, values):
                await calls.write(mapping.WORK, [found["id"]], different)
        if missing:
            created = await calls.create(mapping.WORK, missing)
            below |= {mapping.key_of(values): {"id": ref} for values, ref in zip(missing, created, strict=True)}
        return {mapping.key_of(values): str(below[mapping.key_of(values)]["id"]) for values in wanted}

    async def _as_wanted(self, calls: Calls, project_ref: str, wanted: Iterable[Record]) -> dict[str, str] | None:
        below = await self._below(calls, project_ref)
        refs = {}
        for values in wanted:
            found = below.get(mapping.key_of(values))
            if found is None or mapping.differences(found, values):
                return None
            refs[mapping.key_of(values)] = str(found["id"])
        return refs

    async def _below(self, calls: Calls, project_ref: str) -> dict[str, Record]:
        """Tasks and milestones of a project by key; those that people added carry none and are left alone."""
        project = mapping.ref_of(project_ref, field="project_ref")
        found = await calls.find(
            mapping.WORK, mapping.tasks_below(project), fields=mapping.WORK_FIELDS, limit=mapping.MOST_TASKS
        )
        return {key: record for record in found if (key := mapping.key_of(record))}

    async def _by_key(self, calls: Calls, key: str) -> Mapping[str, Any] | None:
        domain = mapping.work_by_key(key, kind="project")
        found = await calls.find(mapping.WORK, domain, fields=mapping.WORK_FIELDS, limit=2)
        if len(found) > 1:
            raise Rejected(f"Tryton has two projects with the key {key}. Merge them there.", code="duplicate_in_vendor")
        return found[0] if found else None


def _by_code(command: UpsertTasks, refs: Mapping[str, str]) -> dict[str, str]:
    return {task.code: refs[mapping.task_key(task.code)] for task in command.tasks}
