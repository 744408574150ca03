"""The web server's door (ASGI, for server-sent events)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
os.environ.setdefault("DATABASE_POOL_SIZE", "16")
application = get_asgi_application()
