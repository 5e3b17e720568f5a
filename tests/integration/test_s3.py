"""By settings: the lake in S3-compatible storage, its two zones under prefixes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from gongshu.opening import store
from gongshu.opening.actions import withdraw
from gongshu.opening.models import Version
from gongshu.opening.sweep import sweep
from tests.publishing import NAME, SECRET, TESTER, publish, write_file

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bucket(data: Path, settings: Any) -> Iterator[fs.FileSystem]:
    """An S3 server in this process, with the bucket ``city``, and the lake pointed at it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    endpoint = f"http://127.0.0.1:{port}"
    settings.LAKE_URL = "s3://city/lake"
    settings.LAKE_S3 = {"endpoint": endpoint, "region": "us-east-1", "key": "k", "secret": "s"}
    store.lake.cache_clear()
    files = fs.S3FileSystem(
        access_key="k", secret_key="s", region="us-east-1", endpoint_override=endpoint, allow_bucket_creation=True
    )
    files.create_dir("city")
    yield files
    server.stop()


def _names(files: fs.FileSystem, prefix: str) -> list[str]:
    selector = fs.FileSelector(f"city/lake/{prefix}", recursive=True, allow_not_found=True)
    return [info.path for info in files.get_file_info(selector) if info.is_file]


def test_publish_and_withdraw_on_s3(bucket: fs.FileSystem, data: Path, tmp_path: Path) -> None:
    job = publish(write_file(data / "a.csv", 60, "甲"))
    assert job.state == "done", job.error
    assert publish(write_file(data / "b.csv", 80, "乙")).result["version"] == 2
    assert not (data / "lake").exists()
    public = _names(bucket, "public")
    assert len([name for name in public if name.endswith(".parquet")]) == 2
    assert _names(bucket, "raw")
    for name in public:
        with bucket.open_input_file(name) as file:
            assert SECRET.encode() not in file.read()
    version = Version.objects.get(number=1)
    zone = store.lake().public
    copied = zone.download(zone.data_files(NAME, version.snapshot)[0], tmp_path / "v1.parquet")
    assert copied.stat().st_size > 0
    withdraw(TESTER, NAME, "测试")
    assert [name for name in _names(bucket, "public") if name.endswith(".parquet")] == []
    assert sweep() == []
