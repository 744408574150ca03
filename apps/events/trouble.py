"""A platform that cannot be called: its queue pauses and an admin gets one case, whatever the number of commands."""

from django.db import transaction

from apps.audit.work import Work
from apps.connectors import pauses
from apps.core.actor import Actor, system
from apps.core.errors import Misconfigured
from apps.events.models import OutboxCommand
from apps.events.states import UNFINISHED
from apps.exceptions.actions.sets import open_cases, settle_cases
from apps.exceptions.findings import Finding

_KINDS = {"permission_denied": "permission_denied"}


def pause_system(code: str, error: Misconfigured) -> None:
    """Pause `code` until somebody resumes it and open (or refresh) its case. Safe to call for every failed command."""
    with transaction.atomic():
        pauses.pause(code, reason=str(error))
        _open(code, error)


def report_unknown_system(code: str) -> None:
    """Commands wait for a system that is not connected."""
    with transaction.atomic():
        _open(
            code, Misconfigured(f"Commands wait for {code!r}, which is not a connected system.", code="system_unknown")
        )


def resume_system(code: str, *, by: Actor, why: str) -> None:
    """Let the queue of `code` go on; its case closes. What was waiting is due at once."""
    with transaction.atomic():
        pauses.resume(code)
        work = Work()
        settle_cases(work, [_reference(code)], by=by, why=why)
        work.flush()


def _open(code: str, error: Misconfigured) -> None:
    waiting = OutboxCommand.objects.filter(system=code, state__in=UNFINISHED)
    finding = Finding(
        kind=_KINDS.get(error.code, "credentials_expired"),
        subject_type="system",
        subject_id=code,
        stream_key=_reference(code),
        reference=_reference(code),
        message=str(error),
        system=code,
        code=error.code,
        field=error.field,
        awaiting="system resumed",
        blocked=tuple(f"{command.name} for {command.legal_entity or command.ordering_key}" for command in waiting[:5]),
        evidence={"answer": {"detail": error.detail[:4000]}},
    )
    work = Work()
    open_cases(work, [finding], by=system(code))
    work.flush()


def _reference(code: str) -> str:
    return f"system:{code}"
