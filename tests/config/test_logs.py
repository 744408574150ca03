"""Log lines name their story and keep secrets to themselves."""

import pytest

from apps.core.context import correlated
from config.logs import HIDDEN, hide_secrets, name_story


def test_a_line_names_the_story_it_belongs_to():
    with correlated("story-0001", causation="event-0001"):
        line = name_story(None, "info", {"event": "sent"})

    assert line == {"event": "sent", "correlation_id": "story-0001", "causation_id": "event-0001"}


@pytest.mark.parametrize(
    "line",
    [
        {"client_secret": "hush"},
        {"headers": {"Authorization": "Bearer hush-hush-hush"}},
        {"event": "sent with Bearer hush-hush-hush"},
        {"event": "connect to postgresql://user:hush@host/db"},
        {"event": "key -----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----"},
        {"event": "pat-eu1-12345678-hushhushhush"},
    ],
)
def test_a_secret_never_reaches_the_log(line):
    hidden = hide_secrets(None, "info", line)

    assert "hush" not in str(hidden)
    assert HIDDEN in str(hidden)
