"""What must hold at every moment, after every fault: each a question to the tables whose answer names the offenders.

I1 holds in the vendor's own ledger as well; only a test that has the vendor at hand can ask that one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.apps import apps
from django.db import connection

from apps.audit.verification import Count, breaks
from apps.billing.models import Invoice
from apps.billing.states import DEAD_INVOICES
from apps.core.states import StatefulModel, state_table
from apps.governance.approvals import payload_hash
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.sagas.billing_draft import agreed_content

# An offender's name and what is wrong with it.
Offender = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise. `offenders` gives at most `most` of those who break it."""

    code: str
    says: str
    offenders: Callable[[int], Sequence[Offender]]


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that does not hold, and who breaks it."""

    invariant: Invariant
    offenders: Sequence[Offender]

    def __str__(self) -> str:
        named = "; ".join(f"{who}: {what}" for who, what in self.offenders)
        return f"{self.invariant.code} {self.invariant.says}: {named}"


def broken_invariants(*, most: int = 5, only: Sequence[str] = ()) -> Iterator[Broken]:
    """Every promise that does not hold now, with its first `most` offenders. Reads only; safe on a busy system.

    Each question is one statement, so it sees one instant.
    """
    for invariant in INVARIANTS:
        if only and invariant.code not in only:
            continue
        if found := invariant.offenders(most):
            yield Broken(invariant, found)


def _asked(sql: str) -> Callable[[int], Sequence[Offender]]:
    def offenders(most: int) -> Sequence[Offender]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT who, what FROM ({sql}) AS found(who, what) ORDER BY who LIMIT %s", [most])  # noqa: S608
            return [(str(who), str(what)) for who, what in cursor.fetchall()]

    return offenders


def _stale_approvals(most: int) -> Sequence[Offender]:
    """Invoices that go (or went) to the ERP under an approval given for other figures."""
    live = Invoice.objects.exclude(state__in=DEAD_INVOICES).in_bulk()
    granted = Approval.objects.filter(kind="invoice", state=ApprovalState.GRANTED, subject_id__in=list(live))
    found = [(one.pk, "granted by its maker") for one in Approval.objects.raw(_BY_MAKER)]
    for approval in granted.iterator():
        invoice = live[approval.subject_id]
        if approval.payload_hash != payload_hash(agreed_content(invoice)):
            found.append((approval.pk, f"{invoice.pk} is not what was agreed to"))
    return found[:most]


def _broken_chains(most: int) -> Sequence[Offender]:
    found: list[Offender] = []
    for broken in breaks(Count()):
        found.append((f"{broken.subject_type} {broken.subject_id}", str(broken)))
        if len(found) == most:
            break
    return found


def _impossible_paths(most: int) -> Sequence[Offender]:
    """Audit lines that tell of a move no lifecycle has, or that does not start where the one before it ended."""
    moves = [
        (str(model._meta.model_name), source, target)
        for model in apps.get_models()
        if issubclass(model, StatefulModel)
        for source, _, target in state_table(model)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_PATHS, {"kinds": [m[0] for m in moves], "sources": [m[1] for m in moves],
                                "targets": [m[2] for m in moves], "most": most})  # fmt: skip
        return [(str(who), str(what)) for who, what in cursor.fetchall()]


_BY_MAKER = "SELECT * FROM governance_approval WHERE decided_by <> '' AND decided_by = requested_by"
_PATHS = """
WITH allowed AS (SELECT * FROM unnest(%(kinds)s::text[], %(sources)s::text[], %(targets)s::text[]) AS a(kind, source, target)),
moves AS (
    SELECT subject_type, subject_id, seq, source, target,
           lag(target) OVER (PARTITION BY subject_type, subject_id ORDER BY seq) AS came_from
    FROM audit_auditline WHERE target <> ''
)
SELECT subject_type || ' ' || subject_id, 'line ' || seq || ' moves from ' || source || ' to ' || target
FROM moves WHERE source <> '' AND subject_type IN (SELECT kind FROM allowed) AND (
    (came_from IS NOT NULL AND came_from <> source)
    OR NOT EXISTS (SELECT 1 FROM allowed a WHERE a.kind = subject_type AND a.source = moves.source AND a.target = moves.target))
