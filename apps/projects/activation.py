"""What is still missing before a project may be activated. Pure: no rows, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from apps.canonical.contracts import ContractLine
from apps.contracts.blockers import Blocker
from apps.core.money import Money

# The one method whose milestones must add up to their line; others bill what was worked or used.
BY_MILESTONE = "fixed_fee_milestone"


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """The customer of the contract. `parents`: references, nearest first, and whether each is known to us.

    alike: (id, name) of other customers with its tax id, or its name in its country.
    """

    id: str
    ref: str
    name: str
    has_bill_to: bool
    parents: tuple[tuple[str, bool], ...] = ()
    alike: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """The legal entity the project names. `bills_in`: currencies its ERP is set up for, its own first."""

    code: str
    is_active: bool
    bills_in: tuple[str, ...]
    country: str = ""
    zone: str = "UTC"
    erp: str = ""


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """A project template that is in use."""

    code: str
    service_line: str
    delivery_model: str = ""


@dataclass(frozen=True, slots=True)
class ActivationFacts:
    """All that the rules ask of one project.

    legal_entity: as the contract says; `entity` is None when we have none of that code.
    contract_value, lines_total: of the whole contract; `lines`: those of this project's entity.
    templates: those of the project's service line, in order of their code.
    """

    project_id: str
    legal_entity: str
    service_line: str
    delivery_model: str
    currency: str
    contract_value: Decimal
    lines_total: Decimal
    lines: tuple[ContractLine, ...]
    customer: CustomerFacts | None
    entity: EntityFacts | None
    templates: tuple[TemplateFacts, ...]
    has_tax_profile: bool
    knows_service_line: bool = True

    @property
    def amount(self) -> Money:
        """What this entity is to bill: the money that waits."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)


def missing_for_activation(facts: ActivationFacts) -> tuple[Blocker, ...]:
    """Everything that still blocks; empty means it may go ahead."""
    choice = template_choice(facts)
    return (
        *customer_blockers(facts),
        *entity_blockers(facts),
        *tax_blockers(facts),
        *terms_blockers(facts),
        *((choice,) if isinstance(choice, Blocker) else ()),
    )


def customer_blockers(facts: ActivationFacts) -> tuple[Blocker, ...]:
    """The customer is known, can be invoiced, stands in a sound hierarchy and is not there twice."""
    customer = facts.customer
    if customer is None:
        text = "The opportunity has no company. Associate the customer with it in the CRM."
        return (Blocker("bill_to_missing", text, "account", facts.amount, "no_customer"),)
    return tuple(_customer(customer, facts.amount))


def entity_blockers(facts: ActivationFacts) -> tuple[Blocker, ...]:
    """The legal entity exists, is active, and can bill in the contract's currency.

    An entity bills in its own currency, and in others only where its ERP has been set up for them.
    """
    amount = facts.amount
    if not facts.legal_entity:
        text = "Lines of the contract name no legal entity. Say in the CRM which of our companies delivers them."
        return (Blocker("legal_entity_missing", text, "lines.legal_entity", amount),)
    entity = facts.entity
    if entity is None:
        text = f"We have no legal entity {facts.legal_entity!r}. Correct it in the CRM, or map it to one of ours."
        return (Blocker("legal_entity_invalid", text, "lines.legal_entity", amount, "unknown"),)
    if not entity.is_active:
        text = f"{entity.code} is closed. Name the entity that took over its work."
        return (Blocker("legal_entity_invalid", text, "lines.legal_entity", amount, "inactive"),)
    if facts.currency not in entity.bills_in:
        text = (
            f"The contract is in {facts.currency}, {entity.code} can bill in {', '.join(entity.bills_in)} only. "
            f"Correct the currency in the CRM, or have {entity.erp} set up for {facts.currency}."
        )
        return (Blocker("currency_mismatch", text, "currency", amount),)
    return ()


