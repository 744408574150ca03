"""Tax ids are checked by their country's own check digits."""

import pytest

from apps.governance.tax_ids import tax_id_problem


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("DE136695976", "DE"), ("DE 136 695 976", "DE"), ("136695976", "DE"), ("GB980780684", "GB"), ("91-1144442", "US"),
        ("FR40303265045", "FR"), ("FR40303265045", "DE"), ("ATU13585627", "AT"), ("CHE-107.787.577 IVA", "CH"),
    ],
)  # fmt: skip
def test_a_tax_id_that_fits_its_country_is_let_through(number, country):
    assert tax_id_problem(number, country=country) == ""


@pytest.mark.parametrize(
    ("number", "country"),
    [("DE136695975", "DE"), ("GB980780685", "GB"), ("12", "US"), ("FR40303265046", "FR"), ("none", "BR")],
)
def test_a_swapped_digit_is_found(number, country):
    assert "check for a missing or swapped digit" in tax_id_problem(number, country=country)


@pytest.mark.parametrize("country", ["", "XX", "AQ"])
def test_where_nothing_is_known_of_the_format_nothing_is_held_against_it(country):
    assert tax_id_problem("12345", country=country) == ""
