"""What is kept in custody: how much privacy a dataset may still spend, and what it was spent on.

Keys are files (:mod:`gongshu.seals.keys`), and what was turned back stands in the log: neither has rows here.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from gongshu import clock
from gongshu.opening.models import Dataset, Version
from gongshu.parties.models import Person


class PrivacyBudget(models.Model):
    """隐私预算: the epsilon that all differentially private figures of a dataset may spend together, over all its versions."""

    dataset = models.OneToOneField(Dataset, on_delete=models.PROTECT, related_name="privacy_budget")
    epsilon = models.FloatField("总预算")
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=500, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.dataset_id} {self.epsilon}"


class PrivateRelease(models.Model):
    """差分隐私统计: figures that were asked for (``asked``: tables.private.Figures), and what came of it.

    Its ``epsilon`` counts from the moment it is asked for; one that failed has released nothing and gives it back.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("在算")
        DONE = "done", _("算好了")
        FAILED = "failed", _("没有算成")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="private_releases")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    epsilon = models.FloatField()
    asked = models.JSONField()
    purpose = models.CharField("用途", max_length=500)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")  # null: the shell
    at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    result = models.JSONField(default=dict)
    error = models.JSONField(default=dict)
    job = models.UUIDField(null=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return str(self.id)
