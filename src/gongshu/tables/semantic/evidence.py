"""What the values of every column show, counted in one query over a seeded sample spread over the whole table."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import selectors
from ibis.backends import BaseBackend

from gongshu.rulebooks import rulebook
from gongshu.tables.model import ROW
from gongshu.tables.semantic import patterns
from gongshu.tables.semantic.patterns import regex
from gongshu.tables.storage import is_placeholder, normalise

SAMPLE_ROWS = 10_000
SAMPLE_CELLS = 400_000  # a table of 10,000 columns is judged by fewer rows
COLUMNS_AT_ONCE = 200


@dataclass(frozen=True)
class Evidence:
    """Counts of one column: ``filled`` sampled cells that hold something, ``distinct`` values among them, ``hits`` by name.

    ``numbers``: minimum, 1 %, median, 99 % and maximum of the values that are numbers; ``years``: minimum, 5 %, median,
    95 % and maximum of the years of those that are dates. ``sampled``: the counts are of a sample.
    """

    column: str
    filled: int
    distinct: int
    length: float
    hits: dict[str, int]
    numbers: tuple[float, ...]
    years: tuple[float, ...]
    sampled: bool

    def share(self, *names: str) -> float:
        """Share of the filled cells that show one of ``names`` (forms that exclude each other)."""
        return sum(self.hits[name] for name in names) / self.filled if self.filled else 0.0


def gather(backend: BaseBackend, table: ir.Table, rows: int) -> dict[str, Evidence]:
    """The evidence of every column of the staged ``table`` (text and ``_row``) of ``rows`` rows."""
    names = [name for name in table.columns if name != ROW]
    wanted = max(200, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(names))))
    sampled = rows > 1.5 * wanted
    if sampled:
        # a multiplicative hash of the row number: spread over the whole table, the same rows each time and on each engine
        table = table.filter((table[ROW] * 2654435761 + 40503) % 4294967296 < int(4294967296 * wanted / rows))
    found: dict[str, Evidence] = {}
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        part = names[start : start + COLUMNS_AT_ONCE]
        found |= _counted(backend, table.select(part), part, sampled)
    return found


def _counted(backend: BaseBackend, table: ir.Table, names: list[str], sampled: bool) -> dict[str, Evidence]:
    cells = table.pivot_longer(selectors.cols(*names), names_to="column", values_to="value")
    cells = cells.filter(cells.value.notnull())
    cells = cells.filter(~is_placeholder(cells.value)).group_by(["column", "value"]).aggregate(n=ibis._.count())
    cells = cells.mutate(text=normalise(cells.value).upper())
    cells = cells.filter(cells.text != "")
    cells = cells.mutate(packed=cells.text.re_replace("[ -]", ""), size=cells.text.length())
    flags = _flags(cells)
    number = (
        cells.text.re_search(regex("number"))
        .ifelse(cells.text.replace(",", ""), ibis.null("string"))
        .try_cast("float64")
    )
    year = cells.text.re_search(regex("date")).ifelse(cells.text.left(4), ibis.null("string")).try_cast("int64")
    flagged = cells.select("column", "n", "size", as_number=number, as_year=year, **flags)
    totals = {name: flagged[name].ifelse(flagged.n, 0).sum() for name in flags}
    spread = {f"number{n}": flagged.as_number.quantile(q) for n, q in enumerate((0.0, 0.01, 0.5, 0.99, 1.0))}
    spread |= {f"year{n}": flagged.as_year.quantile(q) for n, q in enumerate((0.0, 0.05, 0.5, 0.95, 1.0))}
    counts = flagged.group_by("column").aggregate(
        filled=flagged.n.sum(),
        distinct=flagged.count(),
        length=(flagged.size * flagged.n).sum() / flagged.n.sum(),
        **totals,
        **spread,
    )
    rows = {row["column"]: row for row in backend.to_pyarrow(counts).to_pylist()}
    found = {}
    for name in names:
        row = rows.get(name)
        if row is None:
            found[name] = Evidence(name, 0, 0, 0.0, dict.fromkeys(flags, 0), (), (), sampled)
            continue
        numbers = tuple(row[f"number{n}"] for n in range(5)) if row["number0"] is not None else ()
        years = tuple(row[f"year{n}"] for n in range(5)) if row["year0"] is not None else ()
        hits = {flag: int(row[flag] or 0) for flag in flags}
        found[name] = Evidence(
            name, int(row["filled"]), int(row["distinct"]), float(row["length"]), hits, numbers, years, sampled
        )
    return found


def _flags(cells: ir.Table) -> dict[str, ir.BooleanValue]:
    """The forms that are counted, each true or false for a distinct value."""
    text, packed, size = cells.text, cells.packed, cells.size
    values = rulebook("semantic-2026/values")

    def form(name: str, value: ir.StringValue = text) -> ir.BooleanValue:
        return value.re_search(regex(name))

    def where(condition: ir.BooleanValue, expression: ir.BooleanValue) -> ir.BooleanValue:
        # a cheap condition first: the engine evaluates the branch only for the values that need it
        return condition.ifelse(expression, False)

    resident = where(packed.length() == 18, form("resident_18", packed))
    uscc = where(packed.length() == 18, form("uscc", packed))
    card = where(packed.length().between(15, 19), form("card", packed))
    phone_size = size.between(5, 24)
    has_han = form("han")
    short = size <= 4
    number = form("number")
    coordinate = where(size >= 4, form("coordinate"))
    value = where(coordinate, True).ifelse(text, ibis.null("string")).try_cast("float64")
    ethnicities = values["ethnicities"]
    named = [*ethnicities, *(f"{name}族" for name in ethnicities), "其他", "其它", "穿青人", "外国血统", "未识别民族"]
    return {
        "resident_18": resident,
        "resident_18_valid": where(resident, patterns.resident_18_valid(packed)),
        "resident_15": where(packed.length() == 15, form("resident_15", packed)),
        "resident_loose": where(packed.length().isin([15, 18]), form("resident_loose", packed)),
        "resident_masked": where(size.isin([15, 18]), form("resident_masked")),
        "uscc": uscc,
        "uscc_loose": where(packed.length() == 18, form("uscc_loose", packed)),
        "uscc_valid": where(uscc, patterns.uscc_valid(packed)),
        "card": card,
        "card_valid": where(card, patterns.luhn_valid(packed)),
        "mobile": where(size.between(11, 20), form("mobile")),
        "mobile_any": where(size.between(11, 20), form("mobile_any")),
        "landline_full": where(phone_size & text.contains("0"), form("landline_full")),
        "landline_local": where(phone_size, form("landline_local")),
        "hotline": where(size <= 14, form("hotline")),
        "plate": where(size.between(7, 9), form("plate")),
        "email": where(text.contains("@"), form("email")),
        "ip": where(size.between(7, 45), form("ip") & ~form("mac")),
        "mac": where(size.between(14, 17), form("mac")),
        "passport": where(size == 9, form("passport")),
        "hk_macau_permit": where(size.between(9, 11), form("hk_macau_permit")),
        "medical_record": where(size.between(5, 20), form("medical_record")),
        "medical_prefix": where(size.between(5, 20), form("medical_prefix")),
        "icd": where(size.between(3, 12), form("icd")),
        "diagnosis": where(has_han & (size <= 40), form("diagnosis")),
        "complaint": where(has_han & (size >= 8), form("complaint")),
        "organisation": where(has_han & (size >= 4), form("organisation")),
        "place_ending": where(has_han, form("place_ending")),
        "division_ending": where(has_han & (size <= 15), form("division_ending")),
        "road": where(has_han, form("road")),
        "street_number": where(has_han, form("street_number")),
        "dwelling": where(has_han & (size >= 6), form("dwelling")),
        "embedded": where(size >= 14, where(has_han, form("embedded"))),
        "date": where(size.between(8, 11), form("date")),
        "date_chinese": where(has_han & size.between(8, 14), form("date_chinese")),
        "year_month": where(size.between(6, 8), form("year_month")),
        "datetime": where(size.between(10, 36), form("datetime")),
        "number": number,
        "decimal": where(number, text.contains(".")),
        "longitude_range": where(coordinate, value.between(73, 136).fill_null(False)),
        "latitude_range": where(coordinate, value.between(3, 54).fill_null(False)),
        "coordinate_fine": where(coordinate, form("coordinate_fine")),
        "division_code": where(size.isin([4, 6, 9, 12]) & form("digits"), text.left(4).isin(_prefectures())),
        "digits_6": where(size == 6, form("postcode")),
        "digits_2": where(size.between(1, 2), form("digits")),
        "han": has_han,
        "han_only": where(has_han, form("han_only")),
        "person": where(
            has_han & short, where(form("person_length"), patterns.surname(text)) & ~text.isin(values["reserved_words"])
        ),
        "person_dotted": where(has_han, form("person_dotted")),
        "person_latin": where(size.between(2, 40), form("person_latin")),
        "person_masked": where(has_han & short, form("person_masked")),
        "ethnicity": where(size <= 8, text.isin(named)),
        "ethnicity_code": where(
            size.between(1, 2), text.lpad(2, "0").isin([f"{n:02d}" for n in (*range(1, 57), 97, 98, 99)])
        ),
        "sex": where(size <= 6, text.isin(values["sexes"])),
        "sex_code": where(size == 1, text.isin(["0", "1", "2", "9"])),
        "division_name": where(has_han & (size <= 12), text.isin(_division_names())),
        "starred": form("starred"),
    }


def _prefectures() -> list[str]:
    book = rulebook("semantic-2026/divisions")
    return [*book["prefectures"], *(f"{province}00" for province in book["provinces"])]


def _division_names() -> list[str]:
    book = rulebook("semantic-2026/divisions")
    names = {*book["provinces"].values(), *book["prefectures"].values()}
    bare = {name.rstrip("省市").removesuffix("自治区").removesuffix("地区") for name in names}
    return sorted(names | {name for name in bare if len(name) > 1})
