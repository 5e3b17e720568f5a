"""Datasets, their immutable versions, the files made of them, and what the search index still has to hear."""

from __future__ import annotations

import uuid

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.catalogue.models import Resource
from gongshu.governance.models import Draft
from gongshu.opening.finding_models import ColumnSketch as ColumnSketch  # models of this app, in files of their own
from gongshu.opening.finding_models import Join as Join
from gongshu.opening.finding_models import SynonymGroup as SynonymGroup
from gongshu.opening.offer_models import Offer as Offer
from gongshu.opening.reader_models import Problem as Problem
from gongshu.opening.reader_models import ProblemCounter as ProblemCounter
from gongshu.opening.reader_models import Rating as Rating
from gongshu.opening.reader_models import Subscription as Subscription
from gongshu.parties.models import Organisation, Person


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
    resource = models.OneToOneField(Resource, on_delete=models.PROTECT, null=True, related_name="dataset")
    stopped_at = models.DateTimeField(null=True)  # set while an emergency stop holds: nothing of it is served
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of the dataset; it stays as it is."""
        return reverse("dataset", args=[self.name])


class Version(models.Model):
    """版本: an immutable published state.

    ``columns`` is a list of dicts of the public columns, in order: name, storage_type, title, title_en, description,
    description_en, unit, semantic_type, level, codes {code: meaning}, protection {method, params}, nulls, distinct,
    min, max, top [[value, n]...], histogram [n...] (numbers and dates, equal-width bins from min to max).
    ``dropped`` counts the fields that are not public. ``quality``: {"profile", "total", "dimensions": {code: 0..100},
    "rules": n, "findings": [{"kind", "column", "severity", "message", "message_en",
    "rows_total"}]}: never a data value.
    ``reading``: {"format", "encoding", "rows", "skipped", "quarantined", "suppressed", "sample_share",
    "coordinate_system" (from which the places were converted to WGS-84), "bytes"}.
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
    sketched = models.BooleanField(
        default=False, db_index=True
    )  # its columns were compared with those of other datasets
    published_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["dataset", "-number"]
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="opening_version_once")]
        indexes = [
            models.Index(fields=["published_at"], name="opening_version_published"),
            models.Index(fields=["withdrawn_at"], name="opening_version_withdrawn"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} v{self.number}"


class Distribution(models.Model):
    """分发: a file of a version in one format, made when first asked for."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="distributions")
    format = models.CharField(max_length=10)
    path = models.CharField(max_length=300)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "format"], name="opening_distribution_once")]

    def __str__(self) -> str:
        return f"{self.version_id} {self.format}"


class IndexTask(models.Model):
    """Outbox row: the search index must look at this dataset again."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"index {self.dataset_id}"


class Submission(models.Model):
    """送审件: a draft as it was submitted, frozen, on its way to a version.

    ``contract`` and ``patches`` ([{"row", "column", "value"}]) are what will be published, word for word; ``base`` is the
    version that was current then. ``risk`` and ``quality`` are what the preview found. ``due_at`` is when the present step
    should be decided (rulebook deadlines-2026). A returned one stays on record; the draft goes back to its steward.
    """

    class State(models.TextChoices):
        DEPARTMENT = "department", _("待本机构审核")
        PLATFORM = "platform", _("待平台复核")
        PUBLISHING = "publishing", _("发布中")
        PUBLISHED = "published", _("已发布")
        RETURNED = "returned", _("已退回")
        WITHDRAWN = "withdrawn", _("已撤回送审")
        FAILED = "failed", _("发布失败")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="submissions")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="submissions")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="submissions")
    dataset = models.SlugField(max_length=80)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DEPARTMENT)
    contract = models.TextField()
    patches = models.JSONField(default=list)
    base = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")
    first = models.BooleanField("首次开放", default=False)
    risk = models.JSONField(default=dict)
    quality = models.JSONField(default=dict)
    note = models.TextField("送审说明", blank=True, default="")
    submitted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(default=clock.now)
    step_since = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    job = models.UUIDField(null=True)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["resource"],
                condition=models.Q(state__in=["department", "platform", "publishing"]),
                name="opening_one_submission_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.id}"


