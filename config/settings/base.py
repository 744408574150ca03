"""What holds everywhere. The environment is read here and nowhere else."""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from config import environment, logs
from config.broker import broker_url
from config.database import database_setting
from config.embedded import postgres, redis
from config.keys import signing_key

REPOSITORY = Path(__file__).resolve().parents[2]

# --- the run-time folder and what listens where -------------------------------------------------
TIEOUT_HOME = Path(environment.text("TIEOUT_HOME") or REPOSITORY / ".tieout").expanduser().resolve()
SECRETS_FOLDER = TIEOUT_HOME / "secrets"
TIEOUT_PORT = environment.whole_number("TIEOUT_PORT", default=8000, low=1, high=65535)
SANDBOX_PORT = environment.whole_number("SANDBOX_PORT", default=8100, low=1, high=65535)
TRYTON_PORT = environment.whole_number("TRYTON_PORT", default=8200, low=1, high=65535)

# --- database and bell --------------------------------------------------------------------------
_database_url = environment.address(
    "DATABASE_URL", schemes=("postgres", "postgresql"), example="postgresql://user:password@host:5432/tieout"
)
_redis_url = environment.address(
    "REDIS_URL", schemes=("redis", "rediss", "unix"), example="redis://:password@host:6379/0"
)
EMBEDDED_DATABASE = not _database_url
EMBEDDED_REDIS = not _redis_url
DATABASE_URL = _database_url or postgres.url(TIEOUT_HOME)
REDIS_URL = _redis_url or redis.url(TIEOUT_HOME)
# The web server answers many requests from few threads and shares a pool; a worker process keeps one connection.
DATABASE_POOL_SIZE = environment.whole_number("DATABASE_POOL_SIZE", default=0, low=0, high=100)
# A worker that needs longer than this for one set is taken for dead: others take over, and it is fenced when it comes back.
STREAM_LEASE_S = environment.whole_number("STREAM_LEASE_S", default=60, low=1, high=3600)
DATABASES: dict[str, dict[str, Any]] = {
    "default": database_setting(DATABASE_URL, pool_size=DATABASE_POOL_SIZE, idle_s=STREAM_LEASE_S)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- who may call ------------------------------------------------------------------------------
DEBUG = environment.yes_or_no("DEBUG", default=False)
SECRET_KEY = environment.text("SECRET_KEY") or signing_key(SECRETS_FOLDER)
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS", default=("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS")
# Vendors sign the address they called, so it comes from configuration and never from a Host header.
PUBLIC_URL = environment.text("PUBLIC_URL") or f"http://127.0.0.1:{TIEOUT_PORT}"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "django_filters",
    "csp",
    "heroicons",
    "django_fsm",
    "apps.core",
    "apps.audit",
    "apps.access",
    "apps.governance",
    "apps.exceptions",
    "apps.contracts",
    "apps.projects",
    "apps.billing",
    "apps.connectors",
    "apps.events",
    "apps.processes",
    "apps.reporting",
    "apps.api",
    "apps.workbench",
    "config.launcher",
]

MIDDLEWARE = [
    # First, so that every answer names its story, the answers of the others included.
    "apps.core.middleware.correlation",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [REPOSITORY / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.workbench.context.page",
            ]
        },
    }
]

# --- people and passwords -----------------------------------------------------------------------
AUTH_USER_MODEL = "access.User"
LOGIN_URL = "workbench:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.error_pages.stale_form"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- language and time --------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- static files -------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = TIEOUT_HOME / "static"
STATICFILES_DIRS = [folder for folder in (REPOSITORY / "static",) if folder.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- HTTP API -----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.api.problems.handle_exception",
}
SPECTACULAR_SETTINGS = {"TITLE": "Tieout", "VERSION": "1.0.0", "OAS_VERSION": "3.1.0"}

# --- the bell: wake-ups are disposable, the tables are the queues --------------------------------
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_TASK_DEFAULT_QUEUE = "process"
# Each of these has an outbox queue of its own, so that a slow system delays nobody else; any other shares one.
CONNECTED_SYSTEMS = environment.names(
    "CONNECTED_SYSTEMS", default=("hubspot", "netsuite", "tryton", "tax", "psa", "staffing", "documents")
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 300,
}
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"
CELERY_TIMEZONE = "UTC"

# --- what /health/ asks besides database, bell and workers: name → address ------------------------
NEIGHBOURS: dict[str, str] = {}

# --- faults, for tests of what a kill at any point leaves behind -----------------------------------
FAILPOINT = environment.text("FAILPOINT") or None

# --- logs ---------------------------------------------------------------------------------------
LOGGING = logs.logging_config(
    level=environment.one_of("LOG_LEVEL", default="INFO", allowed=("DEBUG", "INFO", "WARNING", "ERROR")),
    as_json=environment.yes_or_no("LOG_JSON", default=False),
)
logs.configure()
