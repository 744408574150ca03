"""Which case a finding belongs to: one that is open, one that was closed, or none yet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apps.audit.work import Work
from apps.exceptions.findings import Finding
from apps.exceptions.models import ExceptionCase


@dataclass(slots=True)
class Match:
    """A finding (the freshest of its case), how often it was named, and the case that has it, if any."""

    finding: Finding
    times: int
    case: ExceptionCase | None


def matches(work: Work, findings: Sequence[Finding]) -> list[Match]:
    """One match per case, the cases locked. Two statements; one when no case is known.

    First the open case of the same cause, object and reference; else the newest closed one of the same
    cause and object, which at most one finding may take.
    """
    known = _known_cases(work, findings)
    return [Match(finding, times, _take(known, finding)) for finding, times in _merged(findings)]


def _known_cases(work: Work, findings: Sequence[Finding]) -> dict[tuple[str, str], list[ExceptionCase]]:
    """Cases by cause and object, newest first. The query asks for a superset, which is one index scan."""
    wanted = {(finding.fingerprint, finding.subject_id) for finding in findings}
    rows = ExceptionCase.objects.filter(
        subject_id__in={subject for _, subject in wanted}, fingerprint__in={cause for cause, _ in wanted}
    ).values_list("pk", "fingerprint", "subject_id")
    pks = [pk for pk, cause, subject in rows if (cause, subject) in wanted]
    known: dict[tuple[str, str], list[ExceptionCase]] = {}
    for case in sorted(work.lock(ExceptionCase, pks).values(), key=lambda case: -case.pk):
        known.setdefault((case.fingerprint, case.subject_id), []).append(case)
    return known


def _merged(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    """The last finding of each case, with the most attempts any of them tells, and their number."""
    times = Counter(finding.key for finding in findings)
    last = {finding.key: finding for finding in findings}
    attempts: dict[tuple[str, str, str], int] = {}
    for finding in findings:
        attempts[finding.key] = max(finding.attempts, attempts.get(finding.key, 0))
    return [(replace(finding, attempts=attempts[key]), times[key]) for key, finding in last.items()]


def _take(known: dict[tuple[str, str], list[ExceptionCase]], finding: Finding) -> ExceptionCase | None:
    cases = known.get((finding.fingerprint, finding.subject_id), [])
    chosen = next((case for case in cases if case.is_open and case.reference == finding.reference), None)
    chosen = chosen or next((case for case in cases if not case.is_open), None)
    if chosen is not None:
        cases.remove(chosen)
    return chosen
