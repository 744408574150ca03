"""The audit trail: append-only lines, hash-chained per object."""

from typing import Any

import pgtrigger
from django.db import models

from apps.audit.chain import instant


class AuditLine(models.Model):
    """One transition, decision, approval or rule change: who, what, why, before and after.

    `seq` counts the lines of one object from 1; `hash` covers the line and the hash before it.
    Before and after hold ids, states and amounts, never personal data.
    """

    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    seq = models.PositiveIntegerField()
    verb = models.CharField(max_length=60)
    source = models.CharField(max_length=40, blank=True)
    target = models.CharField(max_length=40, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    by = models.CharField(max_length=160)
    why = models.TextField(blank=True)
    at = models.DateTimeField()
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)
    causation_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject_type", "subject_id", "seq"], name="audit_line_once_per_seq")
        ]
        indexes = [models.Index(fields=["at"], name="audit_line_at")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="never_truncated",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'audit lines are append-only' USING ERRCODE = 'insufficient_privilege';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id} #{self.seq} {self.verb}"

    def content(self) -> dict[str, Any]:
        """What the hash covers: everything but the hashes and the row's own number."""
        return {
            "subject": [self.subject_type, self.subject_id, self.seq],
            "verb": self.verb,
            "move": [self.source, self.target],
            "before": self.before,
            "after": self.after,
            "by": self.by,
            "why": self.why,
            "at": instant(self.at),
            "story": [self.correlation_id, self.causation_id],
        }
