"""Datasets, their immutable versions, the files made of them, and what the search index still has to hear."""

from __future__ import annotations

from django.db import models

from gongshu.parties.models import Organisation


class Dataset(models.Model):
    """开放数据集: what people find; ``current`` is the only truth of what is visible."""

    name = models.SlugField("标识", max_length=80, unique=True)
    title = models.CharField("名称", max_length=200)
    title_en = models.CharField(max_length=200, blank=True, default="")
    summary = models.TextField("摘要", blank=True, default="")
    summary_en = models.TextField(blank=True, default="")
    provider = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="datasets", verbose_name="提供方")
    topic = models.CharField("专题", max_length=40)
    licence = models.CharField("使用许可", max_length=60)
    update_frequency = models.CharField("更新频率", max_length=20)
    keywords = models.JSONField(default=list)
    level = models.PositiveSmallIntegerField("安全级别")
    open_type = models.CharField("开放属性", max_length=20)
    synthetic = models.BooleanField("合成数据", default=False)
    source_note = models.TextField("来源说明", blank=True, default="")
    source_note_en = models.TextField(blank=True, default="")
    current = models.ForeignKey("Version", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """版本: an immutable published state.

    ``columns`` is a list of dicts of the public columns, in order: name, storage_type, title, title_en, description,
    description_en, unit, semantic_type, level, codes {code: meaning}, protection {method, params}, nulls, distinct,
    min, max, top [[value, n]...], histogram [n...] (numbers and dates, equal-width bins from min to max).
    ``dropped`` counts the fields that are not public. ``quality``: {"profile", "total", "dimensions": {code: 0..100},
    "rules": n, "findings": [{"kind", "column", "severity", "message", "message_en",
    "rows_total"}]}: never a data value.
    ``reading``: {"format", "encoding", "rows", "skipped", "quarantined", "bytes"}.
    """

    class State(models.TextChoices):
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已撤回"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField("版本号")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PUBLISHED)
    rows = models.BigIntegerField("行数")
    columns = models.JSONField(default=list)
    dropped = models.PositiveIntegerField(default=0)
    key = models.JSONField(default=list)  # names of the key columns, in order
    longitude = models.CharField(max_length=200, blank=True, default="")  # column names, when the rows are points
    latitude = models.CharField(max_length=200, blank=True, default="")
    quality = models.JSONField(default=dict)
    reading = models.JSONField(default=dict)
    contract = models.TextField()
    snapshot = models.CharField(max_length=40)
    raw_snapshot = models.CharField(max_length=40)
    job = models.UUIDField()
    serving = models.CharField(max_length=300)  # path of the serving copy, relative to the data folder
    published_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["dataset", "-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="opening_version_once")]

    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number}"


class Distribution(models.Model):
    """分发: a file of a version in one format, made when first asked for."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="distributions")
    format = models.CharField(max_length=10)
    path = models.CharField(max_length=300)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "format"], name="opening_distribution_once")]

    def __str__(self) -> str:
        return f"{self.version_id} {self.format}"


class IndexTask(models.Model):
    """Outbox row: the search index must look at this dataset again."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"index {self.dataset_id}"