def tax_blockers(facts: ActivationFacts) -> tuple[Blocker, ...]:
    """The tax engine has confirmed how this customer is taxed."""
    if facts.has_tax_profile:
        return ()
    who = facts.customer.name if facts.customer else "the customer"
    text = f"No tax profile in force for {who} with {facts.legal_entity} and {facts.service_line}. Ask the tax engine again."
    return (Blocker("tax_profile_unconfirmed", text, "tax_profile", facts.amount),)


def terms_blockers(facts: ActivationFacts) -> tuple[Blocker, ...]:
    """The parts add up: milestones to their line, lines to the contract's value."""
    blockers = [blocker for line in facts.lines for blocker in _line(line, facts.currency)]
    if facts.lines_total != facts.contract_value:
        gap = Money(abs(facts.contract_value - facts.lines_total), facts.currency)
        text = (
            f"The lines add up to {_plain(facts.lines_total)} {facts.currency}, the contract is worth "
            f"{_plain(facts.contract_value)} {facts.currency}. Correct either in the CRM."
        )
        blockers.append(Blocker("schedule_total_mismatch", text, "value", gap, "lines_not_value"))
    return tuple(blockers)


def template_choice(facts: ActivationFacts) -> TemplateFacts | Blocker:
    """The template of the service line: the one for the delivery model, else the one for any."""
    for wanted in dict.fromkeys((facts.delivery_model, "")):
        for template in facts.templates:
            if template.delivery_model == wanted:
                return template
    if not facts.knows_service_line:
        text = f"We do not sell {facts.service_line!r}. Correct the product in the CRM, or map it to a service line."
        return Blocker("template_missing", text, "lines.service_line", facts.amount, "service_line_unknown")
    model = f" and delivery model {facts.delivery_model!r}" if facts.delivery_model else ""
    text = f"No project template for {facts.service_line}{model}. Add one, then replay."
    return Blocker("template_missing", text, "lines.service_line", facts.amount, "no_template")


def _customer(customer: CustomerFacts, amount: Money) -> Iterator[Blocker]:
    refs = [ref for ref, _ in customer.parents]
    if len(set(refs)) < len(refs) or customer.ref in refs:
        circle = " → ".join(dict.fromkeys([customer.ref, *refs]))
        text = f"The parents of {customer.name} run in a circle: {circle} and back. Remove one parent in the CRM."
        yield Blocker("hierarchy_cycle", text, "account.parent_ref", amount)
    elif unknown := [ref for ref, is_known in customer.parents if not is_known]:
        text = f"The parent {unknown[0]} of {customer.name} is not known to us. Check the company in the CRM."
        yield Blocker("hierarchy_unresolved", text, "account.parent_ref", amount)
    if not customer.has_bill_to:
        text = f"{customer.name} has no billing address. Fill in city and country of the company in the CRM."
        yield Blocker("bill_to_missing", text, "account.bill_to", amount, "no_address")
    if customer.alike:
        names = ", ".join(f"{name} ({pk})" for pk, name in customer.alike)
        text = f"{customer.name} ({customer.id}) may be the same as {names}: same tax id, or same name and country."
        yield Blocker("duplicate_customer", text, "account.tax_id", amount)


def _line(line: ContractLine, currency: str) -> Iterator[Blocker]:
    where = f"lines.{line.ref}"
    for milestone in line.milestones:
        if milestone.amount <= 0:
            text = f"Milestone {milestone.code} is worth {_plain(milestone.amount)} {currency}. It must be more than nothing."
            yield Blocker("schedule_total_mismatch", text, f"{where}.{milestone.code}.amount", None, "not_positive")
    total = sum((milestone.amount for milestone in line.milestones), Decimal(0))
    if total != line.amount and (line.milestones or line.billing_method == BY_MILESTONE):
        text = (
            f"The milestones of {line.service_line} add up to {_plain(total)} {currency}, the line is worth "
            f"{_plain(line.amount)} {currency}. Correct either in the CRM."
        )
        gap = Money(abs(line.amount - total), currency)
        yield Blocker("schedule_total_mismatch", text, f"{where}.amount", gap, "milestones_not_line")


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():,f}"
