"""Which protections a field may have, which one is proposed, and what each of them takes from readers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gongshu.gathering import store
from gongshu.governance.models import Draft
from gongshu.tables.classify import classify
from gongshu.tables.contract import Contract, Field, Protection
from gongshu.tables.identifiers import limits, remaining_identifiers, sensitive_columns

NUMERIC = ("int64", "float64", "decimal")
WORDS = ("string", "boolean")
MOST_MERGED = 2  # the highest level whose words may stay public when enough rows share them
DATES = ("date", "timestamp")
DIVISIONS = ("division_name", "division_code", "address", "home_address")
# from fine to coarse; what is coarser still is not public at all
DATE_STEPS = ("month", "quarter", "half", "year", "decade")
DIVISION_STEPS = ("district", "city", "province")
ADDRESS_STEPS = ("road", "street")
INDUSTRY_STEPS = ("group", "division", "section")
MASKS = ((1, 0), (3, 4), (6, 0), (0, 4), (0, 0))
KINDS = {  # semantic type -> the mask that is usual for it
    "person_name": "person_name",
    "mobile": "phone",
    "landline": "phone",
    "resident_id": "resident_id",
    "bank_card": "bank_card",
    "email": "email",
    "plate": "plate",
    "ip": "ip",
}
LEAST_MEANS = (3, 5, 10, 50)  # values of a mean of microaggregation
BASES = (5, 10)  # multiples that counts are rounded to
SHARES = (0.5, 0.2, 0.1, 0.05, 0.01)  # of the rows, when a sample is published
BANDS = 10  # intervals into which a column of numbers is cut when nothing else is known

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Variant:
    """Another way to protect the same table: ``changes`` (column -> protection), ``suppress``; ``kind`` says which way."""

    kind: str
    changes: dict[str, Protection]
    suppress: bool

    def applied(self, contract: Contract) -> Contract:
        """The contract with these protections instead of its own."""
        fields = [replace(f, protection=self.changes.get(f.name, f.protection)) for f in contract.fields]
        return replace(contract, fields=fields, suppress_small_groups=self.suppress)


def code(protection: Protection) -> str:
    """A protection as the value of a form's choice."""
    return protection.method + "|" + json.dumps(protection.params, sort_keys=True, ensure_ascii=False)


def choices(field: Field, span: tuple[float, float] | None = None) -> list[Protection]:
    """The protections that make sense for a field, from keeping to dropping; ``span``: least and greatest of its numbers.

    Keeping as it is only where the level's open type allows it (R2.4).
    """
    found = [Protection()] if field.open_type == "unconditional" else []
    if field.storage_type in DATES:
        first = ("day",) if field.storage_type == "timestamp" else ()
        found += [Protection("generalise_date", {"to": step}) for step in (*first, *DATE_STEPS)]
    elif field.storage_type in NUMERIC and field.semantic_type not in ("longitude", "latitude"):
        width = _width(span)
        found += [Protection("generalise_number", {"width": _plain(width * times)}) for times in (1, 2, 5, 10)]
        found += [Protection("round", {"digits": digits}) for digits in (1, 0, -1, -2, -3)]
        found += [Protection("round", {"base": base}) for base in BASES]
        found += [Protection("microaggregate", {"least": least}) for least in LEAST_MEANS]
        found += [Protection("noise", {"scale": _plain(width * times)}) for times in (0.1, 0.5)]
    elif field.storage_type in NUMERIC:
        found += [Protection("round", {"digits": digits}) for digits in (3, 2, 1)]
    if field.semantic_type in DIVISIONS or _short_text(field):
        found += [Protection("generalise_division", {"to": step}) for step in DIVISION_STEPS]
    if field.semantic_type in ("address", "home_address"):
        found += [Protection("generalise_address", {"to": step}) for step in ADDRESS_STEPS]
    if field.semantic_type == "industry_code":
        found += [Protection("generalise_industry", {"to": step}) for step in INDUSTRY_STEPS]
    if field.semantic_type in KINDS:
        found.append(Protection("mask", {"kind": KINDS[field.semantic_type]}))
    if field.storage_type == "string":
        found += [Protection("mask", {"keep_first": first, "keep_last": last}) for first, last in MASKS]
    if field.storage_type in WORDS:
        found.append(_merged())
    if field.storage_type in ("string", "int64"):
        found += [Protection("keyed_hash"), Protection("keyed_hash", {"algorithm": "sm3"})]
    if field.storage_type == "string":
        found.append(Protection("tokenise", {"form": "resident_id"} if field.semantic_type == "resident_id" else {}))
    if not field.unique:
        found.append(Protection("shuffle"))
    if field.protection not in found and field.protection.method not in ("keep", "drop"):
        found.append(field.protection)
    return [*found, Protection("drop")]


