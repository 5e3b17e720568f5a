"""What readers do with a dataset: they subscribe, by account or by e-mail, and they rate it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Avg, Count
from django.utils.crypto import salted_hmac

from gongshu import clock
from gongshu.opening.models import Dataset, Problem, Rating, Subscription
from gongshu.oversight import log
from gongshu.oversight.models import LogState
from gongshu.parties.models import Person
from gongshu.tables.errors import TableError

READER = "reader"  # the actor of what somebody does without an account
STARS = (1, 2, 3, 4, 5)
MEAN_FROM = 3  # a mean of fewer ratings says little, and nearly who gave which


def subscribe(person: Person, dataset: Dataset) -> Subscription:
    """Tell ``person`` of new versions, withdrawals and stops from now on; done twice it does nothing."""
    with transaction.atomic():
        made, new = Subscription.objects.get_or_create(
            dataset=dataset, person=person, defaults={"confirmed_at": clock.now()}
        )
        if new:
            log.append(person.actor_id, "dataset.subscribe", f"dataset:{dataset.name}")
    return made


def unsubscribe(person: Person, dataset: Dataset) -> None:
    """Tell ``person`` no more; done twice it does nothing."""
    with transaction.atomic():
        if Subscription.objects.filter(dataset=dataset, person=person).delete()[0]:
            log.append(person.actor_id, "dataset.unsubscribe", f"dataset:{dataset.name}")


def ask_address(dataset: Dataset, email: str, language: str) -> None:
    """Somebody without an account wants news by e-mail: the worker mails a link, which must be opened and confirmed.

    TableError for what is no address. Whether the address is subscribed already can't be told from what happens here.
    """
    email = address_of(email)
    with transaction.atomic():
        row, new = Subscription.objects.get_or_create(
            dataset=dataset, email=email, defaults={"language": language, "person": None}
        )
        if not new and row.confirmed_at is None:
            row.asked_at, row.language = None, language
            row.save(update_fields=["asked_at", "language"])


def secret_of(row: Subscription) -> str:
    """The secret in the links of an address: made of the installation's key, so that every mail can carry it."""
    return derived_secret("subscription", f"{row.pk}:{row.email}:{row.created_at.isoformat()}")


def derived_secret(what: str, facts: str) -> str:
    """A secret of 256 bits that only this installation can make again; the database keeps its hash."""
    made = salted_hmac(f"gongshu.opening.{what}", facts, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def hashed(secret: str) -> str:
    """How a secret of a link is kept: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def of_secret(secret: str) -> Subscription | None:
    """The subscription of a link, or None."""
    return Subscription.objects.select_related("dataset").filter(secret_sha256=hashed(secret)).first()


def confirm(row: Subscription) -> None:
    """The owner of the address opened the link and said yes: what happens from now on is mailed."""
    with transaction.atomic():
        locked = Subscription.objects.select_for_update().get(pk=row.pk)
        if locked.confirmed_at is None:
            locked.confirmed_at = clock.now()
            locked.told = (LogState.objects.values_list("size", flat=True).first() or 0) - 1
            locked.save(update_fields=["confirmed_at", "told"])
            log.append(READER, "dataset.subscribe", f"dataset:{row.dataset.name}")


def leave(row: Subscription) -> None:
    """The owner of the address wants no more mails: nothing of it is kept."""
    with transaction.atomic():
        if Subscription.objects.filter(pk=row.pk).delete()[0] and row.confirmed_at is not None:
            log.append(READER, "dataset.unsubscribe", f"dataset:{row.dataset.name}")


def rate(dataset: Dataset, visitor: str, stars: int) -> Rating:
    """The opinion of ``visitor`` (the hash of a person or of a browser's key), 1..5; given again it replaces the first.

    TableError for a number that isn't one of them.
    """
    if stars not in STARS:
        raise TableError("stars_wrong", "请选一到五颗星")
    with transaction.atomic():
        made, _new = Rating.objects.update_or_create(
            dataset=dataset, visitor_sha256=visitor, defaults={"stars": stars, "at": clock.now()}
        )
        log.append(READER, "dataset.rate", f"dataset:{dataset.name}", stars=stars)
    return made


def opinions(dataset: Dataset, person: Person | None) -> dict[str, Any]:
    """What the readers say of the dataset: ratings, reports (those about leaks are nobody's business), a subscription."""
    rated = dataset.ratings.aggregate(n=Count("pk"), mean=Avg("stars"))
    reports = dataset.problems.exclude(kind=Problem.Kind.PRIVACY)
    states = dict(reports.values_list("state").annotate(n=Count("pk")).order_by())
    return {
        "ratings": rated["n"],
        "mean": rated["mean"] if rated["n"] >= MEAN_FROM else None,
        "reports": sum(states.values()),
        "open": states.get(Problem.State.OPEN, 0),
        "subscribed": person is not None and dataset.subscriptions.filter(person=person).exists(),
    }


def visitor_of(person: Person | None, browser: str) -> str:
    """Who rates, so that the same one is known again and nobody else: keyed by the installation."""
    facts = f"person:{person.pk}" if person else f"browser:{browser}"
    return salted_hmac("gongshu.opening.rating", facts, algorithm="sha256").hexdigest()


def address_of(email: str) -> str:
    """An e-mail address as it is kept; TableError for what is none."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise TableError("email_wrong", "这不是一个邮箱地址，请核对") from None
    return email
