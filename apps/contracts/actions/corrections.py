"""A customer's data as a person of ours corrects it: only what is ours, or what its owner has left empty."""

from collections.abc import Mapping
from typing import Any

from apps.audit.work import Work
from apps.contracts.actions.accounts import write_account
from apps.contracts.models import Account
from apps.core.actor import Actor
from apps.core.errors import BadInput
from apps.governance.ownership import Matrix
from apps.governance.states import SystemKind

# What a person may be able to correct, as far as the matrix lets them.
FIELDS = ("name", "tax_id", "country", "parent_ref", "bill_to", "payment_terms_days", "domain")


def correctable(account: Account, rules: Matrix) -> list[str]:
    """The fields that are ours to write, or that are empty and may be filled by others than their owner."""
    return [name for name in FIELDS if _may_correct(account, name, rules)]


def correct_account(
    work: Work, account: Account, values: Mapping[str, Any], *, rules: Matrix, by: Actor, why: str, story: str = ""
) -> None:
    """Write `values` to a held customer; raises BadInput naming the owner for a field that is not ours to write."""
    for name in values:
        if not _may_correct(account, name, rules):
            owner = rules.rule("account", name).owner
            raise BadInput(
                f"account.{name} belongs to {owner}", path=name, mend=f"Have it corrected in the {owner}, then replay."
            )
    before = {name: getattr(account, name) for name in values}
    write_account(account, values)
    work.note(account, verb="correct", by=by, why=why, before=before, after=dict(values), story=story)


def _may_correct(account: Account, name: str, rules: Matrix) -> bool:
    rule = rules.rule("account", name)
    return rule.owner == SystemKind.TIEOUT or (rule.others_may_fill and getattr(account, name) in (None, "", {}))
