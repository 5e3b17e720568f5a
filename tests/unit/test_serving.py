"""Serving copies in a process that ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

SOURCE = Path(__file__).resolve().parents[2] / "src"
ASK = """
import sys
from pathlib import Path
from sqlglot import exp
from gongshu.lake import serving
print(serving.read(Path(sys.argv[1]), exp.select("count(*)").from_("rows"))[0][0])
"""


def test_a_process_ends_well_while_a_copy_is_being_prepared(tmp_path):
    """A large copy is prepared beside its first answer; a process that has its answer ends before that is done."""
    copy = tmp_path / "copy.duckdb"
    with duckdb.connect(str(copy)) as con:
        con.execute(
            "CREATE TABLE rows AS SELECT i AS n, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range(1000000) t(i)"
        )
    for _ in range(3):
        asked = subprocess.run(
            [sys.executable, "-c", ASK, str(copy)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
        )
        assert (asked.returncode, asked.stdout.strip()) == (0, "1000000"), asked.stderr
