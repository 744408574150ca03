"""The one way out: where it leads, what it refuses, what it makes of silence."""

import asyncio
import gzip
from collections.abc import Iterator

import pytest

from apps.connectors import http
from apps.connectors.http import Door
from apps.connectors.redaction import Redactor
from apps.core.errors import Misconfigured, TransientFailure, UnknownOutcome
from tests.connectors.bench import run
from tests.connectors.line import Line


@pytest.fixture(scope="module")
def nowhere() -> Iterator[Line]:
    line = Line("http://127.0.0.1:9")
    yield line
    line.close()


@pytest.fixture
def line(nowhere: Line) -> Line:
    nowhere.forget()
    return nowhere


def door(line: Line, *, timeout_s: float = 2.0) -> Door:
    return Door(base_url=line.base, redact=Redactor({"token": "top-secret-token"}), timeout_s=timeout_s)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://evil.example/",
        "http://127.0.0.1:1/",
        "http://127.0.0.1@evil.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "",
    ],
)
def test_no_other_address_is_called(line: Line, url: str):
    with pytest.raises(Misconfigured, match="not an address of this system"):
        run(door(line).send("GET", url))

    assert line.heard == []


def test_an_address_that_only_begins_like_ours_is_not_ours(line: Line):
    for url in (
        line.base + "9/",
        line.base + "@evil.example/",
        line.base + ".evil.example/",
        line.base + "\\@evil.example/",
    ):
        with pytest.raises(Misconfigured):
            run(door(line).send("GET", url))


@pytest.mark.parametrize(
    "base",
    [
        "http://erp.example",
        "ftp://erp.example",
        "https://user:password@erp.example",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://0.0.0.0",
        "https://224.0.0.1",
        "https://",
        "erp.example",
    ],
)
def test_an_address_that_may_not_be_called_is_refused_when_it_is_set(base: str):
    with pytest.raises(Misconfigured) as raised:
        Door(base_url=base, redact=Redactor({}))

    assert "password" not in str(raised.value)


def test_a_redirect_is_an_answer_and_not_followed(line: Line):
    with line.disturbed(answer=(307, {"Location": line.base + "/other"}, b"")):
        reply = run(door(line).send("GET", line.base + "/a", is_read=True))

    assert (reply.status, len(line.heard)) == (307, 1)


@pytest.mark.parametrize(("is_read", "kind"), [(True, TransientFailure), (False, UnknownOutcome)])
def test_an_answer_beyond_all_bounds_is_not_read(line: Line, is_read: bool, kind: type[Exception]):
    bomb = gzip.compress(b"0" * (http.MAX_ANSWER_BYTES + 1))
    with line.disturbed(answer=(200, {"Content-Encoding": "gzip"}, bomb)), pytest.raises(kind):
        run(door(line, timeout_s=10).send("POST", line.base + "/a", is_read=is_read))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_write_whose_line_is_cut_is_sent_once(line: Line, method: str):
    """The library would repeat PUT and DELETE by itself on a kept connection."""

    async def twice() -> None:
        way = door(line)
        with line.disturbed(answer=(200, {}, b"{}")):
            await way.send("GET", line.base + "/warm", is_read=True)
        with line.disturbed(drop="before"), pytest.raises(UnknownOutcome):
            await way.send(method, line.base + "/a", json={})

    run(twice())

    assert [one.method for one in line.heard] == ["GET", method]


def test_a_name_that_does_not_exist_means_nothing_was_sent():
    way = Door(base_url="https://no-such-host.invalid", redact=Redactor({}))
    with pytest.raises(TransientFailure, match="nothing was sent"):
        run(way.send("POST", "https://no-such-host.invalid/"))


def test_headers_carry_the_story_only_when_it_is_fit(line: Line):
    async def three() -> None:
        with line.disturbed(answer=(200, {}, b"{}"), times=3):
            for story in ("0" * 32, "short-id-1", ""):
                await door(line).send("GET", line.base + "/a", correlation_id=story)

    run(three())

    assert [one.headers.get("x-correlation-id", "") for one in line.heard] == ["0" * 32, "short-id-1", ""]
    assert ["traceparent" in one.headers for one in line.heard] == [True, False, False]


def test_answers_are_found_by_header_in_any_case(line: Line):
    with line.disturbed(answer=(200, {"X-Thing": "7"}, b'{"a": 1.10}')):
        reply = run(door(line).send("GET", line.base + "/a"))

    assert reply.headers.get("x-thing") == "7"
    assert str(reply.json()["a"]) == "1.10"
    assert reply.elapsed_ms > 0


def test_each_event_loop_has_connections_of_its_own(line: Line):
    way = door(line)

    for _ in range(2):
        with line.disturbed(answer=(200, {}, b"{}")):
            assert run(way.send("GET", line.base + "/a")).status == 200


def test_a_cancelled_call_leaves_the_door_usable(line: Line):
    async def cancel() -> int:
        way = door(line)
        with line.disturbed(hang_s=1):
            task = asyncio.ensure_future(way.send("POST", line.base + "/a"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with line.disturbed(answer=(200, {}, b"{}")):
            return (await way.send("GET", line.base + "/b")).status

    assert run(cancel()) == 200


@pytest.mark.parametrize(
    "text",
    [
        "the token top-secret-token is wrong",
        "Authorization: Bearer abcdef.ghijkl",
        '{"access_token":"abcdef-ghi"}',
        "client_assertion=eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln",
        "whsec_c2VjcmV0c2VjcmV0",
        "pat-eu1-0123456789abcdef",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str):
    masked = Redactor({"token": "top-secret-token", "nested": {"more": ["also-secret"]}})(text)

    assert "[redacted]" in masked
    for secret in ("top-secret-token", "abcdef", "c2ln", "c2VjcmV0", "0123456789abcdef", "MIIEvQ"):
        assert secret not in masked


def test_evidence_is_short_and_holds_no_nul():
    kept = Redactor({"a": "secret-value"}).evidence(b"\x00" + b"x" * 1995 + b"secret-value" + b"y" * 99999)

    assert len(kept) <= 2000
    assert "secret" not in kept
    assert "\x00" not in kept
