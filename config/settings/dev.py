"""One machine, no TLS: what `make run` and manage.py use unless told otherwise."""

from config.settings.base import *
from config.settings.base import SANDBOX_PORT, TRYTON_PORT

# A checkout is edited while it runs: a new file shows without another collectstatic.
WHITENOISE_USE_FINDERS = True

NEIGHBOURS = {
    "sandbox": f"http://127.0.0.1:{SANDBOX_PORT}/health",
    "tryton": f"http://127.0.0.1:{TRYTON_PORT}/",
}
