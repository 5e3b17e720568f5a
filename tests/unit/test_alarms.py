"""A figure unlike the earlier ones is told; what is usual, rare, tiny or of too few runs is not."""

from __future__ import annotations

import pytest

from gongshu.tables.alarms import outlier

CALM = [0.01, 0.012, 0.009, 0.011, 0.010, 0.013]


@pytest.mark.parametrize(
    ("before", "value", "odd"),
    [
        (CALM, 0.2, True),
        (CALM, 0.014, False),
        (CALM[:5], 0.9, False),  # too few to say
        ([*CALM, 0.9], 0.011, False),  # one odd run before moves nothing
        ([*CALM, 0.9], 0.2, True),
        ([0.0] * 8, 0.001, False),  # too small to be news
        ([0.0] * 8, 0.02, True),  # never before
        ([0.0] * 8, 0.0, False),
        ([0.5] * 8, 0.1, True),  # unlike, though better
        ([0.0, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.2], 0.2, False),
    ],
)
def test_outliers(before, value, odd):
    assert (outlier(before, value) is not None) == odd
