"""Whether two customers are likely one. Pure."""

from dataclasses import dataclass
from difflib import SequenceMatcher

from apps.canonical.parties import Account

_LEGAL_FORMS = frozenset(
    ("ab", "ag", "as", "bv", "co", "company", "corp", "corporation", "eg", "ev", "gmbh", "inc", "incorporated", "kg", "kgaa",
     "limited", "llc", "llp", "lp", "ltd", "nv", "ohg", "oy", "plc", "pty", "sa", "sarl", "se", "spa", "srl", "ug")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Customer:
    """What a check needs to know of a customer that exists already."""

    id: str
    name: str
    country: str = ""
    tax_id: str = ""
    domain: str = ""
    ref: str = ""


def likely_same(account: Account, other: Customer, *, likeness: float) -> str:
    """Why two customers look like one: ``tax_id``, ``domain`` or ``name``; empty when they do not."""
    if account.tax_id and _letters(account.tax_id) == _letters(other.tax_id):
        return "tax_id"
    if account.country and other.country and account.country != other.country:
        return ""
    if account.domain and account.domain.lower() == other.domain.lower():
        return "domain"
    ours, theirs = plain_name(account.name), plain_name(other.name)
    if ours and theirs and SequenceMatcher(None, ours, theirs).ratio() >= likeness:
        return "name"
    return ""


def plain_name(name: str) -> str:
    """A company's name without its legal form, punctuation and case."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.casefold().replace(".", "")).split()
    return " ".join(word for word in words if word not in _LEGAL_FORMS)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())
