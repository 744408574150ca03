"""The record types served and their fields, as NetSuite names them; a name is matched in any case.

Kinds: text, number, date, datetime, bool, enum, read (calculated, never written), sublist, subrecord,
and ref:<types> for a reference to a record. Fields whose name starts with `cust` are free.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RecordType:
    name: str
    label: str
    sequence: str
    required: tuple[str, ...]
    fields: dict[str, tuple[str, str]]
    lines: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    writable: bool = True


def _fields(**kinds: str) -> dict[str, tuple[str, str]]:
    """Lower-case name → (name, kind), from kind="name name …"; `ref_job__customer` reads ref:job,customer."""
    made = {}
    for word, names in kinds.items():
        kind = word.replace("ref_", "ref:").replace("__", ",")
        made.update({name.lower(): (name, kind) for name in names.split()})
    return made


# Kept by an administrator: read only through the API.
_MASTERS = frozenset(("subsidiary", "currency", "accountingPeriod", "serviceSaleItem", "terms"))
_COMMON = {"text": "externalId", "read": "id links refName lastModifiedDate createdDate dateCreated"}


def _type(
    name: str,
    *,
    sequence: str = "",
    required: str = "",
    label: str = "",
    lines: dict[str, dict[str, tuple[str, str]]] | None = None,
    **kinds: str,
) -> RecordType:
    merged = {kind: f"{_COMMON.get(kind, '')} {names}" for kind, names in {**_COMMON, **kinds}.items()}
    fields = _fields(**merged)
    for sublist in lines or {}:
        fields[sublist.lower()] = (sublist, "sublist")
    return RecordType(
        name, label or name, sequence or name, tuple(required.split()), fields, lines or {}, name not in _MASTERS
    )


_ITEM_LINES = _fields(
    ref_serviceSaleItem="item",
    ref_charge="charge",
    ref_job="job",
    number="amount rate quantity line taxRate1 tax1Amt",
    text="description",
    subrecord="taxCode department class location price",
)
_TAX_LINES = _fields(
    subrecord="taxCode taxType", number="taxBasis taxRate taxAmount line", text="lineNumber taxDetailsReference"
)
_APPLY_LINES = _fields(ref_invoice="doc", bool="apply", number="amount line", read="total due refNum type currency")
_TRANSACTION = {
    "text": "tranId memo otherRefNum email billAddress customerMessage",
    "date": "tranDate dueDate startDate endDate",
    "ref_subsidiary": "subsidiary",
    "ref_currency": "currency",
    "ref_accountingPeriod": "postingPeriod",
    "ref_terms": "terms",
    "number": "exchangeRate",
    "bool": "toBePrinted toBeEmailed taxDetailsOverride taxPointDateOverride voided",
    "subrecord": "location department class billingAddress approvalStatus account customForm nexus",
}

RECORD_TYPES = {
    one.name.lower(): one
    for one in (
        _type(
            "customer", label="Customer", sequence="entity", required="companyName subsidiary",
            text="entityId companyName email phone url comments vatRegNumber defaultTaxReg firstName lastName accountNumber",
            bool="isPerson isInactive", ref_subsidiary="subsidiary", ref_currency="currency", ref_terms="terms",
            ref_customer="parent", number="creditLimit",
            subrecord="entityStatus category salesRep taxItem defaultAddress creditHoldOverride",
            lines={"addressBook": _fields(bool="defaultBilling defaultShipping isResidential", text="label",
                                          subrecord="addressBookAddress", number="line"),
                   "taxRegistration": _fields(text="taxRegistrationNumber", subrecord="nexusCountry nexus", number="line")},
        ),
        _type(
            "job", label="Project", sequence="entity", required="companyName subsidiary",
            text="entityId companyName comments jobName", bool="isInactive allowTime allowExpenses allowAllResourcesForTasks",
            ref_customer="parent", ref_subsidiary="subsidiary", ref_currency="currency",
            ref_billingSchedule="billingSchedule",
            date="startDate endDate projectedEndDate scheduledEndDate calculatedEndDate",
            number="jobPrice estimatedCost estimatedRevenue estimatedTime",
            subrecord="jobType projectManager billingRateCard projectExpenseType timeApproval"
            " forecastChargeRunOnDemand estimateRevRecTemplate",
            enum="jobBillingType entityStatus",
        ),
        _type(
            "projectTask", label="Project Task", required="project title", ref_job="project", ref_projectTask="parent",
            text="title message", date="startDate endDate finishByDate", number="estimatedWork percentWorkComplete",
            enum="constraintType status priority", bool="nonBillableTask",
        ),
        _type(
            "charge", label="Charge", required="billTo", ref_job__customer="billTo", ref_job="project",
            ref_serviceSaleItem="billingItem", ref_currency="currency", ref_subsidiary="subsidiary",
            ref_projectTask="projectTask", ref_invoice="invoice", enum="stage use", date="chargeDate billDate",
            number="rate quantity amount", text="memo description", subrecord="chargeType rule",
        ),
        _type(
            "billingSchedule", label="Billing Schedule", required="name", text="name",
            enum="scheduleType frequency initialAmount", ref_job="project", bool="isInactive isPublic applyToSubtotal",
            number="numberRemaining",
            lines={"milestone": _fields(number="amount percent milestoneAmount line", text="comments externalId",
                                        date="milestoneDate date", ref_projectTask="projectTask", enum="milestoneTerms",
                                        bool="milestoneCompleted"),
                   "recurrence": _fields(number="count amount line", subrecord="recurrenceTerms", date="recurrenceDate")},
        ),
        _type(
            "invoice", label="Invoice", sequence="transaction", required="entity item", **_TRANSACTION,
            ref_job__customer="entity", ref_job="job",
            read="status total subtotal taxTotal amountPaid amountRemaining amountCredited",
            lines={"item": _ITEM_LINES, "taxDetails": _TAX_LINES},
        ),
        _type(
            "creditMemo", label="Credit Memo", sequence="transaction", required="entity item", **_TRANSACTION,
            ref_job__customer="entity", ref_invoice="createdFrom",
            read="status total subtotal taxTotal applied unapplied",
            lines={"item": _ITEM_LINES, "taxDetails": _TAX_LINES, "apply": _APPLY_LINES},
        ),
        _type(
            "customerPayment", label="Payment", sequence="transaction", required="customer payment",
            **{**_TRANSACTION, "number": "payment exchangeRate"}, ref_customer="customer",
            read="status total applied unapplied", lines={"apply": _APPLY_LINES},
        ),
        _type(
            "customerSubsidiaryRelationship", label="Customer Subsidiary Relationship", required="entity subsidiary",
            ref_customer="entity", ref_subsidiary="subsidiary", ref_currency="primaryCurrency",
        ),
        _type("subsidiary", label="Subsidiary", text="name legalName country", ref_currency="currency",
              bool="isInactive isElimination"),
        _type("currency", label="Currency", text="name symbol", number="exchangeRate currencyPrecision",
              bool="isInactive isBaseCurrency"),
        _type("accountingPeriod", label="Accounting Period", text="periodName", date="startDate endDate",
              bool="closed arLocked apLocked allLocked isAdjust isQuarter isYear isInactive"),
        _type("serviceSaleItem", label="Item", text="itemId displayName", bool="isInactive"),
        _type("terms", label="Terms", text="name", number="daysUntilNetDue", bool="isInactive"),
    )
}  # fmt: skip
LABELS = {"companyName": "Company Name", "entity": "Customer", "billTo": "Bill To", "item": "Item", "title": "Name"}
JOB_STATUSES = {"1": "Closed", "2": "In Progress", "3": "Not Awarded", "4": "Pending", "5": "Awarded"}
CHARGE_STAGES = ("NON_BILLABLE", "READY_FOR_BILLING", "HOLD_FOR_BILLING", "PROCESSED")