def proposals(contract: Contract, ranges: Ranges) -> tuple[dict[str, Protection], bool]:
    """What is proposed for every field, from its grade, and whether small groups should be left out.

    The rulebook's protection of the semantic type; where that is to keep what may not be kept, the finest of the
    generalisations, and nothing at all where there is none.
    """
    grades, _whole = classify({field.name: field.semantic_type for field in contract.fields})
    proposed = {}
    for field in contract.fields:
        wanted = grades[field.name].protection
        if field.open_type == "unconditional":
            proposed[field.name] = Protection()
        elif wanted.method != "keep":
            proposed[field.name] = wanted
        else:
            proposed[field.name] = _generalised(field, ranges.get(field.name))
    fields = [replace(field, protection=proposed[field.name]) for field in contract.fields]
    return proposed, bool(remaining_identifiers(fields))


def variants(contract: Contract, distinct: Mapping[str, int], ranges: Ranges) -> list[Variant]:
    """Up to five other ways: the proposals, small groups the other way round, one step coarser, one finer, and the column
    left out that tells rows apart most (``distinct``: values of each public column). None for a table in which nobody is
    recognised."""
    names = remaining_identifiers(contract.fields)
    if not names:
        return []
    suppress = contract.suppress_small_groups
    proposed, wanted = proposals(contract, ranges)
    changes = {f.name: proposed[f.name] for f in contract.fields if proposed[f.name] != f.protection}
    found = [Variant("proposals", changes, wanted)] if changes else []
    found += [Variant("suppress" if not suppress else "show", {}, not suppress)]
    fields = {field.name: field for field in contract.fields}
    ordered = sorted(names, key=lambda name: -distinct.get(name, 0))
    coarser = next(((n, step) for n in ordered if (step := _step(fields[n].protection, 1)) is not None), None)
    finer = next(((n, step) for n in reversed(ordered) if (step := _step(fields[n].protection, -1)) is not None), None)
    if coarser:
        found.append(Variant("coarser", {coarser[0]: coarser[1]}, suppress))
    if finer:
        found.append(Variant("finer", {finer[0]: finer[1]}, suppress))
    if len(names) > 1:
        found.append(Variant("without", {ordered[0]: Protection("drop")}, suppress))
    return found


def together(contract: Contract) -> Variant | None:
    """The quasi-identifiers still public partitioned together into groups of the threshold, with enough values of what is
    sensitive; None where there are none, or they are so already."""
    names = remaining_identifiers(contract.fields)
    params: dict[str, Any] = {"k": int(limits()["k"])}
    sensitive = [name for name in sensitive_columns(contract.fields) if name not in names]
    if sensitive:
        params |= {"sensitive": sensitive[0], "distinct": int(limits()["l"])}
    changes = {name: Protection("partition", params) for name in names}
    now = {field.name: field.protection for field in contract.fields}
    if not names or all(now[name] == one for name, one in changes.items()):
        return None
    return Variant("partition", changes, suppress=False)


def ladder(field: Field, span: tuple[float, float] | None = None) -> list[Protection]:
    """The choices of a field that become wider step by step, the finest first and not public last; what hides within a cell
    (a mask, a hash) is no step. Words that may be public without the rare ones begin with themselves: see :func:`meant`."""
    steps: list[Protection] = [Protection()] if field.open_type == "unconditional" or _may_merge(field) else []
    if field.storage_type in DATES:
        steps += [Protection("generalise_date", {"to": step}) for step in DATE_STEPS]
    elif field.semantic_type == "industry_code":
        steps += [Protection("generalise_industry", {"to": step}) for step in INDUSTRY_STEPS]
    elif field.storage_type in NUMERIC and field.semantic_type not in ("longitude", "latitude"):
        steps += [Protection("generalise_number", {"width": _plain(_width(span) * times)}) for times in (1, 2, 10)]
    elif field.semantic_type in DIVISIONS:
        steps += [Protection("generalise_division", {"to": step}) for step in DIVISION_STEPS]
    return [*steps, Protection("drop")]


def meant(field: Field, rung: Protection) -> Protection:
    """What a rung of the ladder of ``field`` stands for: words kept where they may not be are kept without the rare ones,
    which makes groups only larger."""
    return _merged() if rung.method == "keep" and field.open_type != "unconditional" else rung


def ranges(draft: Draft) -> dict[str, tuple[float, float]]:
    """Least and greatest of the columns of numbers, from the inspection."""
    report = json.loads(store.report_of(draft.upload).read_text(encoding="utf-8"))
    found = {}
    for column in report["files"][0]["tables"][draft.table]["columns"]:
        try:
            low, high = float(column["min"]), float(column["max"])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(low) and math.isfinite(high):
            found[column["name"]] = (low, high)
    return found


