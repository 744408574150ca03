"""Reads over contracts and customers: terms in force, tax profiles, parents, and customers that look alike."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from django.db import connection
from django.db.models import F, Q

from apps.canonical.codec import from_json
from apps.canonical.contracts import Contract as Terms
from apps.contracts.models import Account, ContractRevision, LegalEntity, TaxProfile
from apps.contracts.states import AccountState

# 32 parents: deeper than any real group of companies, and an end for a chain that never ends.
_ANCESTORS = """
WITH RECURSIVE up AS (
    SELECT id AS start, source_system, parent_ref, 1 AS depth FROM contracts_account
    WHERE id = ANY(%s) AND parent_ref <> ''
  UNION ALL
    SELECT up.start, above.source_system, above.parent_ref, up.depth + 1
    FROM up JOIN contracts_account above ON above.source_system = up.source_system AND above.ref = up.parent_ref
    WHERE above.parent_ref <> '' AND up.depth < 32
)
SELECT start, parent_ref, EXISTS (
    SELECT 1 FROM contracts_account parent
    WHERE parent.source_system = up.source_system AND parent.ref = up.parent_ref
) FROM up ORDER BY start, depth
"""


def current_terms(contract_ids: Collection[str]) -> dict[str, Terms]:
    """Contract id → the terms of its present revision. One query."""
    rows = ContractRevision.objects.filter(contract__in=list(contract_ids), number=F("contract__revision"))
    return {row.contract_id: from_json(Terms, row.terms) for row in rows}


def legal_entities(codes: Collection[str]) -> dict[str, LegalEntity]:
    """Code → our legal entity. Unknown codes are missing. One query."""
    return LegalEntity.objects.in_bulk(list(codes))


def tax_profiles(account_ids: Collection[str], *, on: date) -> dict[tuple[str, str, str], TaxProfile]:
    """(account, legal entity, service line) → the profile in force on a day. One query."""
    rows = TaxProfile.objects.filter(
        Q(valid_to=None) | Q(valid_to__gte=on), account__in=account_ids, valid_from__lte=on
    )
    return {(row.account_id, row.legal_entity_id, row.service_line): row for row in rows.order_by("valid_from")}


def parent_chains(account_ids: Collection[str]) -> dict[str, list[tuple[str, bool]]]:
    """Account → references of its parents, nearest first, and whether we know each. One query.

    A chain that runs in a circle is cut off; the reference that closes it is found twice in the list, or is the
    account's own.
    """
    chains: dict[str, list[tuple[str, bool]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ANCESTORS, [sorted(account_ids)])
        for start, ref, is_known in cursor.fetchall():
            chains.setdefault(start, []).append((ref, is_known))
    return chains


def lookalikes(accounts: Iterable[Account]) -> dict[str, list[Account]]:
    """Account → other customers with its tax id, or with its name in its country. One query.

    Merged and retired customers are none any more; those without a tax id or country are not compared by it.
    """
    asked = list(accounts)
    alike = Q(tax_key__in={account.tax_key for account in asked if account.tax_key}) & ~Q(tax_key="")
    alike |= Q(name_key__in={account.name_key for account in asked if account.name_key})
    gone = [AccountState.MERGED, AccountState.INACTIVE]
    found = list(Account.objects.filter(alike).exclude(state__in=gone).order_by("pk"))
    by_tax, by_name = _indexed(found)
    return {
        account.pk: [
            other
            for other in {**_same_tax(account, by_tax), **_same_name(account, by_name)}.values()
            if other.pk != account.pk
        ]
        for account in asked
    }


def _indexed(rows: Iterable[Account]) -> tuple[dict[str, list[Account]], dict[tuple[str, str], list[Account]]]:
    by_tax: dict[str, list[Account]] = {}
    by_name: dict[tuple[str, str], list[Account]] = {}
    for row in rows:
        by_tax.setdefault(row.tax_key, []).append(row)
        by_name.setdefault((row.name_key, row.country), []).append(row)
    return by_tax, by_name


def _same_tax(account: Account, by_tax: Mapping[str, list[Account]]) -> dict[str, Account]:
    return {row.pk: row for row in by_tax.get(account.tax_key, [])} if account.tax_key else {}


def _same_name(account: Account, by_name: Mapping[tuple[str, str], list[Account]]) -> dict[str, Account]:
    return {row.pk: row for row in by_name.get((account.name_key, account.country), [])} if account.name_key else {}
