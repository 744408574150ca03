"""The test run: services of its own in a folder of its own, so that a running system is left alone."""

from config.embedded import postgres, redis
from config.settings.base import *
from config.settings.base import (
    DATABASE_URL,
    EMBEDDED_DATABASE,
    EMBEDDED_REDIS,
    REDIS_URL,
    STREAM_LEASE_S,
    TIEOUT_HOME,
    database_setting,
)

TIEOUT_HOME = TIEOUT_HOME / "test"
SECRETS_FOLDER = TIEOUT_HOME / "secrets"
STATIC_ROOT = TIEOUT_HOME / "static"
DATABASE_URL = postgres.url(TIEOUT_HOME) if EMBEDDED_DATABASE else DATABASE_URL
REDIS_URL = redis.url(TIEOUT_HOME) if EMBEDDED_REDIS else REDIS_URL
DATABASES = {"default": database_setting(DATABASE_URL, pool_size=0, idle_s=STREAM_LEASE_S)}

ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
# A hundred sign-ins of the suite need not cost a second each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
