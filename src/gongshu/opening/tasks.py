"""The publishing job: a file becomes a version, each step idempotent, nothing visible before the last.

Order (house): read -> raw load -> quality -> protect -> public commit -> serving copy -> database pointer -> index.
"""

from __future__ import annotations

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
from django.conf import settings
from django.db.models import Max
from ibis.backends.duckdb import Backend

from gongshu import clock
from gongshu.governance.surroundings import context_of
from gongshu.i18n import use_language
from gongshu.jobs.runner import LeaseLost, Run, chore, crash_here, job_kind
from gongshu.lake.copies import attached, column_statistics, in_order, index_rows, place, read_rows, write_rows
from gongshu.lake.tallies import write_tallies
from gongshu.opening import actions, joins, problems, promises, reader_mail, rebuilding, search, store, submissions
from gongshu.opening.models import Submission, Version
from gongshu.opening.policies import check_publishable, check_risk, check_rows
from gongshu.seals.keys import read_or_make_keys
from gongshu.tables.cells import columns_of
from gongshu.tables.check_results import Finding, Result
from gongshu.tables.check_tables import Context
from gongshu.tables.checks import run_checks
from gongshu.tables.contract import Contract, Field, load_contract
from gongshu.tables.coordinates import pair_of
from gongshu.tables.engine import open_engine
from gongshu.tables.keyed import KEYED, Keyring
from gongshu.tables.model import ROW, Source, TextTable
from gongshu.tables.patches import write_patched
from gongshu.tables.reading import ReadingOptions, read_file
from gongshu.tables.risk import residual_risk
from gongshu.tables.storage import misfits, typed
from gongshu.tables.suppress import public_table
from gongshu.tables.wording import finding_message

logger = logging.getLogger("gongshu.opening")


@job_kind("publish")
def publish(run: Run) -> dict[str, Any]:
    """Carry out a publication; the answer names the dataset and the version."""
    job, params = str(run.job.pk), run.job.params
    done = Version.objects.filter(job=job).first()
    if done is None:
        staging = store.folder("staging") / job / str(run.job.attempts)
        staging.mkdir(parents=True, exist_ok=True)
        try:
            built, contract = _build(run, job, staging)
            run.step("release", 0.95)
            done = actions.release(
                run.job.actor, params["dataset"], contract, params["contract"], built, params.get("submission")
            )
            crash_here("released")
        except LeaseLost:
            raise
        except Exception:
            shutil.rmtree(staging, ignore_errors=True)  # first, so that a full disk has room for what follows
            try:
                if run.mine():
                    _discard(params["dataset"], job)  # a refused or cancelled publication leaves nothing
            except Exception:
                logger.exception("what job %s left is removed by the next sweep", job)
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    for kind in ("incoming", "staging"):
        shutil.rmtree(store.folder(kind) / job, ignore_errors=True)
    crash_here("index")
    try:
        keep_index()
    except Exception:  # the version is out; the outbox row stays and the worker's chore tries again
        logger.exception("the search index could not be brought up to date")
    try:
        joins.sketch(done)
    except Exception:  # the chore tries again
        logger.exception("what the dataset can be joined with could not be found yet")
    return {"dataset": params["dataset"], "version": done.number, "rows": done.rows}


@chore
def settle_submissions() -> None:
    """A submission whose publication came to nothing goes back to its steward."""
    submissions.settle()


@chore
def escalate_problems() -> None:
    """Reports that were not answered in time are told to the approvers."""
    problems.escalate()


@chore
def keep_copies() -> None:
    """A serving copy that was lost is made again from the lake; one that has no grams yet gets them."""
    rebuilding.rebuild_copies()
    rebuilding.build_grams()


@chore
def remind_of_promises() -> None:
    """Maintainers are told that an update is near or late."""
    promises.remind()


@chore
def mail_readers() -> None:
    """Subscribers and reporters get their mail."""
    reader_mail.mail_readers()


@chore
def keep_index() -> None:
    """Bring the search index up to its outbox."""
    search.index_pending()


@chore
def keep_joins() -> None:
    """Versions whose columns were not yet compared with those of other datasets are."""
    joins.keep_sketches()


