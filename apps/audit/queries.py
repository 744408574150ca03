"""Reading the audit trail: one story, one object."""

from apps.audit.models import AuditLine
from apps.core.states import Audited


def timeline(correlation_id: str, *, most: int = 1000) -> list[AuditLine]:
    """The lines of one story across all objects, in the order they happened. Empty for an empty id."""
    if not correlation_id:
        return []
    # Lines of one transaction share an instant to the microsecond now and then; the row number keeps their order.
    return list(AuditLine.objects.filter(correlation_id=correlation_id).order_by("at", "id")[:most])


def lines(subject: Audited) -> list[AuditLine]:
    """The whole chain of one object, from its first line."""
    return lines_of(subject_type=str(subject._meta.model_name), subject_id=str(subject.pk))


def lines_of(*, subject_type: str, subject_id: str) -> list[AuditLine]:
    """The whole chain of the object with this type (``project``) and id."""
    return list(AuditLine.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("seq"))
