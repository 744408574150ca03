"""Verbs on customers, projects, tasks, budgets and the billing schedule."""

from typing import Any

from apps.canonical.commands import (
    CancelBillingSchedule,
    CancelProject,
    CreateBillingSchedule,
    CreateProject,
    SetBudget,
    UpsertCustomer,
    UpsertTasks,
)
from apps.connectors.base import Call, Done
from apps.connectors.exchange import Exchange
from apps.connectors.netsuite import mapping, rows
from apps.connectors.netsuite.mapping import Account
from apps.connectors.netsuite.service import Service, keyed
from apps.core.errors import Rejected


class Projects:
    """What is set up before anything is billed; every record carries our id as external id."""

    def __init__(self, service: Service, account: Account) -> None:
        self._service = service
        self._account = account

    async def upsert_customer(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(UpsertCustomer)
        body = mapping.to_customer(command, account=self._account)
        replace = "addressBook" if "addressBook" in body else ""
        key = mapping.customer_key(command)
        return Done(ref=await self._service.put(exchange, "customer", key=key, body=body, replace=replace))

    async def customer_found(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(UpsertCustomer)
        query = rows.records_by_key("customer", "companyname", [mapping.customer_key(command)])
        found = await self._service.rows(exchange, query)
        # One that shows the old name still has to be changed: sending again does that.
        if not found or rows.text(found[0], "companyname") != command.account.name:
            return None
        return Done(ref=rows.text(found[0], "id"))

    async def create_project(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(CreateProject)
        if call.attempt > 1 and (found := await self.project_found(exchange, call)):
            return found
        body = mapping.to_job(command.project, account=self._account)
        ref = await self._service.put(exchange, "job", key=command.project.id, body=body)
        return Done(ref=ref)

    async def project_found(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(CreateProject)
        project = command.project
        found = await self._service.rows(
            exchange, rows.records_by_key("job", "entityid, subsidiary, currency", [project.id])
        )
        if not found:
            return None
        currency = await self._service.currency_code(exchange, rows.text(found[0], "currency"))
        subsidiary = await self._service.subsidiary_id(exchange, project.legal_entity)
        if currency != project.currency or rows.text(found[0], "subsidiary") != subsidiary:
            raise _differs(
                "project", project.id, f"{currency} in subsidiary {rows.text(found[0], 'subsidiary')}", project.currency
            )
        return Done(ref=rows.text(found[0], "id"), payload={"number": rows.text(found[0], "entityid")})

    async def cancel_project(self, exchange: Exchange, call: Call) -> Done:
        """Closed and inactive: a record something depends on cannot be deleted, and a trace does no harm."""
        command = call.of(CancelProject)
        body = {"entityStatus": {"id": self._account.closed_status}, "isInactive": True}
        await self._service.patch(exchange, "job", ref=command.project_ref, body=body)
        return Done(ref=command.project_ref)

    async def upsert_tasks(self, exchange: Exchange, call: Call) -> Done:
        """One call per task, one after another: a command holds one concurrency slot."""
        command = call.of(UpsertTasks)
        known = await self._known_tasks(exchange, command) if call.attempt > 1 else {}
        refs = {}
        for task in command.tasks:
            refs[task.code] = known.get(task.code) or await self._service.put(
                exchange,
                "projectTask",
                key=mapping.task_key(command.project_id, task.code),
                body=mapping.to_task(task, project_ref=command.project_ref),
            )
        return Done(ref=command.project_ref, payload={"tasks": refs})

    async def tasks_found(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(UpsertTasks)
        known = await self._known_tasks(exchange, command)
        if len(known) < len(command.tasks):
            return None
        return Done(ref=command.project_ref, payload={"tasks": known})

    async def set_budget(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(SetBudget)
        answer = await self._service.restlet(exchange, mapping.to_budget(command), what="a project budget")
        return Done(ref=str(answer.get("id") or ""))

    async def budget_found(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(SetBudget)
        query = {"action": "get_budget", "externalId": mapping.budget_key(command.project_id)}
        found = await self._service.restlet_read(exchange, query, what="a project budget")
        # Sending the same key again replaces the lines, so one that differs is simply sent again.
        if found is None or _amounts(found.get("lines")) != [(line.task_code, line.amount) for line in command.lines]:
            return None
        return Done(ref=str(found.get("id") or ""))

    async def create_schedule(self, exchange: Exchange, call: Call) -> Done:
        """Milestones as charges, held until achieved.

        Of NetSuite's three ways to bill a milestone, the charge alone has an external id of its own: each
        milestone is created once, may be found again, and shows the invoice that billed it.
        """
        command = call.of(CreateBillingSchedule)
        known = await self._known_charges(exchange, command) if call.attempt > 1 else {}
        refs = {}
        for milestone in command.milestones:
            refs[milestone.id] = known.get(milestone.id) or await self._service.put(
                exchange,
                "charge",
                key=milestone.id,
                body=mapping.to_charge(milestone, command, account=self._account),
            )
        return Done(ref=command.project_ref, payload={"milestones": refs})

    async def schedule_found(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(CreateBillingSchedule)
        known = await self._known_charges(exchange, command)
        if len(known) < len(command.milestones):
            return None
        return Done(ref=command.project_ref, payload={"milestones": known})

    async def cancel_schedule(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(CancelBillingSchedule)
        for ref in command.milestones.values():
            await self._service.patch(exchange, "charge", ref=ref, body={"stage": {"id": mapping.NOT_BILLABLE}})
        return Done(ref=command.project_ref)

    async def _known_tasks(self, exchange: Exchange, command: UpsertTasks) -> dict[str, str]:
        keys = {task.code: mapping.task_key(command.project_id, task.code) for task in command.tasks}
        if not keys:
            return {}
        found = keyed(
            await self._service.rows(exchange, rows.records_by_key("projecttask", "title", list(keys.values())))
        )
        return {code: rows.text(found[key], "id") for code, key in keys.items() if key in found}

    async def _known_charges(self, exchange: Exchange, command: CreateBillingSchedule) -> dict[str, str]:
        """The milestones already there, by our id; raises Rejected for one that has another amount."""
        if not command.milestones:
            return {}
        query = rows.records_by_key("charge", "amount, stage", [one.id for one in command.milestones])
        found = keyed(await self._service.rows(exchange, query))
        for milestone in command.milestones:
            row = found.get(milestone.id)
            if row is not None and rows.decimal(row, "amount") != milestone.amount:
                raise _differs("charge", milestone.id, str(rows.decimal(row, "amount")), str(milestone.amount))
        return {key: rows.text(row, "id") for key, row in found.items()}


def _amounts(lines: Any) -> list[tuple[str, Any]]:
    given = lines if isinstance(lines, list) else []
    return [(str(line.get("category")), rows.decimal(line, "amount")) for line in given if isinstance(line, dict)]


def _differs(what: str, key: str, there: str, ours: str) -> Rejected:
    return Rejected(
        f"NetSuite has the {what} {key} with {there}, ours has {ours}. Find out which is right before going on.",
        code="duplicate_in_vendor",
    )
