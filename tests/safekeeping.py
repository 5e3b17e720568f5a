"""What the tests of backups do in processes of their own: `python -m tests.safekeeping ACTION`, data folder by environment."""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(os.environ["GONGSHU_DATA"])


def build() -> None:
    """An installation with two versions, a withdrawn one, a person, a session, unmerged accesses, and a waiting job."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from gongshu.opening.actions import withdraw
    from gongshu.oversight import access, heads
    from gongshu.parties.models import Organisation
    from tests.people import person
    from tests.publishing import NAME, TESTER, ask, contract, publish, write_file

    call_command("migrate", verbosity=0)
    for mark, rows in (("甲", 40), ("乙", 70), ("丙", 30)):
        assert publish(write_file(DATA / f"{mark}.csv", rows, mark)).state == "done"
    withdraw(TESTER, NAME, "测试", 2)
    organisation = Organisation.objects.get()
    _upload(person("steward", "steward", organisation), organisation)
    session = SessionStore()
    session["planted"] = "session"
    session.save()
    access.record("download", f"dataset:{NAME}")
    access.flush()
    heads.sign_head()
    other = contract(name="other")
    ask(write_file(DATA / "丁.csv", 20, "丁"), other)
    for mark in "甲乙丙丁":
        (DATA / f"{mark}.csv").unlink()


def _upload(by: Any, organisation: Any) -> None:
    """A file of 100 bytes that somebody uploaded and nobody has inspected yet."""
    from gongshu.catalogue.models import Resource, System
    from gongshu.gathering import store
    from gongshu.gathering.models import Upload

    system = System.objects.create(organisation=organisation, name="登记系统")
    resource = Resource.objects.create(
        code="3-1",
        slug="clinics-raw",
        name="诊所登记",
        system=system,
        organisation=organisation,
        edited_by=by,
        maintainer=by,
    )
    upload = Upload.objects.create(
        resource=resource, person=by, filename="a.csv", size=100, received=100, state=Upload.State.STORED
    )
    store.folder_of(upload).mkdir(parents=True)
    store.file_of(upload).write_bytes(b"x" * 100)


def facts() -> None:
    """Print what must be the same after a restore."""
    import duckdb
    from django.contrib.sessions.models import Session

    from gongshu.gathering import store as uploads
    from gongshu.gathering.models import Upload
    from gongshu.jobs.models import Job
    from gongshu.opening import search, store
    from gongshu.opening.models import Dataset, Version
    from gongshu.oversight.models import Event, Head
    from gongshu.parties.models import Person

    copies, lake = {}, {}
    for version in Version.objects.filter(state="published").select_related("dataset"):
        name = f"{version.dataset.name} v{version.number}"
        with duckdb.connect(str(DATA / version.serving), read_only=True) as con:
            rows = con.execute("SELECT * FROM rows").fetchall()
            copies[name] = [con.execute("DESCRIBE rows").fetchall(), rows]
        table = store.lake().public.table(version.dataset.name)
        assert table is not None
        lake[name] = table.scan(snapshot_id=int(version.snapshot)).to_arrow().to_pylist()
        assert str(table.metadata.refs[f"v{version.number}"].snapshot_id) == version.snapshot
    raw = {}
    for version in Version.objects.select_related("dataset"):
        table = store.lake().raw.table(version.dataset.name)
        assert table is not None
        raw[version.number] = table.scan(snapshot_id=int(version.raw_snapshot)).to_arrow().num_rows
    restored = Event.objects.filter(action="installation.restore").order_by("index").first()
    limit = restored.index if restored else Event.objects.count()
    found = {
        "datasets": list(Dataset.objects.values()),
        "versions": list(Version.objects.values()),
        "jobs": list(Job.objects.values()),
        "uploads": [(str(one.pk), uploads.file_of(one).read_text()) for one in Upload.objects.all()],
        "people": list(Person.objects.values()),
        "found": [one.pk for one in search.ask(search.Wanted("诊所")).items],
        "copies": copies,
        "lake": lake,
        "raw": raw,
        "events": list(Event.objects.filter(index__lt=limit).values()),
        "heads": list(Head.objects.filter(size__lte=limit).values()),
    }
    print(json.dumps([found, Session.objects.count()], default=str, ensure_ascii=False))


def races(folder: str) -> None:
    """Make backups in which something is published or withdrawn just before or just after the rows are read."""
    from gongshu.opening.actions import withdraw
    from gongshu.safekeeping import backup
    from tests.publishing import NAME, TESTER, publish, write_file

    lake = backup._Backup._lake
    for when in ("before", "after"):
        for what in ("publish", "withdraw", "both"):
            calls: list[int] = []

            def act(what: str = what) -> None:
                if what != "withdraw":
                    assert publish(write_file(DATA / "new.csv", 50, "新")).state == "done"
                if what != "publish":
                    withdraw(TESTER, NAME, "测试")

            def watched(
                self: Any, found: Any, when: str = when, calls: list[int] = calls, act: Callable[[], None] = act
            ) -> None:
                calls.append(1)
                if len(calls) == 2 and when == "after":
                    act()
                lake(self, found)
                if len(calls) == 1 and when == "before":
                    act()

            backup._Backup._lake = watched  # type: ignore[method-assign]
            made = backup.make_backup(Path(folder) / f"{what}-{when}")
            assert made.missing == []
            again = when == "after" and what == "withdraw"  # what the rows speak of went: they are read once more
            assert len(calls) == (3 if again else 2), (when, what, len(calls))


def busy(target: str) -> None:
    """Make a backup while a thread publishes and withdraws without pause."""
    from django.db import connection

    from gongshu.opening.actions import withdraw
    from gongshu.safekeeping.backup import make_backup
    from tests.publishing import NAME, TESTER, publish, write_file

    stop, began = threading.Event(), threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            assert publish(write_file(DATA / "busy.csv", 10 + number, "忙")).state == "done"
            if number % 2 == 0:
                withdraw(TESTER, NAME, "测试")
            began.set()
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    began.wait(30)
    made = make_backup(Path(target))
    stop.set()
    worker.join()
    assert made.missing == []


def memory(target: str) -> None:
    """Backup and unpacking of a file of 400 MB: print by how much the memory of the process grew, in MB."""
    from gongshu.safekeeping.archive import unpack
    from gongshu.safekeeping.backup import make_backup

    folder = DATA / "incoming" / "big"
    folder.mkdir(parents=True)
    make_backup(Path(target + ".small"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (folder / "file").open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(64 * 1024) * 64)
    make_backup(Path(target))
    unpack(Path(target), DATA / "unpacked", lambda _: None)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)


def migrate_back() -> None:
    """As a Gongshu of an earlier version left it."""
    from django.core.management import call_command

    call_command("migrate", "opening", "0003", verbosity=0)


ACTIONS: dict[str, Callable[..., None]] = {
    work.__name__: work for work in (build, facts, races, busy, memory, migrate_back)
}

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "gongshu.site.settings"
    import django

    django.setup()
    ACTIONS[sys.argv[1]](*sys.argv[2:])
