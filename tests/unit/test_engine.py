"""The engine: bounded, offline, in order."""

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from gongshu.tables.engine import open_engine


def test_settings(tmp_path):
    with open_engine(tmp_path / "temp", memory="123MB", threads=1) as backend:
        found = dict(
            backend.raw_sql("SELECT name, value FROM duckdb_settings()").fetchall()  # type: ignore[attr-defined]
        )
    assert found["threads"] == "1"
    assert found["temp_directory"] == str(tmp_path / "temp")
    assert found["autoinstall_known_extensions"] == found["autoload_known_extensions"] == "false"
    assert found["memory_limit"].startswith("117")  # MiB


def test_sorted_tables_are_written_in_order(tmp_path):
    numbers = list(range(300_000))
    pq.write_table(pa.table({"n": numbers[::-1]}), tmp_path / "in.parquet", row_group_size=50_000)
    with open_engine(tmp_path / "temp") as backend:
        backend.to_parquet(backend.read_parquet(tmp_path / "in.parquet").order_by(ibis._.n), tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == numbers
