"""HTTP middleware: every request belongs to a story, and its answer says to which."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from apps.core.context import chosen_correlation_id, correlated

HEADER = "X-Correlation-ID"

SyncHandler = Callable[[HttpRequest], HttpResponse]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponse]]


@sync_and_async_middleware
def correlation(get_response: SyncHandler | AsyncHandler) -> SyncHandler | AsyncHandler:
    """Take the caller's correlation id, or make one, for all that happens during the request.

    Stands first in MIDDLEWARE, so that error pages and the answers of every other middleware carry the id too.
    """
    if iscoroutinefunction(get_response):
        inner_async = cast(AsyncHandler, get_response)

        async def answer_async(request: HttpRequest) -> HttpResponse:
            story = _story_of(request)
            with correlated(story):
                return _marked(await inner_async(request), story)

        return answer_async

    inner = cast(SyncHandler, get_response)

    def answer(request: HttpRequest) -> HttpResponse:
        story = _story_of(request)
        with correlated(story):
            return _marked(inner(request), story)

    return answer


def _story_of(request: HttpRequest) -> str:
    return chosen_correlation_id(request.headers.get(HEADER), request.headers.get("traceparent"))


def _marked(response: HttpResponse, story: str) -> HttpResponse:
    response.headers.setdefault(HEADER, story)
    return response
