"""Django settings, all from :mod:`gongshu.site.options`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from gongshu.seals.keys import read_or_make_key
from gongshu.site.options import option

PACKAGE = Path(__file__).resolve().parent.parent
DATA = Path(option("GONGSHU_DATA")).resolve()
DEBUG = option("GONGSHU_DEBUG")
DEMO = option("GONGSHU_DEMO")
SECRET_KEY = read_or_make_key(DATA / "keys", "django").hex()
ALLOWED_HOSTS = option("GONGSHU_HOSTS")
SITE_URL = option("GONGSHU_URL").rstrip("/")
CITY = {"zh-hans": option("GONGSHU_CITY"), "en": option("GONGSHU_CITY_EN")}
CATALOGUE_LICENCE = option("GONGSHU_CATALOGUE_LICENCE")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_cotton.apps.SimpleAppConfig",
    "gongshu.web",
    "gongshu.jobs",
    "gongshu.oversight",
    "gongshu.parties",
    "gongshu.catalogue",
    "gongshu.gathering",
    "gongshu.governance",
    "gongshu.opening",
    "gongshu.feedback",
    "gongshu.custody",
    "gongshu.federation",
    "gongshu.evaluation",
    "gongshu.surfaces",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "gongshu.web.middleware.SecurityHeaders",
    "gongshu.web.middleware.StaticFiles",
    "gongshu.web.middleware.PackedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "gongshu.web.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "gongshu.site.urls"
ASGI_APPLICATION = "gongshu.site.asgi.application"
AUTH_USER_MODEL = "parties.Person"
AUTHENTICATION_BACKENDS = ["gongshu.parties.authentication.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "workbench"
LOGOUT_REDIRECT_URL = "home"

# Signing in: allauth with the pages of gongshu.parties
ACCOUNT_ADAPTER = "gongshu.parties.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = [
    "username*",
    "email",
    "password1*",
    "password2*",
]  # read by allauth's checks; sign-up is closed
ACCOUNT_EMAIL_VERIFICATION = "none"  # who accepts an invitation has shown that the address is theirs
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # strangers get no mail from us
ACCOUNT_SESSION_REMEMBER = (
    False  # the cookie goes with the browser; on the server a session ends after SESSION_COOKIE_AGE
)
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if option("GONGSHU_HTTPS") else 0  # the proxy that ends TLS tells whom it speaks for
LOCK_OUT = "5/15m/key"  # failures of one account: as many, within, counted by account
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": f"20/m/ip,{LOCK_OUT}"}
MFA_ADAPTER = "gongshu.parties.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # clocks may be half a minute apart
MFA_FORMS = {
    "authenticate": "gongshu.parties.forms.AuthenticateForm",
    "reauthenticate": "gongshu.parties.forms.ReauthenticateForm",
}

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gongshu.web.context.installation",
                "gongshu.parties.context.workbench",
            ],
            "builtins": ["django_cotton.templatetags.cotton", "gongshu.web.templatetags.web"],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA / "gongshu.sqlite3",
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"GONGSHU_DATABASE_URL: {parts.scheme} 不受支持，应为 postgresql://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or "") or parse_qs(parts.query).get("host", [""])[0],  # host=/folder of a socket
        "PORT": str(parts.port or ""),
    }


DATABASES = {"default": _database(option("GONGSHU_DATABASE_URL"))}
CACHES = {
    # in the database, so that the limits on signing in and the codes that were used hold in every process and after a restart
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000, "CULL_FREQUENCY": 10},
    },
    # of one process: what is quicker to keep than to ask again
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = option("GONGSHU_HTTPS")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if option("GONGSHU_HTTPS") else []
SECURE_HSTS_SECONDS = 31536000 if option("GONGSHU_HTTPS") else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

EMAIL_HOST = option("GONGSHU_SMTP_HOST")
EMAIL_PORT = option("GONGSHU_SMTP_PORT")
EMAIL_HOST_USER = option("GONGSHU_SMTP_USER")
EMAIL_HOST_PASSWORD = option("GONGSHU_SMTP_PASSWORD")
EMAIL_USE_SSL = option("GONGSHU_SMTP_TLS") and EMAIL_PORT == 465
EMAIL_USE_TLS = option("GONGSHU_SMTP_TLS") and EMAIL_PORT != 465
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = (
    DATA / "mail"
)  # used without a host only: letters hold links that nobody else may read, so not in a log
DEFAULT_FROM_EMAIL = option("GONGSHU_MAIL_FROM")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"secrets": {"()": "gongshu.web.logs.WithoutSecrets"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"gongshu": {"level": "INFO"}},
}

# The data plane, as plain values: the apps hand them to gongshu.lake and gongshu.tables
ENGINE_MEMORY = option("GONGSHU_ENGINE_MEMORY")
UPLOAD_LIMIT = option("GONGSHU_UPLOAD_LIMIT")
UPLOAD_QUOTA = option("GONGSHU_UPLOAD_QUOTA")
LEASE_SECONDS = option("GONGSHU_LEASE_SECONDS")
LAKE_URL = option("GONGSHU_LAKE_URL") or str(DATA / "lake")
LAKE_CATALOG_URL = option("GONGSHU_CATALOG_URL")
LAKE_S3 = {
    "endpoint": option("GONGSHU_S3_ENDPOINT"),
    "region": option("GONGSHU_S3_REGION"),
    "key": option("GONGSHU_S3_KEY"),
    "secret": option("GONGSHU_S3_SECRET"),
}

# What may be asked inside the own network when other portals are harvested
OUTGOING_ALLOWED = option("GONGSHU_OUTGOING_ALLOWED")

# The interface to rows: questions a second of one address, and of one token, in each process
API_RATE = option("GONGSHU_API_RATE")
CKAN_SQL = option("GONGSHU_CKAN_SQL")
API_TOKEN_RATE = option("GONGSHU_API_TOKEN_RATE")
