"""News of the platform: published, mended and withdrawn by the platform operator."""

from __future__ import annotations

from django.db import transaction

from gongshu import clock
from gongshu.feedback.models import News
from gongshu.feedback.policies import TITLE_LIMIT, text_within
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import check_may

NEWS_LIMIT = 8000


def publish(actor: Person, title: str, text: str, title_en: str = "", text_en: str = "") -> News:
    """Publish a piece of news; TableError without a title or words, or for too many."""
    check_may(actor, "news.write")
    with transaction.atomic():
        row = News(by=actor, published_at=clock.now())
        _write(row, title, text, title_en, text_en)
        log.append(actor.actor_id, "news.publish", f"news:{row.pk}")
    return row


def change(actor: Person, news: News, title: str, text: str, title_en: str = "", text_en: str = "") -> News:
    """Mend what is out; its day stays, and that it was changed is said. TableError as :func:`publish`."""
    check_may(actor, "news.write")
    with transaction.atomic():
        row = News.objects.select_for_update().get(pk=news.pk)
        row.changed_at = clock.now()
        _write(row, title, text, title_en, text_en)
        log.append(actor.actor_id, "news.change", f"news:{row.pk}")
    return row


def withdraw(actor: Person, news: News) -> News:
    """Take a piece of news away; its page answers 404 from then on."""
    check_may(actor, "news.write")
    with transaction.atomic():
        row = News.objects.select_for_update().get(pk=news.pk)
        row.withdrawn_at = clock.now()
        row.save(update_fields=["withdrawn_at"])
        log.append(actor.actor_id, "news.withdraw", f"news:{row.pk}")
    return row


def _write(row: News, title: str, text: str, title_en: str, text_en: str) -> None:
    row.title = text_within(title, TITLE_LIMIT, missing="请写标题")
    row.text = text_within(text, NEWS_LIMIT, missing="请写正文")
    row.title_en, row.text_en = text_within(title_en, TITLE_LIMIT), text_within(text_en, NEWS_LIMIT)
    row.save()
