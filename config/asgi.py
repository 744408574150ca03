"""The web server's door (ASGI, for server-sent events): webhooks by their own short way, the rest by Django."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
os.environ.setdefault("DATABASE_POOL_SIZE", "16")
_django = get_asgi_application()

from apps.api.v1.door import PREFIX, door  # noqa: E402  models are there only once Django is set up


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Choose by path."""
    if scope["type"] == "http" and scope["path"].startswith(PREFIX):
        await door(scope, receive, send)
    else:
        await _django(scope, receive, send)
