"""The inbound door as the web server runs it: sets, limits, and callers that go away."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from apps.api.v1 import door
from apps.api.v1.inbound import LIMIT_BYTES, Call, Reply


def _scope(path: str = "/api/v1/inbound/tax/", method: str = "POST", **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": pairs,
    }


def _call(scope: dict[str, Any], *messages: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
    sent: list[dict[str, Any]] = []
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(door.door(scope, receive, send))
    if not sent:
        return 0, {}, {}
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(sent[1]["body"]), headers


def test_another_path_or_method_is_a_problem_document() -> None:
    status, body, headers = _call(_scope("/api/v1/inbound/tax/more/"))
    assert (status, headers["content-type"], body["instance"]) == (
        404,
        "application/problem+json",
        "/api/v1/inbound/tax/more/",
    )

    status, _, headers = _call(_scope(method="GET"))
    assert (status, headers["allow"]) == (405, "POST")


def test_a_body_that_is_too_large_is_refused_before_it_is_read_whole() -> None:
    assert _call(_scope(content_length=str(LIMIT_BYTES + 1)))[0] == 413

    part = {"type": "http.request", "body": b"x" * (LIMIT_BYTES // 2), "more_body": True}
    assert _call(_scope(), part, part, part)[0] == 413


def test_a_caller_that_goes_away_is_not_answered() -> None:
    first = {"type": "http.request", "body": b"{", "more_body": True}

    assert _call(_scope(), first, {"type": "http.disconnect"})[0] == 0


def test_the_callers_story_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        door, "take_in", lambda calls: [Reply(202, {"correlation_id": call.story}, {}) for call in calls]
    )

    status, body, headers = _call(_scope(x_correlation_id="story-0042"), {"type": "http.request", "body": b"{}"})

    assert (status, body["correlation_id"], headers["x-correlation-id"]) == (202, "story-0042", "story-0042")


def test_whoever_waits_is_taken_in_together_and_nobody_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    sets: list[int] = []

    def slowly(calls: Sequence[Call]) -> list[Reply]:
        import time

        sets.append(len(calls))
        time.sleep(0.02)
        return [Reply(202, {"number": call.body.decode()}, {}) for call in calls]

    monkeypatch.setattr(door, "take_in", slowly)

    async def crowd() -> list[Reply]:
        room = door.WaitingRoom()
        calls = [Call("tax", "/", {}, str(n).encode(), "story") for n in range(200)]
        return await asyncio.gather(*(room.enter(call) for call in calls))

    replies = asyncio.run(crowd())

    assert [reply.body["number"] for reply in replies] == [str(n) for n in range(200)]
    assert sum(sets) == 200
    assert max(sets) == door.MOST_IN_SET
    assert len(sets) < 10


def test_a_fault_inside_answers_everybody_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(calls: Sequence[Call]) -> list[Reply]:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(door, "take_in", broken)

    status, body, headers = _call(_scope(), {"type": "http.request", "body": b"{}"})

    assert (status, headers["retry-after"]) == (503, "5")
    assert "unheard" not in str(body)
