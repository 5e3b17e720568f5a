"""Restoring: everything is proved before anything is put in place, and until the end the folder is marked as unfinished.

``<data>/restoring`` holds what was unpacked; while it is there every other command refuses the data folder. A restore that was
killed is begun anew by the next one, which first removes what the first had made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gongshu import __version__
from gongshu.disk import sync_folder
from gongshu.i18n import gettext
from gongshu.lake.relocation import relocate
from gongshu.safekeeping import LOCK, MARK
from gongshu.safekeeping.archive import FORMAT, unpack
from gongshu.seals.keys import fingerprints
from gongshu.tables.errors import TableError

NOTE = "filling.json"  # in MARK: which database and lake are being filled
OPERATORS = {
    "keys",
    "settings.env",
    LOCK,
}  # what may be there before: an operator puts keys and secret settings back first
Step = Callable[[str, int], None]


@dataclass
class Keys:
    """The keys of the backup's installation that are not here (``missing``), or are others (``other``)."""

    missing: list[str]
    other: list[str]


@dataclass
class Restored:
    """What stands after a restore; ``faults`` are those of the log, or how it differs from the backup's; ``gaps`` what the
    lake lacks."""

    datasets: int
    versions: int
    rows: int
    events: int
    heads: int
    root: str
    copies: int
    gaps: list[str]
    faults: list[str]
    database: str
    lake: str


def open_backup(source: Path, folder: Path, step: Step = lambda _name, _bytes: None) -> tuple[dict[str, Any], Keys]:
    """Unpack and prove ``source`` inside the data folder; needs no Django. Returns the manifest and how the keys stand.

    TableError when the folder holds anything but keys and settings, and for a backup that is damaged or of a newer Gongshu;
    OSError when the disk fails. Nothing is left behind then.
    """
    if not source.is_file():
        raise TableError("not_found", "没有这个文件：{file}", where={"file": str(source)})
    clear_unfinished(folder)
    strange = sorted(path.name for path in folder.iterdir() if path.name not in OPERATORS | {MARK})
    if strange:
        raise TableError(
            "not_empty",
            "{folder} 里已有 {name}：只能恢复到空的数据文件夹（可以先放 keys 与 settings.env）",
            folder=folder,
            name=strange[0],
        )
    mark = folder / MARK
    mark.mkdir(exist_ok=True)
    try:
        manifest = unpack(source, mark / "members", _accept, lambda number: step("unpack", number))
        for place, member in manifest["files"].items():
            target = mark / "places" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            (mark / "members" / member).rename(target)
        shutil.rmtree(mark / "members")
        if not (folder / "settings.env").exists() and (mark / "places" / "settings.env").exists():
            (mark / "settings.ours").touch()
            (mark / "places" / "settings.env").rename(folder / "settings.env")
    except BaseException:
        clear_unfinished(folder)
        raise
    here = fingerprints(folder / "keys")
    kept = manifest["keys"]
    other = [name for name in kept if name in here and here[name] != kept[name]]
    return manifest, Keys([name for name in kept if name not in here], other)


def clear_unfinished(folder: Path) -> None:
    """Remove what a restore that did not come to its end left in the data folder; the operator's own files stay.

    The note of a database and a lake that it had begun to fill stays too: the next restore may empty these, and no other.
    """
    mark = folder / MARK
    if not mark.is_dir():
        return
    if (mark / "settings.ours").exists():
        (folder / "settings.env").unlink(missing_ok=True)
    strange = [path for path in folder.iterdir() if path.name not in OPERATORS | {MARK}]
    for path in [*strange, *(path for path in mark.iterdir() if path.name != NOTE)]:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not (mark / NOTE).exists():
        mark.rmdir()


def _accept(head: dict[str, Any]) -> None:
    if "format" not in head:
        raise TableError("not_a_backup", "这不是公数的备份")
    if head["format"] > FORMAT or _number(head["gongshu"]) > _number(__version__):
        raise TableError(
            "newer_backup",
            "备份来自更新的公数 {theirs}，这里是 {ours}：请先装那个版本",
            theirs=head["gongshu"],
            ours=__version__,
        )


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def put_in_place(folder: Path, manifest: dict[str, Any], actor: str, step: Step = lambda _name, _n: None) -> Restored:
    """Fill the empty database and lake of the settings from what :func:`open_backup` unpacked, make the caches anew, and
    prove the log. TableError when database or lake are not empty."""
    from django.db import connection

    from gongshu.opening import search
    from gongshu.opening.rebuilding import rebuild_copies
    from gongshu.opening.sweep import sweep

    try:
        _take_possession(folder, manifest)
    except BaseException:
        connection.close()
        clear_unfinished(folder)
        raise
    _fill(folder, manifest, step)
    sweep()
    copies, gaps = rebuild_copies(lambda version: step("copies", version.rows))
    search.rebuild()
    restored = _prove(manifest, actor)
    restored.copies = copies
    restored.gaps += [str(gap) for gap in gaps]
    os.sync()
    shutil.rmtree(folder / MARK)
    return restored


