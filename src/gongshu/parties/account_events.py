"""What happens to accounts, in the audit log: names of failed sign-ins only as keyed hashes, never a value that was typed."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa import signals as factors
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from gongshu.oversight import log
from gongshu.parties.models import Person

NOBODY = "anonymous"


def sign_in_failed(request: HttpRequest, key: str, step: str = "password") -> None:
    """An attempt with a wrong password or code on the account ``key``."""
    _write(NOBODY, "person.sign_in_failed", _hashed(key), step=step)


def locked_out(request: HttpRequest, key: str) -> None:
    """The account ``key`` is locked for now: one event a lock-out, none when it is the address that asked too often."""
    config = {"login_failed": settings.LOCK_OUT}
    rate = ratelimit.parse_rate(settings.LOCK_OUT)
    exhausted = not ratelimit.consume(
        request, app="allauth.account", action="login_failed", config=config, key=key, dry_run=True
    )
    if exhausted and cache.add(f"gongshu.locked-out:{_hashed(key)}", 1, timeout=rate.duration):
        _write(NOBODY, "person.lock_out", _hashed(key), minutes=int(rate.duration // 60))


def sessions_ended(person: Person, number: int) -> None:
    """The person signed out ``number`` other sessions."""
    _of_person(person, "person.sessions_end", number=number)


@receiver(account.user_logged_in)
def _signed_in(request: HttpRequest, user: Person, **_: Any) -> None:
    method = "+".join(
        str(record.get("type") or record["method"]) for record in get_authentication_records(request, user)
    )
    _of_person(user, "person.sign_in", method=method[:80])


@receiver(account.user_logged_out)
def _signed_out(user: Person | None, **_: Any) -> None:
    if user is not None:
        _of_person(user, "person.sign_out")


@receiver(account.password_changed)
@receiver(account.password_set)
def _password_changed(user: Person, **_: Any) -> None:
    _of_person(user, "person.password_change")


@receiver(account.password_reset)
def _password_reset(request: HttpRequest, user: Person, **_: Any) -> None:
    """Who has shown by e-mail that the account is theirs need not wait for the end of a lock-out."""
    ratelimit.clear(
        request,
        app="allauth.account",
        action="login_failed",
        config={"login_failed": settings.LOCK_OUT},
        key=f"person:{user.pk}",
    )
    _of_person(user, "person.password_reset")


@receiver(post_save, sender=Authenticator)
def _factor_added(instance: Authenticator, created: bool, **_: Any) -> None:
    if created:
        _of_factor(instance, "person.factor_add")


@receiver(post_delete, sender=Authenticator)
def _factor_removed(instance: Authenticator, **_: Any) -> None:
    _of_factor(instance, "person.factor_remove")


@receiver(factors.authentication_failed)
def _factor_failed(request: HttpRequest, user: Person, authenticator: Authenticator, **_: Any) -> None:
    sign_in_failed(request, f"person:{user.pk}", step=authenticator.type)


def _of_factor(factor: Authenticator, action: str) -> None:
    """By the rows themselves, and so in their transaction; allauth's signals come after it."""
    by = getattr(context.request, "user", None)
    actor = by.actor_id if isinstance(by, Person) and by.is_authenticated else factor.user.actor_id
    _write(actor, action, f"person:{factor.user.actor_id}", type=factor.type, factor=factor.pk)


def _of_person(person: Person, action: str, **details: Any) -> None:
    _write(person.actor_id, action, f"person:{person.actor_id}", **details)


def _write(actor: str, action: str, subject: str, **details: Any) -> None:
    with transaction.atomic():
        log.append(actor, action, subject, **details)


def _hashed(key: str) -> str:
    return "account:" + salted_hmac("gongshu.parties.account", key, algorithm="sha256").hexdigest()[:24]
