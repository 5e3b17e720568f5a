"""What a steward decides of an uploaded file before it is submitted: grades, protections, corrections, words."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.catalogue.models import Resource
from gongshu.gathering.models import Upload
from gongshu.parties.models import Person


class Draft(models.Model):
    """工作稿: the next version of a resource's dataset while it is being prepared.

    ``contract``: ODCS YAML, the whole of what has been decided. ``table``: which table of the upload. ``fields``: column ->
    {"state": "proposed" | "ask" | "confirmed" | "overridden", "reason", "by", "at", "was": {attribute: proposed value}}.
    ``accepted``: finding key -> {"reason", "by", "at"}. ``edition`` grows with every change; a save against an older one is
    refused and told. ``checked``: what the last preview job found for ``checked_edition`` (risk before and after, quality,
    what is lost).
    """

    class State(models.TextChoices):
        EDITING = "editing", _("准备中")
        SUBMITTED = "submitted", _("已送审")
        CLOSED = "closed", _("已结束")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="drafts", verbose_name="数据资源")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="drafts", verbose_name="文件")
    table = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices, default=State.EDITING)
    contract = models.TextField()
    fields = models.JSONField(default=dict)
    accepted = models.JSONField(default=dict)
    edition = models.PositiveIntegerField(default=1)
    checked_edition = models.PositiveIntegerField(default=0)
    checked = models.JSONField(default=dict)
    job = models.UUIDField(null=True)  # the preview job that runs or ran last
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    edited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource"], condition=~models.Q(state="closed"), name="governance_one_open_draft"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Patch(models.Model):
    """改正: one cell of the uploaded table set to another value for the public version; the raw file stays as it came.

    ``value`` null empties the cell. Undone patches stay on record. The log gets row, column and hashes only.
    """

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="patches")
    row = models.BigIntegerField("行")
    column = models.CharField("列", max_length=200)
    was = models.TextField(null=True)  # noqa: DJ001 - null is an empty cell
    value = models.TextField(null=True)  # noqa: DJ001 - null is an empty cell
    reason = models.CharField("理由", max_length=300)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    undone_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["row", "column", "at"]
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "row", "column"],
                condition=models.Q(undone_at=None),
                name="governance_one_patch_a_cell",
            )
        ]

    def __str__(self) -> str:
        return f"{self.row} {self.column}"


class QualityRun(models.Model):
    """检核: what the rules found of one uploaded table, kept to be compared with later ones; holds counts, never a value.

    ``rules``: finding key -> {"kind", "column", "checked", "failed", "unknown", "state"}. ``outliers``: what was unlike the runs
    before it: [{"key", "kind", "column", "share", "usual", "runs"}]. A newer edition of the same draft takes the row's place.
    """

    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, related_name="quality_runs")
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="quality_runs")
    table = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=clock.now)
    rows = models.BigIntegerField()
    profile = models.CharField(max_length=40)
    total = models.FloatField(null=True)
    rules = models.JSONField(default=dict)
    outliers = models.JSONField(default=list)

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["upload", "table"], name="governance_one_quality_run")]

    def __str__(self) -> str:
        return f"{self.resource_id} {self.at:%Y-%m-%d}"