def _take_possession(folder: Path, manifest: dict[str, Any]) -> None:
    """Make sure that database and lake are empty; what an unfinished restore put there is removed."""
    from django.conf import settings
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from gongshu.opening import store
    from gongshu.safekeeping import rows

    rows.models_of(MigrationExecutor(connection), _nodes(manifest))
    lake, note = store.lake(), folder / MARK / NOTE
    database = connection.settings_dict
    where = {
        "database": [connection.vendor, *(str(database[name]) for name in ("HOST", "PORT", "NAME"))],
        "lake": [settings.LAKE_URL, hashlib.sha256(settings.LAKE_CATALOG_URL.encode()).hexdigest()],
    }
    ours = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if rows.tables():
        if ours.get("database") != where["database"]:
            raise TableError("database_not_empty", "数据库不是空的：请给一个空库（设置 GONGSHU_DATABASE_URL）")
        rows.drop_tables()
    for zone in (lake.raw, lake.public):
        if not zone.is_empty():
            if ours.get("lake") != where["lake"]:
                raise TableError(
                    "lake_not_empty", "湖的位置不是空的：请给一个空位置（设置 GONGSHU_LAKE_URL、GONGSHU_CATALOG_URL）"
                )
            zone.clear()
    beside = note.with_suffix(".new")
    beside.write_text(json.dumps(where), encoding="utf-8")
    os.sync()
    beside.rename(note)
    sync_folder(note.parent)


def _nodes(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    return [(app, name) for app, name in manifest["migrations"]]


def _fill(folder: Path, manifest: dict[str, Any], step: Step) -> None:
    """Rows, files and lake; what was made of them is left to the caller."""
    from django.core.management import call_command

    from gongshu.jobs.runner import crash_here
    from gongshu.opening import store
    from gongshu.opening.models import Distribution
    from gongshu.safekeeping import rows

    places = folder / MARK / "places"
    rows.load(places / "rows", _nodes(manifest), lambda number: step("rows", number))
    crash_here("restore.rows")
    call_command("migrate", verbosity=0, interactive=False)
    Distribution.objects.all().delete()  # the files are a cache and were left out: made again when asked for
    for name in sorted({place.partition("/")[0] for place in manifest["files"]} - {"rows", "lake", "settings.env"}):
        shutil.move(places / name, folder / name)
    for zone in (store.lake().raw, store.lake().public):
        found = manifest["zones"][zone.name]
        relocate(places / "lake" / zone.name, found["root"], zone.root_uri)
        zone.take_in(places / "lake" / zone.name, found["tables"])
        step("lake", 0)
    crash_here("restore.lake")


def _prove(manifest: dict[str, Any], actor: str) -> Restored:
    """Verify the log against itself and the backup, then note the restore in it."""
    from django.conf import settings
    from django.db import connection, transaction
    from django.db.models import Sum

    from gongshu.opening.models import Dataset, Version
    from gongshu.oversight import heads, log
    from gongshu.oversight.audit import verify_log

    verdict, kept = verify_log(), manifest["log"]
    if (verdict.size, verdict.root) != (kept["size"], kept["root"]):
        verdict.add(gettext("日志与备份所记的长度或树根不符"))
    with transaction.atomic():
        log.append(
            actor,
            "installation.restore",
            "installation",
            made_at=manifest["made_at"],
            size=kept["size"],
            root=kept["root"],
            old_key=(kept["head"] or {}).get("key_id"),
            new_key=heads.signer().key_id,
        )
    heads.sign_head()
    published = Version.objects.filter(state=Version.State.PUBLISHED)
    return Restored(
        datasets=Dataset.objects.count(),
        versions=Version.objects.count(),
        rows=published.aggregate(total=Sum("rows"))["total"] or 0,
        events=verdict.size,
        heads=verdict.heads,
        root=verdict.root,
        copies=0,
        gaps=list(manifest["missing"]),
        faults=verdict.faults,
        database=connection.vendor,
        lake=settings.LAKE_URL,
    )