def _build(run: Run, job: str, staging: Path) -> tuple[actions.Built, Contract]:
    params = run.job.params
    name, contract = params["dataset"], load_contract(params["contract"])
    number = _next_number(name)
    fields = [field for field in contract.fields if _is_public(field)]
    key = [field.name for field in fields if field.primary_key]

    run.step("read", 0.05)
    file = store.folder("incoming") / job / params["file"]
    source = read_file(file, staging, ReadingOptions(**contract.reading))
    pa.default_memory_pool().release_unused()  # the reader's buffers are not needed beside the engine's
    table = source.tables[params["table"]] if "table" in params else _the_table(source, contract)
    check_publishable(contract, table.columns)

    run.step("raw", 0.25)
    raw_snapshot = store.lake().raw.commit_file(name, table.path, job=job, tag=f"v{number}")
    crash_here("raw.committed")

    with open_engine(staging, memory=settings.ENGINE_MEMORY) as engine:
        run.step("check", 0.35)
        table = write_patched(engine, table, params.get("patches", []), staging / "patched.parquet")
        context = _context(engine, params, contract)
        quality = run_checks(engine, table, contract.fields, contract.rules, max_rows=100, context=context)
        text = engine.read_parquet(table.path)
        copy = staging / "rows.duckdb"
        with attached(engine.con, copy):
            run.step("protect", 0.55)
            ring = Keyring(read_or_make_keys(settings.DATA / "keys", "protect"))
            protected = public_table(text, contract, ring)
            check_risk(residual_risk(engine, protected, contract.fields))
            # a staged table stands in the order of its file: what already stands in the order of the key isn't sorted
            if contract.suppress_small_groups or (
                key and not _stands_in_order(engine, text, [field for field in fields if field.primary_key])
            ):
                protected = protected.order_by([*key, ROW])
            public = protected.select(*(field.name for field in fields))
            rows = write_rows(engine, public)
            check_rows(rows, table.rows)

            run.step("commit", 0.7)
            storage = {field.name: _storage(str(public.schema()[field.name]), field) for field in fields}
            with ThreadPoolExecutor(1, "lake") as pool:  # encoding the lake's files and counting go side by side
                stream = read_rows(engine.con.cursor())
                committed = pool.submit(store.lake().public.commit_rows, name, stream, job=job, tag=f"v{number}")
                statistics = column_statistics(engine.con, storage)
                unfit = _unfit(engine, text, contract, statistics)
                snapshot = committed.result()
            crash_here("public.committed")

            run.step("serve", 0.85)
            index_rows(engine.con, key, rows)
            counted = [{"name": name, "storage_type": kind, **statistics[name]} for name, kind in storage.items()]
            places = (_kept(fields, "longitude"), _kept(fields, "latitude"))
            write_tallies(engine.con, counted, key, rows, places)
    serving = store.serving_path(name, number, job)
    place(copy, settings.DATA / serving)
    crash_here("served")

    built = actions.Built(
        job=job,
        number=number,
        rows=rows,
        columns=[_describe(field, storage[field.name], statistics[field.name], ring) for field in fields],
        dropped=len(contract.fields) - len(fields),
        key=key,
        quality=_public_quality(quality, contract),
        reading={
            "format": source.format,
            "encoding": source.encoding,
            "rows": table.rows,
            "skipped": len(table.skipped),
            "quarantined": table.quarantined_total + unfit,
            "suppressed": table.rows - rows if contract.suppress_small_groups and contract.sample_share is None else 0,
            "sample_share": contract.sample_share,
            "coordinate_system": _converted(contract),
            "bytes": params["bytes"],
        },
        snapshot=snapshot,
        raw_snapshot=raw_snapshot,
        serving=serving,
        longitude=_kept(fields, "longitude"),
        latitude=_kept(fields, "latitude"),
    )
    return built, contract


def _context(engine: Backend, params: dict[str, Any], contract: Contract) -> Context:
    """What the rules of the whole table are held against: the same as in the preview that the deciders saw."""
    submission = (
        Submission.objects.select_related("resource", "draft__upload").filter(pk=params["submission"]).first()
        if params.get("submission")
        else None
    )
    if submission is None:
        return context_of(engine, params["dataset"], clock.now(), contract)
    return context_of(engine, submission.resource.slug, submission.draft.upload.created_at, contract)


