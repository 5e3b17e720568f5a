"""What the peers do, in their own environment: pyCANON measures a Parquet file, anjana anonymises a CSV. Prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from anjana.anonymity._k_anonymity import k_anonymity_inner
from pycanon import anonymity


def main() -> None:
    """``measure PARQUET PLAN`` or ``anonymise CSV PLAN``; the plan is JSON of columns, k, hierarchies."""
    task, file, plan = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    frame = pd.read_parquet(file) if task == "measure" else pd.read_csv(file, sep=";", dtype=str)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = measure(frame, plan) if task == "measure" else anonymise(frame, plan)
    spent = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer | spent | {"memory": memory}))


def measure(frame: pd.DataFrame, plan: dict) -> dict:
    """k, l and t of pyCANON."""
    quasi, sensitive = plan["quasi"], plan["sensitive"]
    return {
        "k": int(anonymity.k_anonymity(frame, quasi)),
        "l": int(anonymity.l_diversity(frame, quasi, [sensitive])),
        "t": float(anonymity.t_closeness(frame, quasi, [sensitive])),
    }


def anonymise(frame: pd.DataFrame, plan: dict) -> dict:
    """The rungs that anjana chooses, and how many rows it leaves out."""
    ladders = {
        name: {at: np.array(rung) for at, rung in enumerate(rungs)} for name, rungs in plan["hierarchies"].items()
    }
    _, left_out, levels = k_anonymity_inner(frame, [], list(ladders), plan["k"], plan["suppress"] * 100, ladders)
    return {"rungs": {name: int(level) for name, level in levels.items()}, "suppressed": int(left_out)}


if __name__ == "__main__":
    main()
