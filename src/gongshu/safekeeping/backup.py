"""Making a backup while everything runs: no lock, and still one state.

Files of the lake are never changed, only added and, by a withdrawal, deleted; the row goes before the files. So the files
that are there are copied first, then the rows are read in one state, then the catalogs' pointers, then the files that came
meanwhile. If by then something is gone that those rows speak of (published and withdrawn, or begun and finished, in
between), rows and pointers are read once more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.apps.registry import Apps
from django.conf import settings
from django.db import connection

from gongshu import __version__
from gongshu.jobs.runner import crash_here
from gongshu.lake.zones import Zone
from gongshu.opening import store
from gongshu.safekeeping import rows
from gongshu.safekeeping.archive import ArchiveWriter
from gongshu.seals.keys import fingerprints
from gongshu.seals.merkle import Frontier
from gongshu.site.options import OPTIONS

ROUNDS = 8
UPLOADS = ("uploads", "incoming")  # folders of files that unfinished work still needs
Step = Callable[[str, int], None]


@dataclass
class Made:
    """A finished backup: ``missing`` names what the lake should hold and does not (the backup is whole otherwise)."""

    path: Path
    sha256: str
    size: int
    manifest: dict[str, Any]
    missing: list[str]


@dataclass
class _Round:
    """What one reading of rows and pointers found."""

    files: dict[str, str] = field(default_factory=dict)  # where it belongs -> member
    zones: dict[str, Any] = field(default_factory=dict)
    snapshots: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # (zone, table) -> ids
    missing: list[str] = field(default_factory=list)


def make_backup(target: Path, step: Step = lambda _name, _bytes: None) -> Made:
    """Write the whole installation but its keys into the new file ``target``.

    ``step`` is told the stage ("lake", "rows", "finish") and the bytes done. TableError when the target is there already;
    OSError when the disk fails; nothing is left behind then.
    """
    head = {"gongshu": __version__, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    stage = ["lake"]
    writer = ArchiveWriter(target, head, lambda number: step(stage[0], number))
    try:
        manifest, missing = _Backup(writer, stage).take()
        stage[0] = "finish"
        crash_here("backup")
        digest, size = writer.finish({**head, **manifest})
    except BaseException:
        writer.give_up()
        raise
    return Made(target, digest, size, manifest, missing)


class _Backup:
    def __init__(self, writer: ArchiveWriter, stage: list[str]) -> None:
        self.writer, self.stage = writer, stage
        self.copied: dict[tuple[str, int, int], str] = {}  # a local file as it was -> member
        self.lake_files: set[str] = set()  # members
        self.known: dict[str, tuple[set[str], set[str]]] = {}  # what a metadata file, which never changes, speaks of

    def take(self) -> tuple[dict[str, Any], list[str]]:
        """All members; returns the manifest and what is missing for good."""
        self._lake(_Round())
        for name in UPLOADS:
            self._folder(name, _Round(), 0)
        before: list[str] = []
        for number in range(ROUNDS):
            found = _Round()
            self.stage[0] = "rows"
            for name in ("spool", "log"):  # before the rows: what is merged and signed later is not in them
                self._folder(name, found, number)
            with rows.one_state():
                nodes, apps = rows.recorded_apps()
                counts = rows.dump(apps, partial(self._rows, found, number))
                wanted = _wanted(apps)
                log = _log(apps)
            self.stage[0] = "lake"
            self._lake(found)
            for name in UPLOADS:
                self._folder(name, found, number)
            found.missing += [what for what, is_there in wanted if not is_there(found)]
            if not found.missing or found.missing == before:  # gone for good: no withdrawal leaves the same gap twice
                break
            before = found.missing
        settings_text, left_out = _settings()
        if settings_text:
            self.writer.add_bytes("settings.env", settings_text.encode())
            found.files["settings.env"] = "settings.env"
        manifest = {
            "migrations": nodes,
            "rows": counts,
            "log": log,
            "zones": found.zones,
            "files": found.files,
            "database": connection.vendor,
            "lake": settings.LAKE_URL if "://" in settings.LAKE_URL else "",
            "settings_left_out": left_out,
            "keys": fingerprints(settings.DATA / "keys"),
            "missing": found.missing,
        }
        return manifest, found.missing

    def _rows(self, found: _Round, number: int, name: str, data: bytes) -> None:
        member = f"rows/{number}/{name}"
        self.writer.add_bytes(member, data)
        found.files[f"rows/{name}"] = member

    def _lake(self, found: _Round) -> None:
        """Every file that the tables need now and that is not in the archive yet."""
        lake = store.lake()
        for zone in (lake.raw, lake.public):
            pointers = {}
            for table, pointer in zone.pointers().items():
                key = f"{zone.name}/{pointer}"
                try:
                    snapshots, files = self.known[key] = self.known.get(key) or zone.used_by(pointer)
                except FileNotFoundError:
                    found.missing.append(key)
                    continue
                pointers[table] = pointer
                found.snapshots[zone.name, table] = snapshots
                for path in sorted(files):
                    self._lake_file(zone, path, found)
            found.zones[zone.name] = {"root": zone.root_uri, "tables": pointers}

    def _lake_file(self, zone: Zone, path: str, found: _Round) -> None:
        member = f"lake/{zone.name}/{path}"
        if member not in self.lake_files:
            try:
                size, stream = zone.open_file(path)
            except FileNotFoundError:
                found.missing.append(f"{zone.name}/{path}")
                return
            with stream:
                self.writer.add_stream(member, size, stream)
            self.lake_files.add(member)
        found.files[member] = member

    def _folder(self, name: str, found: _Round, number: int) -> None:
        """The files below a folder of the data folder as they are now; what goes meanwhile is left out."""
        top = settings.DATA / name
        for path in sorted(path for path in top.rglob("*") if path.is_file()):
            if path.name == ".held" or (name == "spool" and path.name.startswith(".")):
                continue
            if name == "uploads" and path.relative_to(top).parts[1].startswith("inspecting-"):
                continue  # an inspection that is not finished is begun anew
            try:
                file = path.open("rb")
            except FileNotFoundError:
                continue
            with file:
                status = os.fstat(file.fileno())
                place = path.relative_to(settings.DATA).as_posix()
                state = (place, status.st_size, status.st_mtime_ns)
                if state not in self.copied:
                    member = f"files/{number}/{place}"
                    while member in self.writer.members:
                        member = f"{member}~"
                    if not self.writer.add_stream(member, status.st_size, file):
                        continue
                    self.copied[state] = member
                found.files[place] = self.copied[state]


def _wanted(apps: Apps) -> list[tuple[str, Callable[[_Round], bool]]]:
    """What the rows speak of, each with the way to see whether the round has it; in the state of the rows."""
    wanted: list[tuple[str, Callable[[_Round], bool]]] = []
    versions = apps.get_model("opening", "Version").objects.values_list(
        "dataset__name", "number", "state", "snapshot", "raw_snapshot"
    )
    for name, number, state, snapshot, raw in versions.iterator(chunk_size=2000):
        pairs = [("raw", raw)] + ([("public", snapshot)] if state == "published" else [])
        for zone, each in pairs:
            wanted.append((f"{zone}/{name} v{number}", _has_snapshot(zone, name, each)))
    unfinished = apps.get_model("jobs", "Job").objects.filter(state__in=("queued", "running"))
    places = [
        f"incoming/{job}/{params['file']}" for job, params in unfinished.values_list("id", "params") if "file" in params
    ]
    with suppress(LookupError):  # a database of before there were uploads
        uploads = apps.get_model("gathering", "Upload").objects
        for state, name in (
            ("stored", "file"),
            ("inspecting", "file"),
            ("inspected", "file"),
            ("inspected", "report.json"),
        ):
            places += [f"uploads/{key}/{name}" for key in uploads.filter(state=state).values_list("id", flat=True)]
    wanted += [(place, _has_file(place)) for place in places]
    return wanted


def _has_file(place: str) -> Callable[[_Round], bool]:
    return lambda found: place in found.files


def _has_snapshot(zone: str, name: str, snapshot: str) -> Callable[[_Round], bool]:
    return lambda found: snapshot in found.snapshots.get((zone, name), set())


def _log(apps: Apps) -> dict[str, Any]:
    """How far the log is: size, root, and its last signed head."""
    state = apps.get_model("oversight", "LogState").objects.filter(pk=1).first()
    head = apps.get_model("oversight", "Head").objects.order_by("-size").values().first()
    peaks = [bytes.fromhex(peak) for peak in state.peaks] if state else []
    size = state.size if state else 0
    head = {**head, "at": head["at"].isoformat()} if head else None
    return {"size": size, "root": Frontier(size, peaks).root().hex(), "head": head}


def _settings() -> tuple[str, list[str]]:
    """``settings.env`` without secret values, and the names of the settings whose value a restore has to be given."""
    path = settings.DATA / "settings.env"
    kept, left_out = [], []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        name = line.partition("=")[0].strip()
        if not line.strip() or line.lstrip().startswith("#"):
            continue  # a comment may hold a value that somebody put aside
        if name in OPTIONS and not OPTIONS[name].secret:
            kept.append(line)
        else:
            left_out.append(name)
    passing = ("GONGSHU_DATA", "GONGSHU_LANG")
    left_out += [name for name in OPTIONS if name in os.environ and name not in passing]
    return "".join(f"{line}\n" for line in kept), sorted(set(left_out))
