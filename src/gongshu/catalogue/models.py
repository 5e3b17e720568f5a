"""Information systems and the resources they hold, with the elements of the national catalogue guide."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.parties.models import Organisation, Person


class System(models.Model):
    """信息系统: a department's business system, the unit of cataloguing and budget.

    ``named``: its name may be seen by everybody, as the source of what was opened from it.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="systems", verbose_name="机构"
    )
    name = models.CharField("系统名称", max_length=200)
    name_en = models.CharField("英文名称", max_length=200, blank=True, default="")
    named = models.BooleanField("名称公开", default=False)
    purpose = models.TextField("用途", blank=True, default="")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["organisation", "name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="catalogue_system_once")]

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """数据资源: a catalogue entry of a system, before opening.

    Elements of 政务信息资源目录编制指南（试行）: class (类项目细目) and code, name, provider and its credit code (of the
    organisation), summary, format, data items, share type with condition or legal ground, open type, update cycle, issue
    date, related resources. ``items``: [{"name", "storage_type", "title"}], filled from the file when it was inspected.
    ``edition`` grows with every change: who saved an older one is told (two people at once).
    """

    class ShareType(models.TextChoices):
        UNCONDITIONAL = "unconditional", _("无条件共享")
        CONDITIONAL = "conditional", _("有条件共享")
        NONE = "none", _("不予共享")

    class OpenType(models.TextChoices):
        UNCONDITIONAL = "unconditional", _("无条件开放")
        CONDITIONAL = "conditional", _("有条件开放")
        NONE = "none", _("非开放")

    class Format(models.TextChoices):
        FILE = "1", _("电子文件")
        SHEET = "2", _("电子表格")
        DATABASE = "3", _("数据库")
        IMAGE = "4", _("图形图像")
        MEDIA = "5", _("流媒体")
        SELF_DESCRIBED = "6", _("自描述格式")
        INTERFACE = "7", _("服务接口")

    code = models.CharField("资源代码", max_length=40, unique=True)  # 类1 项2 目3 细目 / 顺序号; never given twice
    category = models.CharField("资源分类", max_length=20)  # key of the rulebook catalogue-2026/classes
    name = models.CharField("资源名称", max_length=200)
    slug = models.SlugField("数据集标识", max_length=80, unique=True)  # the name of the dataset made of it
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="resources", verbose_name="信息系统")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="resources", verbose_name="提供方"
    )
    summary = models.TextField("资源摘要", blank=True, default="")
    format = models.CharField("资源格式", max_length=1, choices=Format.choices, default=Format.SHEET)
    items = models.JSONField("信息项", default=list, blank=True)
    share_type = models.CharField("共享类型", max_length=20, choices=ShareType.choices)
    share_condition = models.TextField("共享条件", blank=True, default="")  # required when conditional
    share_law = models.TextField("不予共享的依据", blank=True, default="")  # required when none
    open_type = models.CharField("开放属性", max_length=20, choices=OpenType.choices)
    open_condition = models.TextField("开放条件", blank=True, default="")
    update_frequency = models.CharField("更新周期", max_length=20)
    issued_on = models.DateField("发布日期", null=True, blank=True)
    related = models.ManyToManyField("self", blank=True, verbose_name="关联资源")
    maintainer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", verbose_name="数据责任人")
    edition = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="catalogue_resource_once"),
            models.CheckConstraint(
                condition=~Q(share_type="conditional") | ~Q(share_condition=""), name="catalogue_condition_said"
            ),
            models.CheckConstraint(condition=~Q(share_type="none") | ~Q(share_law=""), name="catalogue_law_said"),
        ]

    def __str__(self) -> str:
        return self.name


class CodeCounter(models.Model):
    """The last sequence number given in a class of the catalogue; numbers are never given twice."""

    prefix = models.CharField(max_length=30, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.prefix}/{self.last}"
