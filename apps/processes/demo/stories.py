"""The demo's stories: most end with a posted invoice, one each in a case of every family, one waits for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from apps.contracts.models import Contract
from apps.processes.demo import deals
from apps.processes.demo.outside import Outside


@dataclass(frozen=True, slots=True)
class Story:
    """One deal and what the world does with it.

    bills: milestones the PSA reports: (legal entity, code, amount), an empty amount for the whole.
    agrees: whether people approve what they are asked.
    before, after: what else happens outside, before the deal is won and when its stories have settled.
    ends_in: the kind of case it is there to show; empty for one that simply goes well.
    """

    name: str
    deal: dict[str, Any]
    entities: tuple[str, ...]
    bills: tuple[tuple[str, str, str], ...] = ()
    agrees: bool = True
    before: Callable[[Outside], None] | None = None
    after: Callable[[Outside, str], None] | None = None
    ends_in: str = ""


def stories(today: date) -> list[Story]:
    """All of them, dated around `today`."""
    return [*_good(today), *_stuck(today)]


def _good(today: date) -> list[Story]:
    return [
        _story(
            "Helios ERP rollout",
            today,
            company="helios",
            lines={"DE-01": ("IMPLEMENTATION", [("M1", "Blueprint", "84000.00"), ("M2", "Go-live", "126000.00")])},
            currency="EUR",
            bills=(("DE-01", "M1", ""),),
        ),
        _story(
            "Helios data platform advisory",
            today,
            company="helios",
            lines={"DE-01": ("ADVISORY", [("M1", "Target picture", "9400.00")])},
            currency="EUR",
            bills=(("DE-01", "M1", ""),),
        ),
        _story(
            "Nimbus analytics migration",
            today,
            company="nimbus",
            lines={"US-01": ("IMPLEMENTATION", [("M1", "Discovery", "48000.00"), ("M2", "Cut-over", "112500.00")])},
            currency="USD",
            bills=(("US-01", "M1", ""),),
        ),
        _story(
            "Nimbus managed reporting",
            today,
            company="nimbus",
            lines={"US-01": ("MANAGED", [("M1", "Service set-up", "7800.00")])},
            currency="USD",
            bills=(("US-01", "M1", "3000.00"), ("US-01", "M1", "4800.00")),
        ),
        _story(
            "Thames asset register",
            today,
            company="thames",
            lines={"UK-01": ("ADVISORY", [("M1", "Survey", "22500.00"), ("M2", "Register live", "31000.00")])},
            currency="GBP",
            bills=(("UK-01", "M1", ""),),
        ),
        _story(
            "Orion transformation programme",
            today,
            company="orion",
            lines={
                "DE-01": (
                    "IMPLEMENTATION",
                    [("D1", "Design Europe", "310000.00"), ("D2", "Roll-out Europe", "420000.00")],
                ),
                "US-01": ("IMPLEMENTATION", [("U1", "Design Americas", "180000.00")]),
            },
            currency="EUR",
            bills=(("US-01", "U1", ""),),
        ),
        _story(
            "Aurora multi-country rollout",
            today,
            company="aurora",
            lines={"DE-01": ("IMPLEMENTATION", [("M1", "Kick-off", "240000.00"), ("M2", "Wave 1", "500000.00")])},
            currency="EUR",
            agrees=False,
        ),
    ]


def _stuck(today: date) -> list[Story]:
    return [
        _story(
            "Kestrel cost review",
            today,
            company="kestrel",
            lines={"UK-01": ("ADVISORY", [("M1", "Report", "18000.00")])},
            currency="GBP",
            ends_in="bill_to_missing",
        ),
        _story(
            "Borealis process mining",
            today,
            company="borealis",
            lines={"US-01": ("ADVISORY", [("M1", "Insights", "36000.00")])},
            currency="USD",
            after=_unknown_milestone,
            ends_in="crosswalk_missing",
        ),
        _story(
            "Cascade finance carve-out",
            today,
            company="cascade",
            lines={"US-01": ("ADVISORY", [("M1", "Day-one readiness", "64000.00")])},
            currency="USD",
            after=_terms_by_the_crm,
            ends_in="not_system_of_record",
        ),
        _story(
            "Delta warehouse automation",
            today,
            company="delta",
            lines={"UK-01": ("IMPLEMENTATION", [("M1", "Prototype", "52000.00")])},
            currency="GBP",
            before=_refuse_project("Delta warehouse automation"),
            ends_in="rejected_by_vendor",
        ),
        _story(
            "Ember supply planning",
            today,
            company="ember",
            lines={"US-01": ("IMPLEMENTATION", [("M1", "Concept", "28000.00"), ("M2", "Pilot", "57000.00")])},
            currency="USD",
            bills=(("US-01", "M2", ""),),
            ends_in="out_of_order",
        ),
        _story(
            "Fjord pricing engine",
            today,
            company="fjord",
            lines={"UK-01": ("IMPLEMENTATION", [("M1", "Fjord engine accepted", "73500.00")])},
            currency="GBP",
            bills=(("UK-01", "M1", ""),),
            before=_refuse_invoice("Fjord engine accepted"),
            ends_in="invoice_rejected",
        ),
    ]


def _story(
    name: str,
    today: date,
    *,
    company: str,
    lines: dict[str, tuple[str, list[tuple[str, str, str]]]],
    currency: str,
    **more: Any,
) -> Story:
    items = [
        item
        for entity, (service_line, milestones) in lines.items()
        for item in deals.line(entity, service_line, milestones, first_due=today + timedelta(days=10))
    ]
    spec = deals.deal(name, company=deals.COMPANIES[company], currency=currency, lines=items, starts_on=today)
    return Story(name=name, deal=spec, entities=tuple(lines), **more)


def _unknown_milestone(outside: Outside, ref: str) -> None:
    outside.achieve(
        contract_ref=ref, legal_entity="US-01", milestone_code="M9", achieved_on="2026-11-20", evidence="Sign-off sheet"
    )


def _terms_by_the_crm(outside: Outside, ref: str) -> None:
    account = Contract.objects.select_related("account").get(ref=ref).account
    assert account is not None
    outside.change("companies", account.ref, payment_terms_days="90")


def _refuse_project(name: str) -> Callable[[Outside], None]:
    answer = _refusal("Please enter value(s) for: Project Manager", path="projectManager")
    return lambda outside: outside.fault(
        vendor="netsuite", match={"method": "PUT", "path": "/job/", "contains": name}, fault=answer
    )


def _refuse_invoice(milestone: str) -> Callable[[Outside], None]:
    answer = _refusal("Invalid tax code reference key GB20 for subsidiary UK-01.", path="taxDetails.items[0].taxCode")
    return lambda outside: outside.fault(
        vendor="netsuite", match={"method": "POST", "path": "/invoice", "contains": milestone}, fault=answer
    )


def _refusal(words: str, *, path: str) -> dict[str, Any]:
    details = [{"detail": words, "o:errorCode": "USER_ERROR", "o:errorPath": path}]
    return {"status": 400, "body": {"title": "Bad Request", "status": 400, "o:errorDetails": details}}
