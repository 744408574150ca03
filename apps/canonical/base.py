"""The base of every canonical object: frozen, closed, exact; and the field types they share."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from apps.core.errors import BadInput
from apps.core.money import minor_units


class Canonical(BaseModel):
    """Immutable; unknown fields are refused, so a mapping cannot smuggle a vendor's field in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _known_currency(code: str) -> str:
    try:
        minor_units(code)
    except BadInput as error:
        raise ValueError(str(error)) from error
    return code


Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00\s][^\x00]*$")
]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
CountryOrNone = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
CurrencyOrNone = Annotated[
    str, StringConstraints(pattern=r"^([A-Z]{3})?$"), AfterValidator(lambda code: code and _known_currency(code))
]
# Amounts travel as text: a JSON number would pass through a float on the way.
Amount = Annotated[
    Decimal, Field(max_digits=20, decimal_places=6, allow_inf_nan=False), PlainSerializer(str, when_used="json")
]
Percent = Annotated[Decimal, Field(ge=-100, le=1000), PlainSerializer(str, when_used="json")]
