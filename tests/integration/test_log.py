"""O1: the log proves itself; whatever is changed, removed, reordered or cut off is found and named."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from gongshu.oversight import access, heads, log
from gongshu.oversight.audit import verify_log
from gongshu.oversight.models import AccessCount, Event, Head, LogState

pytestmark = pytest.mark.django_db(transaction=True)


def _write(number: int) -> None:
    with transaction.atomic():
        for n in range(number):
            log.append("tester", "thing.change", f"thing:{n}", round=n)


@pytest.fixture
def ten(data: Path) -> Path:
    """Ten events, two signed heads (after the sixth and the tenth)."""
    _write(6)
    heads.sign_head()
    _write(4)
    heads.sign_head()
    assert verify_log().holds
    return data


def test_an_untouched_log_holds(ten: Path) -> None:
    verdict = verify_log()
    assert (verdict.holds, verdict.size, verdict.heads) == (True, 10, 2)


def test_every_changed_byte_is_found_and_located(ten: Path) -> None:
    event = Event.objects.get(index=3)
    body = event.body
    for place in range(0, len(body), 7):
        changed = body[:place] + ("#" if body[place] != "#" else "%") + body[place + 1 :]
        Event.objects.filter(index=3).update(body=changed)
        verdict = verify_log()
        assert not verdict.holds
        assert "第 3 条" in verdict.faults[0]


def test_a_forger_who_rewrites_body_and_leaf_is_found(ten: Path) -> None:
    event = Event.objects.get(index=4)
    body = event.body.replace("thing:4", "thing:9")
    from gongshu.seals.merkle import leaf_hash

    Event.objects.filter(index=4).update(body=body, leaf=leaf_hash(body.encode()).hex(), subject="thing:9")
    assert "第 4 条" in verify_log().faults[0]


def test_without_the_leaves_file_the_signed_root_still_tells(ten: Path) -> None:
    from gongshu.seals.merkle import leaf_hash

    (ten / "log" / "leaves.bin").unlink()
    event = Event.objects.get(index=4)
    body = event.body.replace("thing:4", "thing:9")
    Event.objects.filter(index=4).update(body=body, leaf=leaf_hash(body.encode()).hex(), subject="thing:9")
    assert any("前 6 条" in fault for fault in verify_log().faults)


def test_a_changed_column_beside_the_body_is_found(ten: Path) -> None:
    Event.objects.filter(index=2).update(actor="somebody else")
    assert "第 2 条" in verify_log().faults[0]


def test_a_removed_event_is_found_and_located(ten: Path) -> None:
    Event.objects.filter(index=5).delete()
    faults = verify_log().faults
    assert faults == ["第 5 条事件缺失"]


def test_two_events_that_changed_places_are_found(ten: Path) -> None:
    second, third = Event.objects.get(index=2), Event.objects.get(index=3)
    for index, other in ((2, third), (3, second)):
        Event.objects.filter(index=index).update(
            body=other.body, leaf=other.leaf, subject=other.subject, actor=other.actor
        )
    faults = verify_log().faults
    assert any("第 2 条" in fault for fault in faults)
    assert any("第 3 条" in fault for fault in faults)


def test_truncation_shows_even_when_the_database_was_cut_consistently(ten: Path) -> None:
    Event.objects.filter(index__gte=6).delete()
    Head.objects.filter(size=10).delete()
    LogState.objects.update(size=6, peaks=[])
    assert any("截断" in fault for fault in verify_log().faults)


def test_a_forged_head_is_found(ten: Path) -> None:
    Head.objects.filter(size=6).update(root="00" * 32)
    assert any("验签失败" in fault for fault in verify_log().faults)


def test_a_torn_last_line_outside_is_written_again(ten: Path) -> None:
    lines = ten / "log" / "heads.jsonl"
    lines.write_text(lines.read_text()[:-20])
    (ten / "log" / "leaves.bin").write_bytes((ten / "log" / "leaves.bin").read_bytes()[:-5])
    _write(1)
    heads.sign_head()
    assert verify_log().holds
    assert {head["size"] for head in heads.read_heads_outside()} == {6, 10, 11}


def test_an_event_outside_a_transaction_is_refused(data: Path) -> None:
    assert not connection.in_atomic_block
    with pytest.raises(RuntimeError, match="transaction"):
        log.append("tester", "thing.change", "thing:1")


@pytest.mark.parametrize("value", [1.5, ["a"], {"a": 1}, "x" * 201])
def test_an_event_holds_no_data_values(data: Path, value: Any) -> None:
    with transaction.atomic(), pytest.raises(ValueError, match="event holds"):
        log.append("tester", "thing.change", "thing:1", value=value)


def test_an_event_is_rolled_back_with_its_change(data: Path) -> None:
    _write(2)
    with pytest.raises(KeyError), transaction.atomic():
        log.append("tester", "thing.change", "thing:lost")
        raise KeyError
    _write(1)
    heads.sign_head()
    assert (Event.objects.count(), verify_log().holds) == (3, True)


@pytest.fixture(autouse=True)
def quiet_spool(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is flushed but by the test: accesses that other tests left in the buffer are gone."""
    monkeypatch.setattr(access, "_flush_forever", lambda: None)
    access.flush()
    for path in (data / "spool").glob("*"):
        path.unlink()


def test_accesses_are_merged_once_and_counted(data: Path) -> None:
    for _ in range(3):
        access.record("dataset.download", "dataset:bus-stops", format="csv", version=1)
    access.flush()
    files = list((data / "spool").glob("*.jsonl"))
    kept = {path: path.read_bytes() for path in files}
    assert access.merge() == 3
    for path, content in kept.items():  # as if killed between the commit and the removal
        path.write_bytes(content)
    assert access.merge() == 0
    assert AccessCount.objects.get().number == 3
    assert access.counts("dataset.download") == {"dataset:bus-stops": 3}
    assert json.loads(Event.objects.last().body)["details"] == {"format": "csv", "version": 1}
    heads.sign_head()
    assert verify_log().holds


def test_a_spool_file_that_was_changed_is_set_aside(data: Path) -> None:
    access.record("dataset.download", "dataset:bus-stops")
    access.flush()
    path = next((data / "spool").glob("*.jsonl"))
    path.write_text(path.read_text().replace("bus-stops", "car-parks"))
    assert access.merge() == 0
    assert path.with_suffix(".bad").exists()


def test_a_flush_waits_for_what_another_thread_is_writing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go, fsync = threading.Event(), threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        begun.set()
        let_go.wait(10)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    access.record("dataset.download", "dataset:bus-stops")
    first, second = threading.Thread(target=access.flush), threading.Thread(target=access.flush)
    first.start()
    assert begun.wait(10)
    second.start()
    second.join(0.3)
    assert second.is_alive()
    let_go.set()
    second.join(10)
    assert len(list((data / "spool").glob("*.jsonl"))) == 1
    first.join(10)
