"""Organisations and the people who act for them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Organisation(models.Model):
    """机构: a body that provides, runs or uses data."""

    class Kind(models.TextChoices):
        DEPARTMENT = "department", _("部门")
        DISTRICT = "district", _("区")
        PLATFORM = "platform", _("大数据中心")

    code = models.SlugField("代码", max_length=64, unique=True)
    name = models.CharField("名称", max_length=200, unique=True)
    name_en = models.CharField("英文名称", max_length=200, blank=True, default="")
    kind = models.CharField("类别", max_length=20, choices=Kind.choices, default=Kind.DEPARTMENT)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Person(AbstractUser):
    """人员: someone who signs in; ``is_demo`` accounts work from this machine only."""

    class Role(models.TextChoices):
        STEWARD = "steward", _("数据责任人")
        OPERATOR = "operator", _("平台运营")
        AUDITOR = "auditor", _("审计员")

    display_name = models.CharField("姓名", max_length=100, blank=True, default="")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="people", verbose_name="机构"
    )
    role = models.CharField("角色", max_length=20, choices=Role.choices, blank=True, default="")
    is_demo = models.BooleanField("演示账号", default=False)

    def __str__(self) -> str:
        return self.display_name or self.username
