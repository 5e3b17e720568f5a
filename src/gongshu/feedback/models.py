"""What people ask, propose and complain of; what they made of the data; and what the platform tells them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.opening.models import Dataset
from gongshu.parties.models import Organisation, Person


class Case(models.Model):
    """办件: something that somebody sent in and is owed an answer to, with a number, a state and a deadline.

    ``number`` is of the same series as problem reports (YYYYMMDD-NNNN), never given twice. ``organisation`` is the one that
    answers, None while it is with the platform; of a complaint it is the one complained of, which does not answer.
    ``dataset`` is what it is about; ``meets`` the dataset that met a demand. ``shown``: the public may read it (demands and
    questions only). ``secret_sha256``: of the secret in the asker's own link. ``mailed``: the state of which the asker's
    address was told last. ``text_sha256`` finds what is sent twice.
    """

    class Kind(models.TextChoices):
        DEMAND = "demand", _("需求")
        CONSULTATION = "consultation", _("咨询")
        COMPLAINT = "complaint", _("投诉或举报")
        SUGGESTION = "suggestion", _("建议")
        QUESTION = "question", _("提问")

    class State(models.TextChoices):
        RECEIVED = "received", _("待受理")
        HANDLING = "handling", _("办理中")
        ANSWERED = "answered", _("已有答复")
        CLOSED = "closed", _("已办结")

    class Outcome(models.TextChoices):
        ANSWERED = "answered", _("已回答")
        MET = "met", _("已有数据满足")
        REFUSED = "refused", _("不能办理")

    class Asker(models.TextChoices):
        PERSON = "person", _("个人用户")
        FIRM = "firm", _("企业")
        RESEARCH = "research", _("科研机构")
        OTHER = "other", _("其他")

    class About(models.TextChoices):
        ORGANISATION = "organisation", _("一个机构的工作")
        DATASET = "dataset", _("一个数据集")
        VIOLATION = "violation", _("有人违规使用数据")
        PLATFORM = "platform", _("本平台")

    number = models.CharField("编号", max_length=20, unique=True)
    kind = models.CharField("类别", max_length=14, choices=Kind.choices)
    state = models.CharField("状态", max_length=12, choices=State.choices, default=State.RECEIVED)
    title = models.CharField("标题", max_length=120)
    text = models.TextField("说明", blank=True, default="")
    purpose = models.TextField("用途", blank=True, default="")
    asker = models.CharField("提出方", max_length=12, choices=Asker.choices, blank=True, default="")
    about = models.CharField("涉及", max_length=14, choices=About.choices, blank=True, default="")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="cases")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, related_name="cases")
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    email = models.EmailField("邮箱", blank=True, default="")
    language = models.CharField(max_length=10, default="zh-hans")
    secret_sha256 = models.CharField(max_length=64)
    text_sha256 = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=clock.now)
    since = models.DateTimeField(default=clock.now)  # from when the clock of the present answer runs
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, default="")
    answer = models.TextField("答复", blank=True, default="")
    meets = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, related_name="+")
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    satisfied = models.BooleanField(null=True)
    closed_at = models.DateTimeField(null=True)
    shown = models.BooleanField(default=False)
    supporters = models.PositiveIntegerField("支持人数", default=0)  # how many rows of Support it has
    mailed = models.CharField(max_length=12, blank=True, default="")

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(fields=["kind", "state", "due_at"], name="feedback_case_queue"),
            models.Index(fields=["kind", "shown", "-supporters", "-asked_at"], name="feedback_case_public"),
            models.Index(fields=["kind", "text_sha256"], name="feedback_case_twice"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def late(self) -> bool:
        """It has no answer, and its deadline has passed."""
        return self.state in (self.State.RECEIVED, self.State.HANDLING) and clock.now() >= self.due_at


class Step(models.Model):
    """办理过程: one thing that was done with a case, by whom; ``late``: an answer that came after its deadline."""

    class Act(models.TextChoices):
        ASKED = "asked", _("收到")
        ACCEPTED = "accepted", _("受理")
        ROUTED = "routed", _("转办")
        ANSWERED = "answered", _("答复")
        AGAIN = "again", _("不满意，重新办理")
        CLOSED = "closed", _("办结")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="steps")
    act = models.CharField(max_length=12, choices=Act.choices)
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=500, blank=True, default="")
    late = models.BooleanField(null=True)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.case_id} {self.act}"


class Support(models.Model):
    """支持: somebody else needs it too; one a person, or one a browser (``visitor`` is kept as a keyed hash)."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="supports")
    visitor_sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "visitor_sha256"], name="feedback_supported_once")]

    def __str__(self) -> str:
        return f"{self.case_id}"


class Reuse(models.Model):
    """应用成果: what somebody made with datasets; shown to the public once the platform operator has looked at it."""

    class Kind(models.TextChoices):
        APPLICATION = "application", _("应用或服务")
        PAPER = "paper", _("论文或报告")
        VISUALISATION = "visualisation", _("可视化")
        OTHER = "other", _("其他")

    class State(models.TextChoices):
        WAITING = "waiting", _("待核对")
        SHOWN = "shown", _("已公开")
        REFUSED = "refused", _("没有采用")

    kind = models.CharField("类别", max_length=14, choices=Kind.choices)
    title = models.CharField("名称", max_length=120)
    address = models.URLField("网址", max_length=500)
    maker = models.CharField("制作方", max_length=120)
    text = models.TextField("说明", blank=True, default="")
    datasets = models.ManyToManyField(Dataset, related_name="reuses")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    person = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="+")
    email = models.EmailField("邮箱", blank=True, default="")
    language = models.CharField(max_length=10, default="zh-hans")
    offered_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-decided_at", "-offered_at"]

    def __str__(self) -> str:
        return self.title


class News(models.Model):
    """动态: what the platform tells its readers; plain paragraphs, in Chinese and, where written, in English."""

    title = models.CharField("标题", max_length=120)
    title_en = models.CharField(max_length=200, blank=True, default="")
    text = models.TextField("正文")
    text_en = models.TextField(blank=True, default="")
    published_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-published_at", "-pk"]
        verbose_name_plural = "news"

    def __str__(self) -> str:
        return self.title
