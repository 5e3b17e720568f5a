"""What helps to find: words that mean the same, and which columns can be joined."""

from __future__ import annotations

from django.db import models

from gongshu import clock


class SynonymGroup(models.Model):
    """近义词组: words that mean the same to who searches. With ``rulebook_key`` (the first word of a group of the rulebook) it
    stands in the place of that group; then no words mean that the group is switched off."""

    rulebook_key = models.CharField(max_length=60, blank=True, default="")
    words = models.JSONField("词", default=list)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rulebook_key"], condition=~models.Q(rulebook_key=""), name="opening_synonyms_once"
            )
        ]

    def __str__(self) -> str:
        return " ".join(self.words)


class ColumnSketch(models.Model):
    """列摘要: the smallest hashes of the distinct values of a public column by which tables may be joined (a bottom-k sketch).

    ``meaning`` is its semantic type, or ``=`` and its name when it has none and is part of the key. ``hashes``: 64 bits each,
    ascending, big-endian, :data:`gongshu.opening.joins.KEPT` at most; all of them when ``distinct`` is not larger.
    """

    version = models.ForeignKey("Version", on_delete=models.CASCADE, related_name="sketches")
    column = models.CharField(max_length=200)
    meaning = models.CharField(max_length=201)
    distinct = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "column"], name="opening_sketch_once")]
        indexes = [models.Index(fields=["meaning"], name="opening_sketch_meaning")]

    def __str__(self) -> str:
        return f"{self.version_id} {self.column}"


class Join(models.Model):
    """可关联: two columns of different datasets with values in common; ``share``: how much of the distinct values of ``left``
    is in ``right`` (0..1); ``sample``: from how many values that was estimated, 0 when it is exact."""

    left = models.ForeignKey(ColumnSketch, on_delete=models.CASCADE, related_name="joins")
    right = models.ForeignKey(ColumnSketch, on_delete=models.CASCADE, related_name="joined_by")
    share = models.FloatField()
    sample = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["left", "right"], name="opening_join_once")]

    def __str__(self) -> str:
        return f"{self.left_id} {self.right_id} {self.share:.2f}"
