"""When two customers look like one: names and tax ids without what spelling adds to them. Pure."""

import re
import unicodedata

# Legal forms say nothing about who it is; the same customer is entered with and without.
_LEGAL_FORMS = frozenset(
    {
        "ab", "ag", "and", "as", "bv", "co", "cokg", "company", "corp", "corporation", "eg", "ev", "gmbh", "inc",
        "incorporated", "kg", "kgaa", "limited", "llc", "llp", "ltd", "nv", "ohg", "oy", "plc", "sa", "sarl", "sas",
        "se", "spa", "srl", "ug", "und",
    }
)  # fmt: skip
_NOT_WORD = re.compile(r"[\W_]+")


def name_key(name: str) -> str:
    """A name as it is compared: no case, accents, punctuation or legal form. Never empty for a name that has letters."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).casefold()
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # "B.V." and "S.p.A." are one word, whatever the points say.
    words = _NOT_WORD.sub(" ", letters.replace(".", "")).split()
    telling = [word for word in words if word not in _LEGAL_FORMS]
    return "".join(telling or words)[:255]


def tax_key(tax_id: str) -> str:
    """A tax id as it is compared: letters and digits only, in capitals."""
    return _NOT_WORD.sub("", tax_id).upper()[:60]
