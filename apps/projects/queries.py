"""Reads over projects and their masters, one query per table whatever the number of projects."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from apps.canonical.contracts import Contract as Terms
from apps.contracts.models import Account, LegalEntity, TaxProfile
from apps.contracts.queries import current_terms, legal_entities, lookalikes, parent_chains, tax_profiles
from apps.core import clock
from apps.projects.activation import ActivationFacts, CustomerFacts, EntityFacts, TemplateFacts
from apps.projects.models import CostCentre, Project, ServiceLine


def activation_facts(project_ids: Collection[str], *, on: date | None = None) -> dict[str, ActivationFacts]:
    """Project id → what the activation rules ask. `on`: the day the tax profile must be in force (today, UTC)."""
    projects = list(Project.objects.filter(pk__in=project_ids).select_related("contract__account"))
    accounts = {row.contract.account.pk: row.contract.account for row in projects if row.contract.account}
    terms = current_terms({project.contract_id for project in projects})
    entities = legal_entities({project.legal_entity for project in projects})
    profiles = tax_profiles(accounts, on=on or clock.now().date())
    customers = _customers(accounts)
    templates = _templates({project.service_line for project in projects})
    return {
        project.pk: _facts(project, terms[project.contract_id], entities, customers, profiles, templates)
        for project in projects
    }


def cost_centres(entities: Collection[str]) -> dict[tuple[str, str], str]:
    """(legal entity, service line) → cost centre. One query."""
    rows = CostCentre.objects.filter(legal_entity__in=entities)
    return {(row.legal_entity_id, row.service_line_id): row.code for row in rows}


def entity_facts(entity: LegalEntity) -> EntityFacts:
    """A legal entity as the rules see it."""
    others = (currency for currency in entity.also_bills_in if currency != entity.currency)
    bills_in = (entity.currency, *others)
    return EntityFacts(entity.code, entity.is_active, bills_in, entity.country, entity.zone, entity.erp)


def _customers(accounts: Mapping[str, Account]) -> dict[str, CustomerFacts]:
    chains = parent_chains(accounts)
    alike = lookalikes(accounts.values())
    return {pk: _customer(account, chains.get(pk, []), alike[pk]) for pk, account in accounts.items()}


def _customer(account: Account, parents: Sequence[tuple[str, bool]], alike: Sequence[Account]) -> CustomerFacts:
    # A parent with the tax id of its group is family, not a duplicate.
    family = {ref for ref, _ in parents}
    others = tuple(
        (other.pk, other.name)
        for other in alike
        if not (
            other.source_system == account.source_system and (other.ref in family or other.parent_ref == account.ref)
        )
    )
    return CustomerFacts(account.pk, account.ref, account.name, bool(account.bill_to), tuple(parents), others)


def _templates(service_lines: Collection[str]) -> dict[str, tuple[TemplateFacts, ...]]:
    """Known service line → its templates in use; a line nobody knows is missing."""
    rows = ServiceLine.objects.filter(pk__in=service_lines).prefetch_related("projecttemplate_set")
    return {
        row.pk: tuple(
            TemplateFacts(template.code, row.pk, template.delivery_model)
            for template in sorted(row.projecttemplate_set.all(), key=lambda template: template.code)
            if template.is_active
        )
        for row in rows
    }


def _facts(
    project: Project,
    terms: Terms,
    entities: Mapping[str, LegalEntity],
    customers: Mapping[str, CustomerFacts],
    profiles: Mapping[tuple[str, str, str], TaxProfile],
    templates: Mapping[str, tuple[TemplateFacts, ...]],
) -> ActivationFacts:
    contract = project.contract
    entity = entities.get(project.legal_entity)
    return ActivationFacts(
        project_id=project.pk,
        legal_entity=project.legal_entity,
        service_line=project.service_line,
        delivery_model=contract.delivery_model,
        currency=contract.currency,
        contract_value=Decimal(contract.value),
        lines_total=terms.lines_total,
        lines=tuple(line for line in terms.lines if line.legal_entity == project.legal_entity),
        customer=customers.get(contract.account_id or ""),
        entity=entity_facts(entity) if entity else None,
        templates=templates.get(project.service_line, ()),
        has_tax_profile=(contract.account_id or "", project.legal_entity, project.service_line) in profiles,
        knows_service_line=project.service_line in templates,
    )
