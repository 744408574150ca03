"""The default rows: who owns which field, what is checked before which gate, and who approves what."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import migrations

from apps.audit.chain import START, line_hash
from apps.core.ids import new_id

AT = datetime(2026, 11, 1, tzinfo=UTC)
FROM = date(2026, 11, 1)
WHY = "default of this release"
PROPOSED_BY, APPROVED_BY = "system:defaults", "system:installation"

MASTER = ("API + event publication", "master data stewardship", "sales_ops", ["sales_ops", "finance_controller"])
TERMS = (
    "event + orchestrated validation",
    "approval and audit controls",
    "sales_ops",
    ["finance_controller", "delivery_manager"],
)
STRUCTURE = (
    "orchestrated API workflow",
    "approval and audit controls",
    "delivery_manager",
    ["finance_controller", "delivery_manager"],
)
TIME = (
    "event-driven",
    "validation and exception handling",
    "delivery_manager",
    ["finance_controller", "delivery_manager"],
)
BILLING = (
    "API response + status events",
    "financial integrity and traceability",
    "finance_ops",
    ["finance_controller", "integration_owner"],
)
REVENUE = (
    "scheduled",
    "financial integrity and traceability",
    "finance_controller",
    ["finance_controller", "integration_owner"],
)
TAX = (
    "API on demand",
    "financial integrity and traceability",
    "finance_ops",
    ["finance_controller", "integration_owner"],
)

# domain, object, field, owner, conflict policy, others may fill an empty field, (pattern, priority, steward, approvers)
OWNERS = [
    ("customer and opportunity", "account", "*", "crm", "reject", True, MASTER),
    ("customer and opportunity", "account", "name", "crm", "overwrite", True, MASTER),
    ("customer and opportunity", "account", "legal_name", "crm", "overwrite", True, MASTER),
    ("customer and opportunity", "account", "tax_id", "crm", "reject", True, MASTER),
    ("customer and opportunity", "account", "country", "crm", "reject", True, MASTER),
    ("customer and opportunity", "account", "parent_ref", "crm", "reject", True, MASTER),
    ("customer and opportunity", "account", "bill_to", "crm", "flag", True, MASTER),
    ("customer and opportunity", "account", "domain", "crm", "flag", True, MASTER),
    ("customer and opportunity", "account", "payment_terms_days", "erp", "reject", True, BILLING),
    ("customer and opportunity", "account", "credit_hold", "erp", "reject", False, BILLING),
    ("customer and opportunity", "account", "tax_profile", "tax", "reject", False, TAX),
    ("contract", "contract", "*", "crm", "reject", False, TERMS),
    ("contract", "contract", "name", "crm", "overwrite", False, TERMS),
    ("contract", "contract", "value", "crm", "reject", False, TERMS),
    ("contract", "contract", "currency", "crm", "reject", False, TERMS),
    ("contract", "contract", "starts_on", "crm", "reject", False, TERMS),
    ("contract", "contract", "ends_on", "crm", "reject", False, TERMS),
    ("contract", "contract", "po_number", "crm", "flag", True, TERMS),
    ("contract", "contract", "po_amount", "crm", "reject", True, TERMS),
    ("contract", "contract", "delivery_model", "crm", "flag", True, TERMS),
    ("contract", "contract", "lines", "crm", "reject", False, TERMS),
    ("contract", "contract", "signed_at", "esign", "reject", False, TERMS),
    ("contract", "amendment", "*", "crm", "reject", False, TERMS),
    ("contract", "rate_card", "*", "cpq", "reject", False, TERMS),
    ("project financial structure", "project", "*", "erp", "reject", True, STRUCTURE),
    ("project financial structure", "project", "name", "psa", "flag", True, STRUCTURE),
    ("project financial structure", "project", "percent_complete", "psa", "reject", True, STRUCTURE),
    ("project financial structure", "project_task", "*", "psa", "reject", True, STRUCTURE),
    ("project financial structure", "assignment", "*", "psa", "reject", True, STRUCTURE),
    ("time and expense", "time_entry", "*", "psa", "reject", False, TIME),
    ("time and expense", "time_entry", "billed", "erp", "reject", False, BILLING),
    ("time and expense", "time_entry", "wip_amount", "erp", "reject", True, BILLING),
    ("time and expense", "expense_item", "*", "psa", "reject", False, TIME),
    ("time and expense", "expense_item", "billed", "erp", "reject", False, BILLING),
    ("billing and invoice status", "milestone", "*", "erp", "reject", True, BILLING),
    ("billing and invoice status", "milestone", "achieved_on", "psa", "reject", False, STRUCTURE),
    ("billing and invoice status", "milestone", "evidence", "psa", "flag", True, STRUCTURE),
    ("billing and invoice status", "invoice", "*", "erp", "overwrite", False, BILLING),
    ("billing and invoice status", "credit_memo", "*", "erp", "overwrite", False, BILLING),
    ("revenue", "revenue_schedule", "*", "erp", "reject", True, REVENUE),
]

# code, title, gate, strictness, settings
CHECKS = [
    ("legal_entity", "Every line names a legal entity that exists and is active", "contract", "stop", {}),
    ("currency", "Contract, lines and purchase order agree on one known currency", "contract", "stop", {}),
    (
        "hierarchy",
        "The customer's hierarchy has one ultimate parent and no circle",
        "contract",
        "stop",
        {"max_depth": 10},
    ),
    ("bill_to", "There is somewhere to send the invoice", "contract", "stop", {}),
    ("tax_id", "The tax id has the format of its country", "contract", "stop", {"required_in": []}),
    ("schedule_total", "Lines and milestones add up to the contract's value", "contract", "stop", {"tolerance": "0"}),
    ("duplicate_customer", "No very like customer exists already", "contract", "warn", {"likeness": 0.92}),
    ("legal_entity", "The legal entity exists and is active", "project", "stop", {}),
    ("bill_to", "There is somewhere to send the invoice", "project", "stop", {}),
    ("tax_id", "The tax id has the format of its country", "invoice", "stop", {"required_in": []}),
    ("bill_to", "There is somewhere to send the invoice", "invoice", "stop", {}),
    ("currency", "Invoice and contract agree on one known currency", "invoice", "stop", {}),
]

# kind, currency, threshold, role; an empty role means that nobody has to agree
APPROVERS = [
    ("billing_method", "", 0, "finance_ops"),
    ("activation", "", 0, "delivery_manager"),
    ("invoice", "", 0, "finance_ops"),
    *(
        ("invoice", currency, threshold, role)
        for currency in ("EUR", "USD", "GBP")
        for threshold, role in ((0, ""), (10_000, "finance_ops"), (50_000, "finance_controller"))
    ),
    ("credit_memo", "", 0, "finance_controller"),
    ("amendment", "", 0, "finance_controller"),
    ("payload_edit", "", 0, "finance_controller"),
    ("override", "", 0, "finance_controller"),
    ("redate", "", 0, "finance_controller"),
    ("compensate", "", 0, "finance_controller"),
    ("mapping_change", "", 0, "integration_owner"),
    ("sor_change", "", 0, "finance_controller"),
    ("api_contract", "", 0, "finance_controller"),
]


def seed(apps, schema_editor):
    rows = [
        *(_rule(apps, "SystemOfRecordRule", (object_, field), domain=domain, object=object_, field=field, owner=owner,
                conflict_policy=policy, others_may_fill=fill, pattern=group[0], priority=group[1], steward=group[2],
                approvers=group[3]) for domain, object_, field, owner, policy, fill, group in OWNERS),
        *(_rule(apps, "QualityRule", (code, gate), code=code, title=title, gate=gate, strictness=strictness,
                settings=settings) for code, title, gate, strictness, settings in CHECKS),
        *(_rule(apps, "ApprovalPolicy", (kind, currency, threshold), kind=kind, currency=currency,
                threshold=Decimal(threshold), role=role) for kind, currency, threshold, role in APPROVERS),
    ]  # fmt: skip
    lines = [_first_line(apps, row) for row in rows]
    for model in dict.fromkeys(type(row) for row in rows):
        model.objects.bulk_create([row for row in rows if type(row) is model])
    apps.get_model("audit", "AuditLine").objects.bulk_create(lines)


def _rule(apps, model, parts, **values):
    return apps.get_model("governance", model)(
        id=new_id("RUL", model, *parts, 1), state="live", effective_from=FROM,
        proposed_by=PROPOSED_BY, approved_by=APPROVED_BY, reason=WHY, **values,
    )  # fmt: skip


def _first_line(apps, row):
    """The chain of a default starts like any other, so that a change behind our back shows."""
    model = row._meta.model_name
    content = {
        "subject": [model, row.pk, 1], "verb": "create", "move": ["", "live"], "before": {}, "after": {},
        "by": PROPOSED_BY, "why": WHY, "at": AT.isoformat(timespec="microseconds"), "story": ["", ""],
    }  # fmt: skip
    row.audit_seq, row.audit_head = 1, line_hash(START, content)
    return apps.get_model("audit", "AuditLine")(
        subject_type=model, subject_id=row.pk, seq=1, verb="create", target="live", by=PROPOSED_BY, why=WHY, at=AT,
        previous_hash=START, hash=row.audit_head,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("governance", "0001_initial"), ("audit", "0001_initial")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
