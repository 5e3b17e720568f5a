"""Words that mean the same to who searches: the groups of the rulebook, and those that the platform's operator keeps over them."""

from __future__ import annotations

import re

from django.db import transaction

from gongshu import clock
from gongshu.opening.models import SynonymGroup
from gongshu.opening.search.words import PIECE, groups, plain
from gongshu.oversight import log
from gongshu.parties.permissions import Actor, check_may
from gongshu.tables.errors import TableError

MOST_WORDS, LONGEST_WORD, MOST_GROUPS = 20, 30, 2000
PERMISSION = "synonyms.edit"


def split(text: str) -> list[str]:
    """The words of a line as it is typed: between commas, semicolons or line breaks of either script, each once."""
    words = (one.strip() for one in re.split(r"[,，;；、\n]", text))
    return list(dict.fromkeys(one for one in words if one))


def save_synonyms(actor: Actor, words: list[str], *, rulebook_key: str = "", group: int | None = None) -> SynonymGroup:
    """Say that ``words`` mean the same: a new group, the group with the id ``group`` changed, or one in the place of the
    rulebook's group that begins with ``rulebook_key`` (then no words switch it off). Questions heed it at once.

    TableError for fewer than two words, too many or too long ones, words without a letter, and unknown groups.
    """
    check_may(actor, PERMISSION)
    _check(words, may_be_none=bool(rulebook_key))
    with transaction.atomic():
        if rulebook_key:
            if rulebook_key not in {key for key, _words, _row in groups() if key}:
                raise TableError("unknown_group", "规则集里没有以“{word}”开头的近义词组", word=rulebook_key)
            row = SynonymGroup.objects.filter(rulebook_key=rulebook_key).first()
        else:
            row = _own(group) if group is not None else None
        if row is None and SynonymGroup.objects.count() >= MOST_GROUPS:
            raise TableError("too_many_groups", "近义词组最多 {most} 组", most=MOST_GROUPS)
        row = row or SynonymGroup(rulebook_key=rulebook_key)
        before, row.words = row.words, words
        row.changed_by, row.changed_at = actor.actor_id, clock.now()
        row.save()
        log.append(
            actor.actor_id,
            "synonyms.save",
            f"synonyms:{row.pk}",
            rulebook_key=rulebook_key,
            words="、".join(words),
            before="、".join(before),
        )
    return row


def remove_synonyms(actor: Actor, group: int) -> None:
    """Take a group away; in the place of a group of the rulebook, that one counts again. TableError for an unknown one."""
    check_may(actor, PERMISSION)
    with transaction.atomic():
        row = SynonymGroup.objects.filter(pk=group).first()
        if row is None:
            raise TableError("unknown_group", "没有这个近义词组：可能已被删除")
        log.append(
            actor.actor_id,
            "synonyms.remove",
            f"synonyms:{row.pk}",
            rulebook_key=row.rulebook_key,
            before="、".join(row.words),
        )
        row.delete()


def _own(group: int) -> SynonymGroup:
    row = SynonymGroup.objects.filter(pk=group, rulebook_key="").first()
    if row is None:
        raise TableError("unknown_group", "没有这个近义词组：可能已被删除")
    return row


def _check(words: list[str], *, may_be_none: bool) -> None:
    if not words and may_be_none:
        return
    if not 2 <= len(words) <= MOST_WORDS:
        raise TableError("number_of_words", "一组近义词要有 2 到 {most} 个词", most=MOST_WORDS)
    for word in words:
        if len(word) > LONGEST_WORD or not PIECE.search(plain(word)):
            raise TableError(
                "bad_word", "“{word}”不能作近义词：要有字，最长 {most} 个字符", word=word[:40], most=LONGEST_WORD
            )