ORDER BY 1, 2 LIMIT %(most)s
"""
_LIVE = "state NOT IN ('voided', 'credited')"
# A record in the ERP is one of ours at most once; the amounts of a milestone's live invoices are what it counts.
_ONE_INVOICE = f"""
SELECT m.id, m.invoiced_amount || ' counted, live invoices come to ' || COALESCE(sum(i.net), 0)
FROM billing_billingmilestone m LEFT JOIN billing_invoice i ON i.milestone_id = m.id AND i.{_LIVE}
GROUP BY m.id, m.invoiced_amount, m.amount
HAVING COALESCE(sum(i.net), 0) <> m.invoiced_amount OR COALESCE(sum(i.net), 0) > m.amount
UNION ALL
SELECT i.id, 'is one of ' || count(*) || ' live invoices at work on milestone ' || i.milestone_id
FROM (SELECT min(id) AS id, milestone_id, count(*) OVER () FROM billing_invoice
      WHERE state IN ('draft', 'awaiting_approval', 'approved', 'submitted') GROUP BY milestone_id HAVING count(*) > 1) AS i
GROUP BY i.id, i.milestone_id
"""  # noqa: S608  a constant of this file
_BILLED = f"""
SELECT contract_id || ' ' || currency, invoiced || ' invoiced less credits, ' || billed || ' billed by milestones' FROM (
    SELECT m.contract_id, m.currency, sum(m.invoiced_amount) AS billed,
           COALESCE((SELECT sum(i.net) FROM billing_invoice i
                     WHERE i.contract_id = m.contract_id AND i.currency = m.currency AND i.{_LIVE}), 0) AS invoiced
    FROM billing_billingmilestone m GROUP BY m.contract_id, m.currency) AS sums
WHERE billed <> invoiced
"""  # noqa: S608  a constant of this file
_NOTHING_LOST = """
SELECT 'EVT-' || e.id, 'waits on ' || e.stream_key || ', which is neither due nor leased'
FROM events_inboxevent e LEFT JOIN events_stream s ON s.key = e.stream_key
WHERE e.state = 'received' AND s.due_at IS NULL AND s.lease_until IS NULL
UNION ALL
SELECT 'EVT-' || e.id, 'is dead and no case tells of it' FROM events_inboxevent e
WHERE e.state = 'dead' AND NOT EXISTS (
    SELECT 1 FROM exceptions_exceptioncase c
    WHERE c.reference = 'EVT-' || e.id OR c.subject_id = left(e.stream_key, 64))
UNION ALL
SELECT 'CMD-' || c.id, 'is ' || c.state || ' and its receipt is not in the inbox' FROM events_outboxcommand c
WHERE c.state IN ('acknowledged', 'rejected', 'dead') AND NOT EXISTS (
    SELECT 1 FROM events_inboxevent e WHERE e.system = c.system AND e.stream_key = c.reply_to
      AND e.causation_id = 'CMD-' || c.id)
UNION ALL
SELECT r.id, 'is parked at ' || r.step || ' without a case' FROM processes_processrun r
WHERE r.state = 'parked' AND NOT EXISTS (
    SELECT 1 FROM processes_processstep s JOIN exceptions_exceptioncase c ON c.reference = s.id
    WHERE s.run_id = r.id AND s.name = r.step AND c.state <> 'resolved')
