"""What readers leave at a dataset: subscriptions, ratings, reports of problems."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.parties.models import Person


class Subscription(models.Model):
    """订阅: who is told of new versions, problems corrected, stops and withdrawals; a person, or an address that was confirmed.

    ``secret_sha256`` is of the secret in the confirming and leaving links of an address. ``asked_at``: when the link was
    mailed; None while it has to be. ``told``: all events of the log up to this index were mailed to the address.
    """

    dataset = models.ForeignKey("Dataset", on_delete=models.CASCADE, related_name="subscriptions")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="subscriptions")
    email = models.EmailField(blank=True, default="")
    secret_sha256 = models.CharField(max_length=64, blank=True, default="")
    language = models.CharField(max_length=10, default="zh-hans")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    asked_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    told = models.BigIntegerField(default=-1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "person"], condition=~models.Q(person=None), name="opening_person_subscribes_once"
            ),
            models.UniqueConstraint(
                fields=["dataset", "email"], condition=~models.Q(email=""), name="opening_address_subscribes_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.person_id or self.email}"


class Rating(models.Model):
    """评分: 1..5 by a reader; one a person, or one a browser (``visitor`` is a random key in its cookie, kept as a hash)."""

    dataset = models.ForeignKey("Dataset", on_delete=models.CASCADE, related_name="ratings")
    visitor_sha256 = models.CharField(max_length=64)
    stars = models.PositiveSmallIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "visitor_sha256"], name="opening_rated_once"),
            models.CheckConstraint(condition=models.Q(stars__gte=1, stars__lte=5), name="opening_one_to_five"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.stars}"


class Problem(models.Model):
    """问题报告: a reader says what is wrong with a dataset; it has a number and a state, and the maintainer answers.

    ``number`` is YYYYMMDD-NNNN, never given twice. ``secret_sha256``: of the secret in the reporter's own link, by which
    the state can be followed and an answer be rated without signing in. ``shown``: the maintainer let the public read
    ``text`` beside the answer; never for a leak. ``mailed``: the state of which the reporter's address was told last.
    """

    class Kind(models.TextChoices):
        WRONG = "wrong", _("数据不对")
        OLD = "old", _("没有按时更新")
        UNCLEAR = "unclear", _("说明看不懂")
        PRIVACY = "privacy", _("泄露了个人信息或秘密")
        OTHER = "other", _("其他")

    class State(models.TextChoices):
        OPEN = "open", _("待答复")
        ANSWERED = "answered", _("已答复")
        CLOSED = "closed", _("已办结")

    number = models.CharField("编号", max_length=20, unique=True)
    dataset = models.ForeignKey("Dataset", on_delete=models.PROTECT, related_name="problems")
    version = models.ForeignKey("Version", on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField("类别", max_length=12, choices=Kind.choices)
    column = models.CharField("列", max_length=200, blank=True, default="")
    row = models.BigIntegerField("行", null=True, blank=True)
    text = models.TextField("说明")
    email = models.EmailField("邮箱", blank=True, default="")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    secret_sha256 = models.CharField(max_length=64)
    assignee = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    reported_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    answer = models.TextField("答复", blank=True, default="")
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    satisfied = models.BooleanField(null=True)
    shown = models.BooleanField(default=False)
    closed_at = models.DateTimeField(null=True)
    language = models.CharField(max_length=10, default="zh-hans")
    mailed = models.CharField(max_length=12, blank=True, default="")

    class Meta:
        ordering = ["-reported_at"]

    def __str__(self) -> str:
        return self.number


class ProblemCounter(models.Model):
    """The last number given on a day (YYYYMMDD, Beijing); a number is never given twice."""

    day = models.CharField(max_length=8, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}-{self.last:04d}"