def _unfit(engine: Backend, text: ir.Table, contract: Contract, statistics: dict[str, dict[str, Any]]) -> int:
    """How many cells did not fit their type. A column that is kept and has no more nulls than its text had needs no look."""
    kinds = {field.name: field.storage_type for field in contract.fields}
    nulls = {
        field.name: statistics[field.name]["nulls"] for field in contract.fields if field.protection.method == "keep"
    }
    sums = {f"n{n}": text[name].isnull().sum() for n, name in enumerate(kinds) if nulls.get(name)}
    empty = engine.to_pyarrow(text.aggregate(**sums)).to_pylist()[0] if sums else {}
    for n, name in enumerate(list(kinds)):
        if name in nulls and nulls[name] == empty.get(f"n{n}", 0):
            del kinds[name]
    _, totals = misfits(engine, text, kinds, cap=0)
    return sum(totals.values())


def _stands_in_order(engine: Backend, text: ir.Table, key: list[Field]) -> bool:
    """Whether the file's rows stand in the order of the public key; told of keys that are public as they are."""
    if any(field.protection.method != "keep" for field in key):
        return False
    return in_order(engine, text.select(**{field.name: typed(text[field.name], field.storage_type) for field in key}))


def _storage(dtype: str, field: Field) -> str:
    plain = dtype.split("(")[0].lstrip("!")
    if field.storage_type == "geometry":
        return "geometry"
    return (
        plain
        if plain in ("string", "int64", "float64", "decimal", "boolean", "date", "timestamp", "time")
        else "string"
    )


def _the_table(source: Source, contract: Contract) -> TextTable:
    """The table that the contract speaks of: the only one, or the one that has its columns."""
    wanted = {field.name for field in contract.fields}
    return max(source.tables, key=lambda table: len(wanted & set(table.columns)))


def _is_public(field: Field) -> bool:
    return field.protection.method != "drop"


def _converted(contract: Contract) -> str:
    """The system from which the public places were converted; empty when they are as they came."""
    shifted = contract.coordinate_system in ("GCJ-02", "BD-09") and pair_of(contract.fields) is not None
    return contract.coordinate_system if shifted else ""


def _kept(fields: list[Field], semantic_type: str) -> str:
    plain = ("keep", "round")
    return next((f.name for f in fields if f.semantic_type == semantic_type and f.protection.method in plain), "")


def _describe(field: Field, storage_type: str, statistics: dict[str, Any], ring: Keyring) -> dict[str, Any]:
    protection: dict[str, Any] = {"method": field.protection.method, "params": field.protection.params}
    if field.protection.method in KEYED:  # by which this version's tokens can be told after the key was changed
        protection["key_version"] = ring.version_of(field.protection.params)
    return {
        "name": field.name,
        "storage_type": storage_type,
        "title": field.title,
        "title_en": field.title_en,
        "description": field.description,
        "description_en": field.description_en,
        "unit": field.unit,
        "semantic_type": field.semantic_type,
        "level": 1 if field.protection.method == "keep" else field.level,
        "codes": field.codes,
        "protection": protection,
        **statistics,
    }


def _public_quality(run: Any, contract: Contract) -> dict[str, Any]:
    """What the public reads of the quality run: counts by rule and column, never a value, nothing of dropped fields."""
    public = {field.name for field in contract.fields if _is_public(field)}
    rules = {(result.rule.id, result.column): result for result in run.results}
    findings = [
        {
            "kind": finding.kind,
            "column": finding.column,
            "severity": finding.severity,
            "message": finding.message,
            "message_en": _in_english(finding, rules),
            "rows_total": finding.rows_total,
        }
        for finding in run.findings
        if finding.column is None or finding.column in public
    ]
    return {**run.scores, "rules": len(run.results), "findings": findings}


def _in_english(finding: Finding, results: dict[tuple[str, str | None], Result]) -> str:
    """The same sentence for English readers; empty when it can't be told from the results."""
    result = results.get((finding.rule, finding.column))
    if result is None:
        return ""
    with use_language("en"):
        return finding_message(finding.kind, finding.column, columns_of(result.rule), finding.rows_total, result.failed)


def _next_number(name: str) -> int:
    return (Version.objects.filter(dataset__name=name).aggregate(last=Max("number"))["last"] or 0) + 1


def _discard(name: str, job: str) -> None:
    if Version.objects.filter(job=job).exists():
        return
    for zone in (store.lake().raw, store.lake().public):
        zone.forget(name, job)
        zone.forget_metadata(name, zone.metadata_files(name))  # this job holds the dataset: nobody else writes there
    for path in (store.folder("serving") / name).glob(f"v*-{job}.*"):
        path.unlink(missing_ok=True)
    for kind in ("incoming", "staging"):
        shutil.rmtree(store.folder(kind) / job, ignore_errors=True)
