"""Work that takes time: a row owns it, any worker may carry it on."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock


class Job(models.Model):
    """作业: its step and progress survive the worker; ``lock`` lets one job at a time hold a thing (a dataset)."""

    class State(models.TextChoices):
        QUEUED = "queued", _("排队")
        RUNNING = "running", _("进行中")
        DONE = "done", _("完成")
        FAILED = "failed", _("失败")
        CANCELLED = "cancelled", _("已取消")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField("种类", max_length=40)
    title = models.CharField("事项", max_length=200)
    params = models.JSONField(default=dict)
    state = models.CharField("状态", max_length=12, choices=State.choices, default=State.QUEUED)
    step = models.CharField("步骤", max_length=40, blank=True, default="")
    progress = models.FloatField("进度", default=0.0)
    lock = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - null frees the lock
    lease_owner = models.CharField(max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.JSONField(default=dict)
    actor = models.CharField(max_length=150)
    organisation = models.BigIntegerField(null=True)  # id of the organisation whose work it is; null: the platform's
    created_at = models.DateTimeField(default=clock.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "lease_until"], name="jobs_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
