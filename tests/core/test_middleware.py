"""The correlation middleware: every request belongs to a story, and its answer says to which."""

import asyncio

from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from apps.core.context import correlation_id
from apps.core.middleware import HEADER, correlation

seen: list[str] = []


def view(request: HttpRequest) -> HttpResponse:
    seen.append(correlation_id())
    return HttpResponse("ok")


async def async_view(request: HttpRequest) -> HttpResponse:
    return view(request)


def test_what_happens_in_a_request_belongs_to_the_callers_story():
    answer = correlation(view)(RequestFactory().get("/", headers={HEADER: "story-of-aurora"}))

    assert (answer[HEADER], seen[-1]) == ("story-of-aurora", "story-of-aurora")
    assert correlation_id() == ""


def test_two_requests_without_a_story_get_two():
    answers = [correlation(view)(RequestFactory().get("/")) for _ in range(2)]

    assert answers[0][HEADER] != answers[1][HEADER]
    assert [answer[HEADER] for answer in answers] == seen[-2:]


def test_an_asynchronous_request_is_told_apart_from_its_neighbours():
    async def together() -> list[HttpResponse]:
        handler = correlation(async_view)
        requests = [AsyncRequestFactory().get("/", headers={HEADER: f"story-{number:08d}"}) for number in range(3)]
        return await asyncio.gather(*(handler(request) for request in requests))

    answers = asyncio.run(together())

    assert [answer[HEADER] for answer in answers] == ["story-00000000", "story-00000001", "story-00000002"]
    assert sorted(seen[-3:]) == [answer[HEADER] for answer in answers]


def test_an_answer_that_names_its_story_itself_keeps_it():
    def named(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={HEADER: "another-story"})

    assert correlation(named)(RequestFactory().get("/"))[HEADER] == "another-story"
