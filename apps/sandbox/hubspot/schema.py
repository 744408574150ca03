"""Object types, their properties, pipelines and association types of the demo's portal."""

from typing import Any

ALIASES = {
    "deals": "deals", "deal": "deals", "0-3": "deals",
    "companies": "companies", "company": "companies", "0-2": "companies",
    "contacts": "contacts", "contact": "contacts", "0-1": "contacts",
    "line_items": "line_items", "line_item": "line_items", "0-8": "line_items",
}  # fmt: skip
SINGULAR = {"deals": "deal", "companies": "company", "contacts": "contact", "line_items": "line_item"}
ANSWER_KEY = {"deals": "deals", "companies": "companies", "contacts": "contacts", "line_items": "line items"}
OBJECT_TYPE_ID = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "line_items": "0-8"}
MODIFIED = {"contacts": "lastmodifieddate"}

DEFAULT_READ = {
    "deals": ("amount", "closedate", "dealname", "dealstage", "pipeline"),
    "companies": ("domain", "name"),
    "contacts": ("email", "firstname", "lastname"),
    "line_items": ("amount", "name", "price", "quantity"),
}
ASSOCIATION_TYPE = {
    ("deals", "line_items"): 19, ("line_items", "deals"): 20,
    ("deals", "companies"): 5, ("companies", "deals"): 6,
    ("deals", "contacts"): 3, ("contacts", "deals"): 4,
    ("contacts", "companies"): 1, ("companies", "contacts"): 2,
    ("companies", "companies"): 14,
}  # fmt: skip
# A deal's or contact's primary company has a second number; both mean the same here.
PRIMARY_TYPE = {("deals", "companies"): 341, ("companies", "deals"): 342, ("contacts", "companies"): 279}

_STAGES = (
    ("appointmentscheduled", "Appointment scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified to buy", "0.4"),
    ("presentationscheduled", "Presentation scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision maker bought in", "0.8"),
    ("contractsent", "Contract sent", "0.9"),
    ("closedwon", "Closed won", "1.0"),
    ("closedlost", "Closed lost", "0.0"),
)

_READ_ONLY = {
    "createdate": "datetime", "hs_createdate": "datetime", "hs_lastmodifieddate": "datetime",
    "lastmodifieddate": "datetime", "hs_object_id": "number", "hs_is_closed": "bool", "hs_is_closed_won": "bool",
    "hs_deal_stage_probability": "number", "hs_object_source": "string",
}  # fmt: skip

_PROPERTIES = {
    "deals": {
        "string": "dealname deal_currency_code description hubspot_owner_id po_number delivery_model erp_project_id"
        " erp_project_status erp_last_invoice_number erp_last_invoice_status tieout_correlation_id tieout_external_key"
        " dealtype tax_treatment legal_entity",
        "number": "amount po_amount erp_invoiced_amount hs_priority_score",
        "datetime": "closedate",
        "date": "contract_start contract_end erp_last_invoice_date",
        "enumeration": "dealstage pipeline",
    },
    "companies": {
        "string": "name domain address address2 city state zip country phone website hs_parent_company_id tax_id"
        " billing_email description industry hubspot_owner_id erp_customer_id tieout_external_key",
        "number": "payment_terms_days numberofemployees annualrevenue",
    },
    "contacts": {"string": "email firstname lastname phone company jobtitle hubspot_owner_id tieout_external_key"},
    "line_items": {
        "string": "name hs_sku description hs_line_item_currency_code hs_product_id hs_recurring_billing_period"
        " recurringbillingfrequency hs_billing_start_delay_type legal_entity billing_method milestone_code"
        " tieout_external_key erp_invoice_number erp_billing_status",
        "number": "quantity price amount discount hs_discount_percentage tax hs_position_on_quote",
        "date": "hs_recurring_billing_start_date milestone_due",
    },
}
_UNIQUE = {"email": ("contacts",), "tieout_external_key": ("deals", "companies", "contacts", "line_items")}


def first_properties(kind: str) -> dict[str, dict[str, Any]]:
    """Every property the portal has on its first day, by name."""
    made = {name: definition(name, type_, read_only=True) for name, type_ in _READ_ONLY.items()}
    for type_, names in _PROPERTIES[kind].items():
        for name in names.split():
            made[name] = definition(name, type_, unique=kind in _UNIQUE.get(name, ()))
    return made


def definition(
    name: str, type_: str, *, label: str = "", group: str = "", unique: bool = False, read_only: bool = False
) -> dict[str, Any]:
    field_type = {"number": "number", "date": "date", "datetime": "date", "enumeration": "select"}.get(type_, "text")
    return {
        "name": name,
        "label": label or name.replace("_", " ").capitalize(),
        "type": type_,
        "fieldType": "booleancheckbox" if type_ == "bool" else field_type,
        "groupName": group or "information",
        "hasUniqueValue": unique,
        "hidden": False,
        "archived": False,
        "options": [],
        "modificationMetadata": {"archivable": not read_only, "readOnlyValue": read_only},
    }


def deal_pipelines() -> list[dict[str, Any]]:
    stages = [
        {
            "id": stage,
            "label": label,
            "displayOrder": order,
            "archived": False,
            "metadata": {"isClosed": "true" if stage.startswith("closed") else "false", "probability": probability},
        }
        for order, (stage, label, probability) in enumerate(_STAGES)
    ]
    return [{"id": "default", "label": "Sales pipeline", "displayOrder": 0, "archived": False, "stages": stages}]


def stage_facts(stage: str) -> dict[str, str] | None:
    """The calculated properties that follow from a stage; None when there is no such stage."""
    probability = next((p for name, _label, p in _STAGES if name == stage), None)
    if probability is None:
        return None
    return {
        "hs_is_closed": "true" if stage.startswith("closed") else "false",
        "hs_is_closed_won": "true" if probability == "1.0" else "false",
        "hs_deal_stage_probability": probability,
    }
