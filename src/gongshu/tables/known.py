"""What is known of a column when rules are suggested for it."""

from __future__ import annotations

from dataclasses import dataclass

from gongshu.tables.semantic.recognition import Recognised
from gongshu.tables.statistics import ColumnStatistics


@dataclass(frozen=True)
class Known:
    """What is known of a column when rules are suggested."""

    name: str
    place: int
    storage_type: str
    semantic: Recognised
    statistics: ColumnStatistics
    usual_low: float | None = None  # the 1 % quantile of its numbers, in the sample

    @property
    def code(self) -> str | None:
        return self.semantic.code

    @property
    def filled(self) -> int:
        return self.statistics.rows - self.statistics.nulls
