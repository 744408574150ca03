"""Whatever a broken message holds, the case about it can be stored and shown."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from apps.exceptions.evidence import MOST_ITEMS, MOST_TEXT, fit_json, fit_text

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(ANYTHING)
def test_anything_becomes_json_a_database_takes(value):
    text = json.dumps(fit_json(value), allow_nan=False)

    assert "\\u0000" not in text
    text.encode("utf-8")


def test_what_is_fit_already_stays_as_it_is():
    kept = {"source": {"amount": "10.00", "lines": [1, None, True]}, "answer": {"status": 422}}

    assert fit_json(kept) == kept


def test_ten_megabytes_are_cut_and_the_cut_is_named():
    text = fit_text("x" * 10_000_000)

    assert text.startswith("x" * MOST_TEXT)
    assert text.endswith(f"({10_000_000 - MOST_TEXT} more characters)")


def test_a_nul_a_nan_and_a_bottomless_nest_are_named_in_their_place():
    nest: list = []
    for _ in range(1000):
        nest = [nest]

    fit = fit_json({"a\x00": "b\x00c", "n": math.nan, "nest": nest, "many": list(range(MOST_ITEMS + 3))})

    assert fit["a\N{REPLACEMENT CHARACTER}"] == "b\N{REPLACEMENT CHARACTER}c"
    assert fit["n"] == "nan"
    assert "nested too deeply" in json.dumps(fit["nest"])
    assert fit["many"][-1] == "… 3 more"
