"""Whether a tax id has the format of its country. Pure; whether it is registered, only the tax authority knows."""

import functools
import importlib
from typing import Any

from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError

_LOOK = "check for a missing or swapped digit"
# Where the number on an invoice is not what python-stdnum calls the country's VAT number.
_MODULES = {
    "US": ("stdnum.us.tin", "stdnum.us.ein"),
    "GB": ("stdnum.gb.vat",),
    "CH": ("stdnum.ch.vat", "stdnum.ch.uid"),
}


def tax_id_problem(number: str, *, country: str) -> str:
    """What is wrong with `number`, in words; empty when it fits, or when nothing is known of the country's format.

    A VAT number of the European Union names its own country, which may differ from the address.
    """
    compact = "".join(letter for letter in number.upper() if letter.isalnum())
    prefix = compact[:2]
    if prefix.isalpha() and prefix in _eu_prefixes():
        return "" if eu_vat.is_valid(compact) else f"{number!r} is not a VAT number of {prefix}; {_LOOK}."
    modules = _modules_of(country)
    if not modules or any(_fits(module, number) for module in modules):
        return ""
    return f"{number!r} does not have the format of a tax id of {country}; {_LOOK}."


def _fits(module: Any, number: str) -> bool:
    try:
        module.validate(number)
    except ValidationError:
        return False
    return True


@functools.cache
def _modules_of(country: str) -> tuple[Any, ...]:
    if country in _MODULES:
        return tuple(importlib.import_module(name) for name in _MODULES[country])
    found = get_cc_module(country.lower(), "vat") if country else None
    return (found,) if found is not None else ()


@functools.cache
def _eu_prefixes() -> frozenset[str]:
    return frozenset(code.upper() for code in eu_vat.MEMBER_STATES) | {"EL"}