def choose(
    contract: Contract, chosen: Mapping[str, str], ranges: Ranges, suppress: bool, share: float | None
) -> list[str]:
    """Set the protections that were chosen (column -> :func:`code`) where they are among the choices, whether small groups are
    left out, and the share of the rows that is drawn; names what changed."""
    changed = []
    for field in contract.fields:
        options = {code(option): option for option in choices(field, ranges.get(field.name))}
        option = options.get(chosen.get(field.name, ""))
        if option is not None and option != field.protection:
            field.protection = option
            changed.append(field.name)
    if contract.suppress_small_groups != suppress:
        contract.suppress_small_groups = suppress
        changed.append("*")
    if contract.sample_share != share:
        contract.sample_share = share
        changed.append("%")
    return changed


def adopt(contract: Contract, proposed: Mapping[str, Protection], suppress: bool) -> list[str]:
    """Set ``proposed`` and ``suppress``; names what changed."""
    changed = [f.name for f in contract.fields if f.name in proposed and proposed[f.name] != f.protection]
    for field in contract.fields:
        field.protection = proposed.get(field.name, field.protection)
    contract.suppress_small_groups = suppress
    return changed


def losses(contract: Contract, distinct: Iterable[tuple[str, int, int]]) -> list[dict[str, Any]]:
    """What the public can no longer ask, one entry a treated column: its protection, its distinct values before and after."""
    counts = {name: (before, after) for name, before, after in distinct}
    return [
        {
            "column": field.name,
            "method": field.protection.method,
            "params": field.protection.params,
            "before": counts.get(field.name, (None, None))[0],
            "after": counts.get(field.name, (None, None))[1],
            "identifies": field.unique or field.semantic_type in IDENTIFIERS,
        }
        for field in contract.fields
        if field.protection.method != "keep"
    ]


IDENTIFIERS = ("resident_id", "mobile", "bank_card", "passport", "hk_macau_permit", "medical_record_no", "person_name")


def undecided(draft: Draft) -> list[str]:
    """The columns for which nobody has confirmed or overridden the proposal."""
    return [name for name, entry in draft.fields.items() if entry.get("state") in ("ask", "proposed")]


def _generalised(field: Field, span: tuple[float, float] | None) -> Protection:
    if field.storage_type in DATES:
        return Protection("generalise_date", {"to": "year"})
    if field.semantic_type in ("division_name", "division_code"):
        return Protection("generalise_division", {"to": "district"})
    if _may_merge(field):
        # what many have in common tells of nobody: the column stays public without what few have
        return _merged()
    if field.storage_type in NUMERIC and not field.unique:
        return Protection("generalise_number", {"width": _plain(_width(span))})
    return Protection("drop")


def _may_merge(field: Field) -> bool:
    if field.storage_type not in WORDS or field.semantic_type in DIVISIONS:
        return False
    return not field.unique and (field.level or 6) <= MOST_MERGED


def _merged() -> Protection:
    """Values that fewer rows have than the smallest group may be are merged."""
    return Protection("merge_rare", {"least": limits()["k"]})


def _step(protection: Protection, direction: int) -> Protection | None:
    """One step coarser (1) or finer (-1); None where there is none."""
    method, params = protection.method, protection.params
    for name, steps in (
        ("generalise_date", DATE_STEPS),
        ("generalise_division", DIVISION_STEPS),
        ("generalise_address", ADDRESS_STEPS),
        ("generalise_industry", INDUSTRY_STEPS),
    ):
        if method == name:
            if params["to"] not in steps:
                return None
            place = steps.index(params["to"]) + direction
            return Protection(name, {"to": steps[place]}) if 0 <= place < len(steps) else None
    if method == "generalise_number" and "width" in params:
        width = float(params["width"])
        if direction < 0 and width == int(width):  # whole numbers stay whole
            return Protection(method, {"width": int(width) // 2}) if width >= 2 else None
        return Protection(method, {"width": _plain(width * 2 if direction > 0 else width / 2)})
    return None


def _width(span: tuple[float, float] | None) -> float:
    """A round width (1, 2 or 5 times a power of ten) that cuts ``span`` into about :data:`BANDS` intervals."""
    low, high = span or (0.0, 100.0)
    wanted = (high - low) / BANDS
    if wanted <= 0:
        return 1.0
    power = 10.0 ** len(str(int(wanted))) / 10 if wanted >= 1 else 0.1
    return next((power * times for times in (1, 2, 5, 10) if power * times >= wanted), power * 10)


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else round(number, 6)


def _short_text(field: Field) -> bool:
    return field.storage_type == "string" and ("区" in field.name or "地址" in field.name or "住址" in field.name)
