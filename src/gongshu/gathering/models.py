"""Files that people upload for a resource: in pieces, resumable, then inspected."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.catalogue.models import Resource
from gongshu.parties.models import Person


class Upload(models.Model):
    """上传: a file on its way in. Its folder ``uploads/<id>`` holds ``file``, and once inspected ``report.json`` (the inspect
    document) and ``table-<n>.parquet`` (the staged text tables, ``_row`` first).

    ``reading``: what a person said against the reader's guesses (ReadingOptions as JSON). ``job`` inspects it.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", _("接收中")
        STORED = "stored", _("已接收")
        INSPECTING = "inspecting", _("检视中")
        INSPECTED = "inspected", _("已检视")
        FAILED = "failed", _("读不懂")
        DISCARDED = "discarded", _("已丢弃")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="uploads", verbose_name="数据资源")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", verbose_name="上传人")
    filename = models.CharField("文件名", max_length=200)
    size = models.BigIntegerField("字节数")
    received = models.BigIntegerField("已接收字节数", default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=12, choices=State.choices, default=State.RECEIVING)
    reading = models.JSONField(default=dict)
    job = models.UUIDField(null=True)
    error = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    stored_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.filename} {self.id}"
