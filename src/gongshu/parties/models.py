"""Organisations, the people who act for them and the roles they hold, their tokens, invitations and notices."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongshu import clock


class Organisation(models.Model):
    """机构: a body that provides, runs or uses data; ``credit_code`` is its unified social credit code (GB 32100)."""

    class Kind(models.TextChoices):
        DEPARTMENT = "department", _("部门")
        DISTRICT = "district", _("区")
        PLATFORM = "platform", _("大数据中心")
        REGULATOR = "regulator", _("主管部门")
        USER = "user", _("数据利用主体")
        SOCIETY = "society", _("社会提供方")  # a firm or a person who gives data of their own

    code = models.SlugField("代码", max_length=64, unique=True)
    name = models.CharField("名称", max_length=200, unique=True)
    name_en = models.CharField("英文名称", max_length=200, blank=True, default="")
    kind = models.CharField("类别", max_length=20, choices=Kind.choices, default=Kind.DEPARTMENT)
    credit_code = models.CharField("统一社会信用代码", max_length=18, blank=True, default="")
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级机构"
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["credit_code"], condition=~Q(credit_code=""), name="parties_credit_code_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """角色: what a person may be in an organisation; what each may do stands in ``permissions``."""

    STEWARD = "steward", _("数据责任人")
    APPROVER = "approver", _("审核人")
    OPERATOR = "operator", _("平台运营")
    REGULATOR = "regulator", _("主管部门")
    SECURITY = "security", _("安全员")
    AUDITOR = "auditor", _("审计员")
    EXPERT = "expert", _("专家")
    DATA_USER = "data_user", _("数据利用主体成员")
    AGENT = "agent", _("法人经办")
    CITIZEN = "citizen", _("自然人")
    CLERK = "clerk", _("窗口人员")
    LEADER = "leader", _("领导")


class Person(AbstractUser):
    """人员: someone who signs in; ``is_demo`` accounts work from this machine only."""

    display_name = models.CharField("姓名", max_length=100, blank=True, default="")
    is_demo = models.BooleanField("演示账号", default=False)

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def actor_id(self) -> str:
        """The identifier under which the log knows this person."""
        return self.username


class Membership(models.Model):
    """任职: a person holds a role in an organisation from ``since`` until it ``ended``; what has ended stays on record."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships", verbose_name="人员")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="memberships", verbose_name="机构"
    )
    role = models.CharField("角色", max_length=20, choices=Role.choices)
    since = models.DateTimeField(default=clock.now, editable=False)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["organisation", "role", "person"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "organisation", "role"], condition=Q(ended=None), name="parties_role_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.role} {self.organisation_id}"


class Invitation(models.Model):
    """邀请: an address by which somebody becomes a person with a role; only the hash of its secret is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("邮箱")
    display_name = models.CharField("姓名", max_length=100)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField("角色", max_length=20, choices=Role.choices)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")  # null: the shell
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.id)


class Token(models.Model):
    """令牌: lets a program act for a person within ``scopes`` until it expires; only the hash of its secret is kept."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField("名称", max_length=100)
    prefix = models.CharField(max_length=12)  # the first characters, by which its owner tells it from others
    secret_sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    last_used_on = models.DateField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.person_id} {self.prefix}"


class Notice(models.Model):
    """通知: something a person is told, in the inbox and by e-mail. ``key`` keeps the same news from being told twice.

    The text is made when it is shown: ``template`` is a msgid of ``notices.TEXTS``, ``facts`` its values (identifiers and
    titles, never data values).
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    template = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    url = models.CharField(max_length=300)
    due_at = models.DateTimeField(null=True)
    key = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="parties_notice_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.template}"
