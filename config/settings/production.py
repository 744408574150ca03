"""Behind TLS, with services and secrets that come from outside."""

from config import environment
from config.logs import logging_config
from config.settings.base import *

SECRET_KEY = environment.needed(
    "SECRET_KEY", mend="Set it to 50 or more random characters, the same on every machine of this installation."
)
ALLOWED_HOSTS = environment.needed_names(
    "ALLOWED_HOSTS", mend="Set it to the host name people use, like tieout.example.com."
)

DEBUG = False
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
# A load balancer asks from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
LOGGING = logging_config(level="INFO", as_json=True)
