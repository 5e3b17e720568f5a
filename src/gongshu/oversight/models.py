"""The tamper-evident log: events as leaves of an RFC 9162 Merkle tree, and its signed heads."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """审计事件: ``body`` is canonical JSON (identifiers and hashes, never data values); ``leaf`` its leaf hash."""

    index = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    leaf = models.CharField(max_length=64)

    class Meta:
        ordering = ["index"]
        indexes = [models.Index(fields=["subject", "index"], name="oversight_subject")]

    def __str__(self) -> str:
        return f"{self.index} {self.action} {self.subject}"


class LogState(models.Model):
    """The one row that orders the log: its size and the roots of its complete subtrees (hex, largest first)."""

    size = models.BigIntegerField(default=0)
    peaks = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.size}"


class Head(models.Model):
    """日志签名头: the root at a size, signed; a copy is kept in a file outside the database."""

    size = models.BigIntegerField(primary_key=True)
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    signature = models.CharField(max_length=200)
    key_id = models.CharField(max_length=64)

    class Meta:
        ordering = ["size"]

    def __str__(self) -> str:
        return f"{self.size} {self.root[:12]}"


class MergedBatch(models.Model):
    """A spool file whose accesses are in the log: merging it a second time does nothing."""

    name = models.CharField(max_length=120, unique=True)

    def __str__(self) -> str:
        return self.name


class AccessCount(models.Model):
    """How often a thing was read on a day, by action; counted from the log's own events."""

    subject = models.CharField(max_length=200)
    action = models.CharField(max_length=60)
    day = models.DateField()
    number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "action", "day"], name="oversight_count_once")]

    def __str__(self) -> str:
        return f"{self.subject} {self.action} {self.day} {self.number}"
