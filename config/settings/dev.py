"""One machine, no TLS: what `make run` and manage.py use unless told otherwise."""

from config.settings.base import *

# A checkout is edited while it runs: a new file shows without another collectstatic.
WHITENOISE_USE_FINDERS = True
