"""Errors of the API: each says what, where and how to mend it, carries the correlation id, and shows no trace."""

import pytest
from django.test import Client
from django_fsm import TransitionNotAllowed
from rest_framework import exceptions as drf

from apps.api.problems import handle_exception, problem_of
from apps.core.context import correlated
from apps.core.errors import BadInput, Conflict, Rejected, TieoutError, TransientFailure


def test_bad_input_names_the_place_and_the_mend() -> None:
    error = BadInput("amount is not a number", path="lines[2].amount", mend="Send it as text, like 10.50.")

    with correlated("story-0007"):
        answer = handle_exception(error, {})

    assert answer.status_code == 422
    assert answer.data["correlation_id"] == "story-0007"
    assert answer.data["errors"] == [
        {"path": "lines[2].amount", "message": "amount is not a number", "mend": "Send it as text, like 10.50."}
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("moved on"), 409),
        (TransitionNotAllowed("no"), 409),
        (drf.PermissionDenied(), 403),
        (drf.NotAuthenticated(), 401),
        (drf.NotFound(), 404),
        (drf.MethodNotAllowed("PUT"), 405),
        (drf.Throttled(wait=3), 429),
        (drf.ParseError("not JSON"), 400),
        (Rejected("no", code="period_closed"), 422),
        (TransientFailure("busy", retry_after_s=9), 503),
        (TieoutError("refused"), 422),
        (RuntimeError("secret inner words"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    assert problem_of(error).status == status


def test_what_nobody_expected_is_not_told() -> None:
    body = handle_exception(RuntimeError("secret inner words"), {}).data

    assert "secret" not in str(body)


def test_nested_faults_are_one_line_each() -> None:
    error = drf.ValidationError({"lines": [{}, {"amount": ["A number is needed."]}], "non_field_errors": ["Too many."]})

    faults = problem_of(error).errors

    assert [(fault["path"], fault["message"]) for fault in faults] == [
        ("lines[1].amount", "A number is needed."),
        ("", "Too many."),
    ]


def test_a_throttled_caller_learns_when_to_come_again() -> None:
    assert problem_of(drf.Throttled(wait=3)).headers["Retry-After"] == "3"


@pytest.mark.django_db
def test_an_address_that_does_not_exist_is_a_problem_document(client: Client) -> None:
    answer = client.get("/api/v1/nothing/", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["correlation_id"] == answer["X-Correlation-ID"] == "ab" * 16