class Decision(models.Model):
    """审核决定: what one person decided at one step of a submission, with the reason; never changed."""

    class Choice(models.TextChoices):
        APPROVE = "approve", _("同意")
        RETURN = "return", _("退回")

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    step = models.CharField(max_length=12)
    choice = models.CharField(max_length=10, choices=Choice.choices)
    reason = models.TextField("理由")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["submission", "step"], name="opening_decided_once")]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.step} {self.choice}"


class Stop(models.Model):
    """紧急停止: while not ``lifted_at``, nothing of the dataset is served; lifted by a second person only."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="stops")
    reason = models.TextField("理由")
    by = models.CharField(max_length=150)  # actor_id: a person or the shell
    at = models.DateTimeField(default=clock.now)
    lifted_by = models.CharField(max_length=150, blank=True, default="")
    lifted_reason = models.TextField(blank=True, default="")
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset"], condition=models.Q(lifted_at=None), name="opening_one_stop_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.at}"


class ExternalDataset(models.Model):
    """外部数据集: a dataset that another portal publishes and this portal's catalogue lists, with its origin.

    Identity is ``source`` (the key of the harvest source) + ``remote_id``. ``name`` is given when it is first seen and
    never to another one again; it has ``--`` in it, which the name of a resource and so of a :class:`Dataset` has not.
    ``distributions`` is a list of at most 50 dicts {"title", "format" ("" when unknown; else upper case, e.g. "CSV"),
    "media_type", "url", "size" (bytes or None)}. ``topic`` and ``update_frequency`` are keys of ours ("" when nothing of ours
    matches); ``licence`` is a key of ours or "", ``licence_said`` what the portal says.
    """

    class State(models.TextChoices):
        PRESENT = "present", _("在列")
        MISSING = "missing", _("来源暂缺")  # the last runs did not find it; still shown, with the note
        GONE = "gone", _("已不在来源")  # answered with 410

    source = models.SlugField("来源标识", max_length=60)
    portal = models.CharField("来源门户", max_length=200)
    portal_en = models.CharField(max_length=200, blank=True, default="")
    portal_url = models.URLField("来源门户网址", max_length=500)
    remote_id = models.CharField("来源编号", max_length=500)
    name = models.SlugField("标识", max_length=100, unique=True)
    title = models.CharField("名称", max_length=300)
    title_en = models.CharField(max_length=300, blank=True, default="")
    summary = models.TextField("摘要", blank=True, default="")
    summary_en = models.TextField(blank=True, default="")
    publisher = models.CharField("发布者", max_length=200, blank=True, default="")
    keywords = models.JSONField(default=list)
    topic = models.CharField("专题", max_length=40, blank=True, default="")
    licence = models.CharField("使用许可", max_length=60, blank=True, default="")
    licence_said = models.CharField("来源所述许可", max_length=500, blank=True, default="")
    update_frequency = models.CharField("更新频率", max_length=20, blank=True, default="")
    language = models.CharField("语言", max_length=20, blank=True, default="")
    spatial = models.CharField("地域", max_length=300, blank=True, default="")
    issued = models.DateTimeField("首次发布", null=True)
    modified = models.DateTimeField("最近更新", null=True)
    landing_page = models.URLField("来源页面", max_length=1000, blank=True, default="")
    distributions = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PRESENT)
    missing_since = models.DateTimeField(null=True)
    missed_runs = models.PositiveIntegerField(default=0)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now, db_index=True)  # whenever anything that readers see changed
    sha256 = models.CharField(max_length=64, blank=True, default="")  # of the record as it came: tells changed ones

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["source", "remote_id"], name="opening_external_once")]
        indexes = [models.Index(fields=["source", "state"], name="opening_external_source")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The page of the entry in this portal; it stays as it is."""
        return reverse("external", args=[self.name])