UNION ALL
SELECT r.id, 'is ' || r.state || ' and nothing will ever wake it' FROM processes_processrun r
WHERE (r.state = 'running' AND (r.overdue_at IS NULL OR NOT EXISTS (
           SELECT 1 FROM processes_processstep s WHERE s.run_id = r.id AND s.name = r.step AND s.state = 'waiting')))
   OR (r.state = 'queued' AND NOT EXISTS (
           SELECT 1 FROM processes_processrun o WHERE o.subject_id = r.subject_id AND o.saga = r.saga AND o.id <> r.id
             AND o.state IN ('running', 'parked', 'compensating')))
   OR (r.state = 'compensating' AND NOT EXISTS (
           SELECT 1 FROM processes_processstep s WHERE s.run_id = r.id AND s.state = 'compensating' AND (
               EXISTS (SELECT 1 FROM events_outboxcommand c WHERE c.reference = s.id
                       AND c.state IN ('pending', 'sent', 'unknown', 'accepted'))
               OR EXISTS (SELECT 1 FROM events_inboxevent e WHERE e.stream_key = r.stream_key AND e.state = 'received')
               OR EXISTS (SELECT 1 FROM exceptions_exceptioncase x WHERE x.reference = s.id AND x.state <> 'resolved'))))
"""
_GAPLESS = """
SELECT s.key, 'applied ' || count(e.position) || ', highest ' || COALESCE(max(e.position), 0) || ', next ' || s.next_position
FROM events_stream s LEFT JOIN events_inboxevent e ON e.stream_key = s.key AND e.position IS NOT NULL
GROUP BY s.key, s.next_position
HAVING count(e.position) <> s.next_position - 1 OR COALESCE(max(e.position), 0) <> s.next_position - 1
UNION ALL
SELECT 'EVT-' || id, 'is ' || state || CASE WHEN position IS NULL THEN ' without' ELSE ' with' END || ' a position'
FROM events_inboxevent WHERE (state = 'received') <> (position IS NULL)
"""
_ONE_ENTITY = """
SELECT i.id, i.legal_entity || ' bills for project ' || p.id || ' of ' || p.legal_entity
FROM billing_invoice i JOIN projects_project p ON p.id = i.project_id WHERE i.legal_entity <> p.legal_entity
UNION ALL
SELECT m.id, m.legal_entity || ' plans for project ' || p.id || ' of ' || p.legal_entity
FROM billing_billingmilestone m JOIN projects_project p ON p.id = m.project_id WHERE m.legal_entity <> p.legal_entity
"""
# A call that is open belongs to the present lease of a command that will be claimed again when that runs out.
_OWNED = """
SELECT 'CMD-' || a.command_id, 'has an open attempt of ' || a.started_at || ' that nobody owns'
FROM events_deliveryattempt a JOIN events_outboxcommand c ON c.id = a.command_id
WHERE a.finished_at IS NULL
  AND (c.lease_token <> a.lease_token OR c.lease_until IS NULL OR c.state NOT IN ('sent', 'unknown', 'accepted'))
UNION ALL
SELECT 'CMD-' || id, 'was sent and has no lease' FROM events_outboxcommand WHERE state = 'sent' AND lease_until IS NULL
"""
_CREDITS = """
SELECT i.id, sum(c.total) || ' credited of ' || i.total FROM billing_creditmemo c JOIN billing_invoice i ON i.id = c.invoice_id
WHERE c.state NOT IN ('voided', 'rejected') GROUP BY i.id, i.total HAVING sum(c.total) > i.total
"""

INVARIANTS: tuple[Invariant, ...] = (
    Invariant("I1", "a milestone is never billed twice", _asked(_ONE_INVOICE)),
    Invariant("I2", "invoices less credits are what milestones count as billed", _asked(_BILLED)),
    Invariant("I3", "everything is settled, scheduled, or in a case", _asked(_NOTHING_LOST)),
    Invariant("I4", "events of one object were applied in one order without gaps", _asked(_GAPLESS)),
    Invariant("I5", "no audit line was changed or lost", _broken_chains),
    Invariant("I6", "nobody approves their own, nor what has changed since", _stale_approvals),
    Invariant("I7", "no row crosses its legal entity", _asked(_ONE_ENTITY)),
    Invariant("I8", "every call on its way has an owner", _asked(_OWNED)),
    Invariant("I9", "no invoice is credited beyond its total", _asked(_CREDITS)),
    Invariant("I10", "every object has come by a possible path", _impossible_paths),
)
