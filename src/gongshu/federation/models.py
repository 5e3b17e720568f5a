"""Other portals whose catalogues are harvested (汇入), the runs of it, and what was wrong with single records."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.parties.models import Person


class Source(models.Model):
    """汇入来源: a portal whose catalogue is read again and again.

    ``key`` never changes: the names of its datasets begin with it. ``address`` is what is asked; ``portal_url`` where readers
    go. ``remembered`` is what the last whole run leaves for the next: {"etag", "last_modified", "sha256", "latest", "full_at"}.
    ``fewer_confirmed``: the next run may lose more than half of the datasets, somebody has looked.
    """

    class Kind(models.TextChoices):
        CKAN = "ckan", _("CKAN 接口")
        DATA_JSON = "data_json", _("DCAT-US data.json")
        DCAT = "dcat", _("DCAT（RDF 或 JSON-LD）")
        GONGSHU = "gongshu", _("公数门户")

    class Every(models.IntegerChoices):
        HOURS_6 = 6, _("每 6 小时")
        DAY = 24, _("每天")
        WEEK = 168, _("每周")
        MONTH = 720, _("每 30 天")

    key = models.SlugField("标识", max_length=40, unique=True)
    name = models.CharField("名称", max_length=200)
    name_en = models.CharField("英文名称", max_length=200, blank=True, default="")
    kind = models.CharField("种类", max_length=12, choices=Kind.choices)
    address = models.URLField("目录地址", max_length=500)
    portal_url = models.URLField("门户网址", max_length=500)
    topic = models.CharField("没有对上专题时归入", max_length=40, blank=True, default="")
    every = models.PositiveIntegerField("多久汇入一次", choices=Every.choices, default=Every.DAY)
    grace_runs = models.PositiveSmallIntegerField("连续几次没有才撤下", default=3)
    grace_days = models.PositiveSmallIntegerField("至少隔几天才撤下", default=7)
    paused = models.BooleanField("暂停", default=False)
    removed_at = models.DateTimeField(null=True)
    next_run_at = models.DateTimeField(default=clock.now)
    remembered = models.JSONField(default=dict)
    fewer_confirmed = models.BooleanField(default=False)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")  # null: the shell
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """一次汇入: what came, and what became of it; the numbers count records.

    ``position`` records of the staged catalogue are done. ``whole``: the catalogue was read to its end, so that what was not
    in it is missing. ``note`` says why nothing was marked missing, as a code of ``words.NOTES``.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("在排队")
        RUNNING = "running", _("进行中")
        DONE = "done", _("完成")
        FAILED = "failed", _("失败")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="runs")
    job = models.UUIDField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True)
    position = models.PositiveIntegerField(default=0)
    records = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    same = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    defective = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    whole = models.BooleanField(default=False)
    note = models.CharField(max_length=20, blank=True, default="")
    error = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["source", "-at"], name="federation_runs_of_source")]

    def __str__(self) -> str:
        return str(self.id)


class Trouble(models.Model):
    """记录问题: one record of a run that did not come in as it was (``refused``), or came in with something left out.

    ``code`` names what was wrong (``words.TROUBLES``); ``field`` and ``value`` (cut short) say where.
    """

    class Kind(models.TextChoices):
        DEFECT = "defect", _("没有收下：记录有缺陷")
        REFUSED = "refused", _("没有收下：重复")
        NOTE = "note", _("收下，有一处不用")

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="troubles")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    remote_id = models.CharField(max_length=500, blank=True, default="")
    title = models.CharField(max_length=300, blank=True, default="")
    code = models.CharField(max_length=40)
    field = models.CharField(max_length=60, blank=True, default="")
    value = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.run_id} {self.position} {self.code}"
