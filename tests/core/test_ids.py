"""Ids: the same parts give the same id, other parts another."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from apps.core.ids import idempotency_key, new_id

texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=10), min_size=1, max_size=3)


@given(texts, texts)
def test_ids_follow_from_their_parts_and_from_nothing_else(parts, others):
    assert new_id("PRJ", *parts) == new_id("PRJ", *parts)
    assert (new_id("PRJ", *parts) == new_id("PRJ", *others)) == (parts == others)
    assert new_id("PRJ", *parts) != new_id("TSK", *parts)


def test_an_id_can_be_read_aloud():
    assert re.fullmatch(r"INV-[0-9A-HJKMNP-TV-Z]{12}", new_id("INV", "a", 1))
    assert new_id("INV") != new_id("INV")


def test_an_idempotency_key_is_a_uuid_that_follows_from_its_parts():
    assert uuid.UUID(idempotency_key("INV-1", 2)).version == 5
    assert idempotency_key("INV-1", 2) == idempotency_key("INV-1", 2)
    assert idempotency_key("INV-1", 2) != idempotency_key("INV-1", 3)
