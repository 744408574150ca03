"""Correlation: the caller's id is taken when it is fit to be one, and ends with its block."""

import pytest

from apps.core.context import causation_id, chosen_correlation_id, correlated, correlation_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("header", "traceparent", "chosen"),
    [
        ("story-00000001", None, "story-00000001"),
        ("story-00000001", f"00-{TRACE}-00f067aa0ba902b7-01", "story-00000001"),
        (None, f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
        ("bad id with spaces", f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
    ],
)
def test_the_callers_story_goes_on(header, traceparent, chosen):
    assert chosen_correlation_id(header, traceparent) == chosen


@pytest.mark.parametrize("header", [None, "", "short", "x" * 65, "line\nbreak-00001", "<script>alert</script>"])
def test_what_is_not_fit_to_be_an_id_gets_a_fresh_one(header):
    fresh = chosen_correlation_id(header, "not-a-traceparent")

    assert fresh != header
    assert len(fresh) == 32
    int(fresh, 16)


def test_a_story_ends_with_its_block_even_when_it_fails():
    def failing() -> None:
        with correlated("story-00000001", causation="EVT-1"):
            assert (correlation_id(), causation_id()) == ("story-00000001", "EVT-1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()

    assert (correlation_id(), causation_id()) == ("", "")
