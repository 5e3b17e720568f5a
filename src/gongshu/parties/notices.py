"""Telling people: a notice in the inbox in the transaction of what happened, an e-mail soon after by the worker."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gongshu.parties.models import Notice, Person

# template -> its sentence; the values are identifiers, titles, numbers and what a colleague wrote: never data values
TEXTS: dict[str, str] = {
    "submission.waits": gettext_noop("《%(title)s》等您审核，送审人 %(by)s"),
    "submission.waits_first": gettext_noop("《%(title)s》首次开放，等您复核"),
    "submission.returned": gettext_noop("《%(title)s》被退回：%(reason)s"),
    "submission.published": gettext_noop("《%(title)s》第 %(number)s 版已发布"),
    "submission.failed": gettext_noop("《%(title)s》没有发布成功：%(reason)s"),
    "offer.waits": gettext_noop("%(by)s愿意提供《%(title)s》，等您决定"),
    "dataset.updated": gettext_noop("您订阅的《%(title)s》有了第 %(number)s 版"),
    "dataset.withdrawn": gettext_noop("您订阅的《%(title)s》已撤回：%(reason)s"),
    "version.withdrawn": gettext_noop("您订阅的《%(title)s》第 %(number)s 版已撤回：%(reason)s"),
    "dataset.stopped": gettext_noop("《%(title)s》已紧急停止：%(reason)s"),
    "dataset.restored": gettext_noop("《%(title)s》已恢复"),
    "update.near": gettext_noop("《%(title)s》承诺在 %(day)s 前更新，请准备新的文件"),
    "update.late": gettext_noop("《%(title)s》过了承诺的更新日 %(day)s"),
    "problem.reported": gettext_noop("《%(title)s》收到问题报告 %(number)s，请答复"),
    "problem.privacy": gettext_noop("《%(title)s》有人报告泄露个人信息或秘密（%(number)s），请核查，必要时立即停止"),
    "problem.again": gettext_noop("《%(title)s》问题报告 %(number)s 的报告人不满意，请再次答复"),
    "problem.late": gettext_noop("《%(title)s》问题报告 %(number)s 过了期限还没有答复"),
    "problem.answered": gettext_noop("您报告的问题 %(number)s 有了答复"),
    "case.received": gettext_noop("收到办件 %(number)s，请办理"),
    "case.routed": gettext_noop("办件 %(number)s 转给了您的机构，请办理"),
    "case.again": gettext_noop("办件 %(number)s 的提出人不满意，请再次办理"),
    "case.late": gettext_noop("办件 %(number)s 过了期限还没有答复"),
    "case.answered": gettext_noop("您提出的 %(number)s 有了答复"),
    "reuse.offered": gettext_noop("有人提交了应用成果《%(title)s》，请核对"),
    "reuse.shown": gettext_noop("您提交的应用成果《%(title)s》已公开"),
    "reuse.refused": gettext_noop("您提交的应用成果《%(title)s》没有采用：%(reason)s"),
    "handover.received": gettext_noop("%(by)s 离任，%(count)s 件事交给了您"),
    "factors.removed": gettext_noop("平台运营移除了您的验证方式，所有登录已结束；不是您要求的，请立即联系平台运营"),
    "role.given": gettext_noop("您成为%(organisation)s的%(role)s"),
}


def notify(
    people: Iterable[Person], template: str, url: str, key: str, *, due_at: datetime | None = None, **facts: Any
) -> None:
    """Tell ``people`` once (``key``); call it in the transaction of what happened. KeyError for an unknown template."""
    if template not in TEXTS:
        raise KeyError(template)
    Notice.objects.bulk_create(
        [
            Notice(person=person, template=template, facts=facts, url=url, due_at=due_at, key=key[:200])
            for person in {person.pk: person for person in people}.values()
        ],
        ignore_conflicts=True,
    )


def text_of(notice: Notice) -> str:
    """The sentence of a notice in the present language."""
    sentence: str = _(TEXTS[notice.template]) % notice.facts
    return sentence
