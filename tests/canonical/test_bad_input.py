"""Bad input ends as one clear sentence: what, where, and how to mend it."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import SCHEMA_VERSION, from_json, load_json_object, read, to_json
from apps.canonical.commands import COMMANDS
from apps.canonical.contracts import Contract
from apps.core.errors import BadInput

GOOD: dict[str, Any] = {
    "ref": "9001",
    "name": "Yard",
    "account": {"ref": "501", "name": "Werft GmbH", "country": "DE"},
    "currency": "EUR",
    "value": "1000.00",
    "won": True,
    "starts_on": "2026-01-01",
    "ends_on": "2026-12-31",
    "lines": [
        {
            "ref": "L1",
            "legal_entity": "DE-01",
            "service_line": "ADVISORY",
            "billing_method": "fixed_fee_milestone",
            "amount": "1000.00",
            "milestones": [{"code": "M1", "name": "All", "amount": "1000.00"}],
        }
    ],
}

# where, what stands there, the path the answer names
BAD = [
    (("currency",), "XXQ", "currency"),
    (("currency",), "eur", "currency"),
    (("currency",), "", "currency"),
    (("value",), "NaN", "value"),
    (("value",), "Infinity", "value"),
    (("value",), float("nan"), "value"),
    (("value",), float("inf"), "value"),
    (("value",), "a lot", "value"),
    (("value",), None, "value"),
    (("value",), "1" * 30, "value"),
    (("value",), "0.0000001", "value"),
    (("value",), ["1"], "value"),
    (("name",), "", "name"),
    (("name",), "   ", "name"),
    (("name",), "nul\x00inside", "name"),
    (("name",), "x" * 256, "name"),
    (("name",), 7, "name"),
    (("ref",), "", "ref"),
    (("won",), "perhaps", "won"),
    (("starts_on",), "2026-02-30", "starts_on"),
    (("starts_on",), "01.02.2026", "starts_on"),
    (("account", "country"), "Germany", "account.country"),
    (("account", "payment_terms_days"), "soon", "account.payment_terms_days"),
    (("account", "bill_to"), {"name": "x"}, "account.bill_to.country"),
    (("account",), "Werft", "account"),
    (("lines",), {"L1": 5}, "lines"),
    (("lines", 0, "amount"), "NaN", "lines[0].amount"),
    (("lines", 0, "milestones", 0, "amount"), {}, "lines[0].milestones[0].amount"),
    (("lines", 0, "milestones", 0, "due_on"), "soon", "lines[0].milestones[0].due_on"),
    (("lines", 0, "hs_sku"), "vendor word", "lines[0].hs_sku"),
    (("dealname",), "vendor word", "dealname"),
]


def changed(where: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    body = copy.deepcopy(GOOD)
    place: Any = body
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    return body


def test_a_sound_contract_is_read():
    assert read(Contract, GOOD).lines_total == 1000


@pytest.mark.parametrize(("where", "value", "path"), BAD)
def test_each_bad_value_is_named_with_its_place_and_mend(where, value, path):
    with pytest.raises(BadInput) as refused:
        read(Contract, changed(where, value))

    assert refused.value.path == path
    assert path in str(refused.value)
    assert refused.value.mend.startswith(f"Correct {path}")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"lines": [*GOOD["lines"], *GOOD["lines"]]}, "two contract lines carry the same ref"),
        ({"ends_on": "2025-12-31"}, "before it starts"),
        ({"lines": [{**GOOD["lines"][0], "milestones": GOOD["lines"][0]["milestones"] * 2}]}, "same code"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, word):
    with pytest.raises(BadInput, match=word):
        read(Contract, {**GOOD, **changes})


def test_what_is_missing_is_named():
    body = {name: value for name, value in GOOD.items() if name != "currency"}

    with pytest.raises(BadInput) as refused:
        read(Contract, body)

    assert refused.value.path == "currency"


def test_a_state_nobody_knows_is_refused():
    status = {"ref": "7", "state": "perhaps", "net": "1", "tax": "0", "total": "1", "open_balance": "1"}

    with pytest.raises(BadInput) as refused:
        read(InvoiceStatus, status)

    assert refused.value.path == "state"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b"[1]", "a JSON list, not an object"),
        (b'"text"', "a JSON str, not an object"),
        (b"null", "a JSON NoneType, not an object"),
        (b'{"a": "x\\u0000y"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "nested too deeply"),
        (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "not JSON"),
        (b'{"a": "\\ud800"}', "half a character"),
    ],
)
def test_a_body_that_is_no_sound_json_object_is_refused_with_a_mend(raw, word):
    with pytest.raises(BadInput, match=word) as refused:
        load_json_object(raw)

    assert refused.value.mend


def test_the_place_of_a_nul_character_is_named():
    with pytest.raises(BadInput) as refused:
        load_json_object(json.dumps({"lines": [{"name": "fine"}, {"name": "\x00"}]}))

    assert refused.value.path == "lines[1].name"


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, "1", None, 1.5, [], True, 0, -1])
def test_a_schema_version_this_release_cannot_read_is_refused(version):
    with pytest.raises(BadInput) as refused:
        from_json(Contract, {**GOOD, "_v": version})

    assert refused.value.path == "_v"


def test_a_contract_survives_being_written_and_read():
    terms = read(Contract, GOOD)

    assert from_json(Contract, json.loads(json.dumps(to_json(terms)))) == terms
    assert to_json(terms)["value"] == "1000.00"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(sorted(GOOD)), anything)
def test_whatever_stands_in_a_field_is_read_or_refused_in_words(name, value):
    with suppress(BadInput):
        read(Contract, {**GOOD, name: value})


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_refused_in_words(raw):
    with suppress(BadInput):
        assert isinstance(load_json_object(raw), dict)


@given(anything)
def test_a_command_of_anything_is_refused_in_words(value):
    for command in COMMANDS.values():
        with pytest.raises(BadInput):
            read(command, {"no_such_field": value})


def test_every_command_names_the_event_its_answer_becomes():
    receipts = [command.receipt for name, command in COMMANDS.items() if name not in ("Announce",)]

    assert all(receipts)
    assert len(receipts) == len(set(receipts))
