"""What firms and persons offer to publish beside the city's own data (社会提供)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.parties.models import Organisation, Person


class Offer(models.Model):
    """提供申请: somebody asks to give data; the platform operator decides with reasons.

    ``name`` is what the public reads as the giver. ``organisation`` is made when the first offer of a giver is accepted: its
    members then go the same way as a department's stewards, and what they submit is always checked by the platform.
    ``secret_sha256``: of the secret in the applicant's own link.
    """

    class Giver(models.TextChoices):
        FIRM = "firm", _("企业或其他单位")
        PERSON = "person", _("个人")

    class State(models.TextChoices):
        OPEN = "open", _("待答复")
        ACCEPTED = "accepted", _("已接受")
        REFUSED = "refused", _("未接受")

    number = models.CharField("编号", max_length=20, unique=True)
    giver = models.CharField("提供者", max_length=10, choices=Giver.choices)
    name = models.CharField("名称", max_length=200)
    credit_code = models.CharField("统一社会信用代码", max_length=18, blank=True, default="")
    contact = models.CharField("联系人", max_length=100)
    email = models.EmailField("邮箱")
    title = models.CharField("数据名称", max_length=200)
    description = models.TextField("数据说明")
    origin = models.TextField("数据来源")
    rights = models.TextField("权利声明")
    licence = models.CharField("使用许可", max_length=60)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    secret_sha256 = models.CharField(max_length=64)
    language = models.CharField(max_length=10, default="zh-hans")
    made_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField("理由", blank=True, default="")
    told_at = models.DateTimeField(null=True)  # when the decision was mailed
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="offers")

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return self.number
