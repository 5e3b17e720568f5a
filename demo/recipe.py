"""What a demo dataset is: a file as a department would hand it in, and the contract that a steward would write."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

from gongshu.tables.contract import Contract, Field, Protection, Rule

LICENCE = "open-unconditional"
SYNTHETIC = "由种子固定的程序生成的合成数据，不代表任何真实情况。"
SYNTHETIC_EN = "Synthetic data from a seeded program; they stand for nothing real."


@dataclass(frozen=True)
class Dataset:
    """A dataset of the demo city, ready to be published: its versions' files in order."""

    contract: Contract
    files: list[Path]

    @property
    def name(self) -> str:
        """The dataset's name in addresses."""
        return self.contract.name


def field(name: str, storage: str, title_en: str, description: str, **more: Any) -> Field:
    """A public field of level 1, kept as it is unless ``more`` says otherwise."""
    more.setdefault("level", 1)
    more.setdefault(
        "open_type",
        "unconditional" if more["level"] == 1 else "none" if more["level"] > 3 or _is_dropped(more) else "conditional",
    )
    return Field(name=name, storage_type=storage, title=name, title_en=title_en, description=description, **more)


def _is_dropped(more: dict[str, Any]) -> bool:
    return "protection" in more and more["protection"].method == "drop"


def drop(name: str, storage: str, title_en: str, description: str, level: int, semantic_type: str) -> Field:
    """A field that the public never sees."""
    protection = Protection("drop")
    return field(
        name,
        storage,
        title_en,
        description,
        level=level,
        semantic_type=semantic_type,
        subject="person",
        protection=protection,
    )


def longitude() -> Field:
    """Longitude in WGS-84 degrees."""
    return field("经度", "float64", "Longitude", "WGS-84 经度", unit="度", semantic_type="longitude")


def latitude() -> Field:
    """Latitude in WGS-84 degrees."""
    return field("纬度", "float64", "Latitude", "WGS-84 纬度", unit="度", semantic_type="latitude")


def district() -> Field:
    """The district's name."""
    return field("区", "string", "District", "所在区", semantic_type="division_name")


def rules(required: str = "", unique: str = "", bounds: dict[str, tuple[float, float]] | None = None) -> list[Rule]:
    """The rules that every register has: filled columns, a key, and number ranges."""
    made = [
        Rule(f"{name}.not_null", "not_null", column=name, columns=(name,), dimension="020100")
        for name in required.split()
    ]
    if unique:
        made.append(Rule(f"{unique}.unique", "unique", column=unique, columns=(unique,), dimension="030400"))
    for name, (low, high) in (bounds or {}).items():
        params = {"min": low, "max": high}
        made.append(Rule(f"{name}.range", "range", column=name, columns=(name,), params=params, dimension="030100"))
    return made


def write_csv(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> Path:
    """A delimited file with a header."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_sheet(path: Path, title: str, rows: list[dict[str, Any]], *, total: str = "", note: str = "") -> Path:
    """A workbook as offices write it: a merged title row, the header, the rows, 合计 of the column ``total``, a footnote."""
    columns = list(rows[0])
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Sheet1")
        sheet.merge_range(0, 0, 0, len(columns) - 1, title)
        sheet.write_row(1, 0, columns)
        for line, row in enumerate(rows, 2):
            sheet.write_row(line, 0, list(row.values()))
        end = len(rows) + 2
        if total:
            at = columns.index(total)
            sheet.write(end, 0, "合计")
            sheet.write(end, at, sum(row[total] for row in rows if isinstance(row[total], (int, float))))
        if note:
            sheet.write(end + 1, 0, note)
    return path


def write_json(path: Path, value: Any) -> Path:
    """A JSON file."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def features(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Rows with 经度 and 纬度 as a GeoJSON collection of points."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {name: value for name, value in row.items() if name not in ("经度", "纬度")},
                "geometry": {"type": "Point", "coordinates": [row["经度"], row["纬度"]]},
            }
            for row in rows
        ],
    }
