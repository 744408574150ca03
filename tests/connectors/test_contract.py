"""What every connector must do, whatever its vendor: one suite, each vendor in turn."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from apps.connectors.base import Call, Done
from apps.connectors.http import Door
from apps.connectors.redaction import Redactor
from apps.core.errors import BadInput, Failure, Misconfigured, Rejected, TransientFailure, UnknownOutcome
from tests.connectors.bench import CORRELATION, Bench, run
from tests.connectors.conftest import within

GARBAGE = [
    b"",
    b"\xff\xfe\x00",
    b"{",
    b"null",
    b"[]",
    b"NaN",
    b'"text"',
    b"{}",
    b'{"a": NaN}',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"x": "' + b"a" * 10_000_000 + b'"}',
]


def test_the_same_key_twice_has_one_effect(bench: Bench):
    call = bench.write(1)

    first = run(bench.connector.execute(call))
    again = run(bench.connector.execute(replace(call, attempt=2)))

    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert first.ref == again.ref
    assert bench.effects(call) == 1


def test_the_same_key_twice_without_knowing_has_one_effect(bench: Bench):
    call = bench.write(1)

    run(bench.connector.execute(call))
    run(bench.connector.execute(call))

    assert bench.effects(call) == 1


def test_nothing_is_found_under_a_key_nobody_used(bench: Bench):
    assert run(bench.connector.lookup(bench.write(99))) is None


def test_an_effect_that_comes_late_is_found_and_not_repeated(bench: Bench):
    call = bench.write(1)
    with bench.line.disturbed(late_s=1.0), pytest.raises(UnknownOutcome):
        run(bench.connector.execute(within(call, 0.5)))
    assert run(bench.connector.lookup(call)) is None

    _wait_for(lambda: bench.effects(call) == 1)
    found = run(bench.connector.lookup(call))

    if bench.connector.capabilities.idempotency == "event_id":
        assert found is None
        run(bench.connector.execute(replace(call, attempt=2)))
    else:
        assert found is not None
        assert found.ref
    assert bench.effects(call) == 1


def test_an_effect_whose_answer_was_lost_is_unknown_and_found(bench: Bench):
    call = bench.write(1)

    with bench.line.disturbed(drop="after"), pytest.raises(UnknownOutcome) as raised:
        run(bench.connector.execute(call))

    assert raised.value.code == "unknown_outcome"
    assert len([one for one in bench.line.calls if one.method != "GET"]) == 1
    if bench.connector.capabilities.idempotency != "event_id":
        assert run(bench.connector.lookup(call)) is not None
    assert bench.effects(call) == 1


@pytest.mark.parametrize("how", [{"hang_s": 3}, {"drop": "before"}], ids=["silence", "cut"])
def test_a_write_without_an_answer_is_unknown(bench: Bench, how: dict[str, Any]):
    call = within(bench.write(1), 0.6)

    with bench.line.disturbed(**how), pytest.raises(UnknownOutcome):
        run(bench.connector.execute(call))

    assert bench.effects(call) == 0


@pytest.mark.parametrize("how", [{"hang_s": 3}, {"drop": "before"}], ids=["silence", "cut"])
def test_a_read_without_an_answer_is_tried_again(bench: Bench, how: dict[str, Any]):
    call = within(_read(bench), 0.6)

    with bench.line.disturbed(**how), pytest.raises(TransientFailure) as raised:
        run(bench.connector.execute(call))

    assert raised.value.scope == "command"


@pytest.mark.parametrize(
    ("status", "write", "read"),
    [
        (401, Misconfigured, Misconfigured),
        (403, Misconfigured, Misconfigured),
        (302, Misconfigured, Misconfigured),
        (408, UnknownOutcome, TransientFailure),
        (429, TransientFailure, TransientFailure),
        (500, UnknownOutcome, TransientFailure),
        (502, UnknownOutcome, TransientFailure),
        (503, TransientFailure, TransientFailure),
        (504, UnknownOutcome, TransientFailure),
    ],
)
def test_each_refusal_ends_in_its_kind(bench: Bench, status: int, write: type[Failure], read: type[Failure]):
    answer = (status, {"Location": "https://elsewhere.example/"} if status == 302 else {}, b"<html>sorry</html>")

    with bench.line.disturbed(answer=answer), pytest.raises(write) as raised:
        run(bench.connector.execute(bench.write(1)))
    if bench.read is not None:
        with bench.line.disturbed(answer=answer), pytest.raises(read):
            run(bench.connector.execute(bench.read()))

    assert raised.value.code
    assert str(raised.value)


def test_throttling_pauses_the_whole_system_as_long_as_the_vendor_asks(bench: Bench):
    with (
        bench.line.disturbed(answer=(429, {"Retry-After": "7"}, b"{}")),
        pytest.raises(TransientFailure) as raised,
    ):
        run(bench.connector.execute(bench.write(1)))

    assert (raised.value.scope, raised.value.retry_after_s) == ("system", 7.0)


def test_nobody_at_home_means_nothing_was_sent(bench: Bench):
    call = bench.write(1)
    connector: Any = bench.connector
    nobody = Door(base_url="http://127.0.0.1:9", redact=Redactor({}))
    with pytest.raises(TransientFailure) as raised:
        run(nobody.send("POST", "http://127.0.0.1:9/", json={}))

    assert raised.value.code == "vendor_down"
    assert bench.effects(call) == 0
    assert connector.capabilities.max_in_flight_s > 0


def test_an_answer_that_is_no_json_is_looked_up_after_a_write(bench: Bench):
    with bench.line.disturbed(answer=(200, {}, b"<html>all well</html>")), pytest.raises(Failure) as raised:
        run(bench.connector.execute(bench.write(1)))

    assert isinstance(raised.value, UnknownOutcome | Misconfigured)


def test_an_unsupported_command_is_refused_before_anything_is_sent(bench: Bench):
    from apps.canonical.commands import Command

    class TurnTheMoon(Command):
        receipt = "moon.turned"

    call = Call(command=TurnTheMoon(), idempotency_key="k")
    bench.line.forget()

    with pytest.raises(Rejected, match="TurnTheMoon"):
        run(bench.connector.execute(call))

    assert bench.line.heard == []


def test_every_call_carries_the_story_it_belongs_to(bench: Bench):
    calls = [bench.write(1), *([bench.read()] if bench.read else [])]
    bench.line.forget()

    for call in calls:
        run(bench.connector.execute(call))

    assert bench.line.calls
    for heard in bench.line.calls:
        assert heard.headers["x-correlation-id"] == CORRELATION
        assert heard.headers["traceparent"].startswith(f"00-{CORRELATION}-")


def test_no_secret_is_logged_or_kept_as_evidence(bench: Bench, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    told = []

    for how in ({"echo": 400}, {"echo": 403}, {"echo": 500}, {"drop": "before"}, {"echo": 200}):
        with bench.line.disturbed(**how):
            try:
                run(bench.connector.execute(within(bench.write(1), 2)))
            except Failure as failure:
                told.append(f"{failure} {failure.detail} {failure.field} {failure.__cause__!r}")
    told.append(repr(bench.connector.__dict__.get("_system", "")))

    text = " ".join(told) + caplog.text
    assert len(told) >= 5
    assert bench.secrets
    for secret in bench.secrets:
        assert secret not in text
    bearers = {one.headers.get("authorization", "").rpartition(" ")[2] for one in bench.line.heard} - {""}
    for bearer in bearers:
        assert bearer not in text


def test_the_deadline_holds(bench: Bench):
    call = within(bench.write(1), 0.5)
    started = time.monotonic()

    with bench.line.disturbed(hang_s=4, times=9), pytest.raises(UnknownOutcome):
        run(bench.connector.execute(call))

    assert time.monotonic() - started < 1.5


def test_a_call_that_could_not_finish_is_not_started(bench: Bench):
    call = within(bench.write(1), 0.05)
    bench.line.forget()

    with pytest.raises(TransientFailure):
        run(bench.connector.execute(call))

    assert bench.line.calls == []
    assert bench.effects(call) == 0


def test_one_command_has_one_call_in_flight(bench: Bench):
    call = _read(bench) if bench.read else bench.write(1)
    bench.line.forget()

    run(bench.connector.execute(call))

    assert bench.line.most_at_once == 1


def test_as_many_calls_are_in_flight_as_commands_were_given(bench: Bench):
    calls = [bench.write(n) for n in range(10, 16)]
    bench.line.forget()

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(*(bench.connector.execute(call) for call in calls))

    answers = run(all_at_once())

    assert all(isinstance(one, Done) for one in answers)
    assert bench.line.most_at_once <= len(calls)


@pytest.mark.parametrize("body", GARBAGE, ids=[repr(one[:20]) for one in GARBAGE])
def test_garbage_is_a_case_and_never_a_crash(bench: Bench, body: bytes):
    with pytest.raises(BadInput) as raised:
        bench.connector.parse(body)

    assert raised.value.mend


def test_a_readable_event_with_an_unreadable_part_is_a_case(bench: Bench):
    for body in bench.bad_events:
        with pytest.raises(BadInput) as raised:
            bench.connector.parse(body)
        assert raised.value.mend, body


def test_a_signed_request_is_believed_and_split(bench: Bench):
    request = _inbound(bench)

    bench.connector.verify(request)
    (event,) = bench.connector.split(request)

    assert event.external_id
    assert event.subject
    assert bench.connector.parse(event.body) is not None


def test_the_same_request_again_gives_the_same_event_ids(bench: Bench):
    request = _inbound(bench)

    assert [one.external_id for one in bench.connector.split(request)] == [
        one.external_id for one in bench.connector.split(request)
    ]


def test_a_forged_request_is_refused(bench: Bench):
    request = _inbound(bench)
    for forged in (
        replace(request, body=request.body + b" "),
        replace(
            request,
            headers={
                name: f"{value[:-6]}AAAAAA" if "sign" in name else value for name, value in request.headers.items()
            },
        ),
        replace(request, headers={name: "é" if "sign" in name else value for name, value in request.headers.items()}),
    ):
        with pytest.raises(Rejected) as raised:
            bench.connector.verify(forged)
        assert raised.value.code == "signature_invalid"


@pytest.mark.parametrize("age_s", [301, 3600, -301, -86400 * 365])
def test_a_replayed_request_is_refused(bench: Bench, age_s: int):
    assert bench.inbound is not None or pytest.skip("sends no webhooks")
    request = bench.inbound(at_s=time.time() - age_s)

    with pytest.raises(Rejected) as raised:
        bench.connector.verify(request)

    assert raised.value.code == "signature_stale"


def test_an_unsigned_request_is_refused(bench: Bench):
    request = _inbound(bench)
    for name in request.headers:
        rest = {key: value for key, value in request.headers.items() if key != name}
        with pytest.raises(Rejected) as raised:
            bench.connector.verify(replace(request, headers=rest))
        assert raised.value.code == "signature_missing"


@pytest.mark.parametrize("stamp", ["", "abc", "1e9", "-5", "99999999999999999999999", "١٢٣"])
def test_a_nonsense_time_is_refused(bench: Bench, stamp: str):
    request = _inbound(bench)
    headers = {name: stamp if "timestamp" in name else value for name, value in request.headers.items()}

    with pytest.raises(Rejected):
        bench.connector.verify(replace(request, headers=headers))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[{]", b"[1 2]", b"\xff", b"[" * 100_000, b"[" + b"1," * 2_000_000 + b"1]"]
)
def test_a_request_that_cannot_be_split_says_so(bench: Bench, body: bytes):
    request = replace(_inbound(bench), body=body)

    with pytest.raises(BadInput) as raised:
        bench.connector.split(request)

    assert raised.value.mend


def _inbound(bench: Bench) -> Any:
    if bench.inbound is None:
        pytest.skip(f"{bench.code} sends no webhooks")
    return bench.inbound()


def _read(bench: Bench) -> Call:
    if bench.read is None:
        pytest.skip(f"{bench.code} cannot be asked anything")
    return bench.read()


def _wait_for(true: Any) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
