"""The noise of differentially private figures, by OpenDP in its own environment: JSON in, JSON out.

In: ``{"tables": [{"values": [whole numbers], "sensitivity": n, "epsilon": e}]}``, where one person changes the values of a table by
at most ``sensitivity`` in all. Out: ``{"tables": [{"values", "scale", "accuracy"}]}``: with discrete Laplace noise of ``scale``;
95 of 100 values are off by ``accuracy`` at most.
"""

import json
import sys
from typing import Any

import opendp.prelude as dp  # type: ignore[import-not-found]  # in its own environment only

dp.enable_features("contrib")


def noisy(table: dict[str, Any]) -> dict[str, Any]:
    """One table with its noise; the scale is the least that OpenDP proves to be ``epsilon``-differentially private."""
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")

    def make(scale: float) -> Any:
        return dp.m.make_laplace(*space, scale=scale)

    scale = dp.binary_search_param(make, d_in=table["sensitivity"], d_out=table["epsilon"])
    accuracy = dp.discrete_laplacian_scale_to_accuracy(scale=scale, alpha=0.05)
    return {"values": make(scale)(table["values"]), "scale": scale, "accuracy": accuracy}


json.dump({"tables": [noisy(table) for table in json.load(sys.stdin)["tables"]]}, sys.stdout)
