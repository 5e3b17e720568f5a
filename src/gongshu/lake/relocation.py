"""Moving an Iceberg zone: its metadata names files by absolute addresses, so a zone that is put elsewhere is rewritten.

Only addresses and the lengths of rewritten files change: snapshots keep their ids, their tags and their times.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyiceberg.avro.file import AvroFile, AvroOutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.schema import Schema

MANIFEST_PATH, MANIFEST_LENGTH = 500, 501  # field ids of the Iceberg specification, v1 to v3
DATA_FILE, FILE_PATH = 2, 100


def relocate(folder: Path, old: str, new: str) -> None:
    """Rewrite the metadata of the zone whose files lie in ``folder`` from the root address ``old`` to ``new``."""
    if old == new:
        return
    avro = [path for path in folder.rglob("*.avro") if path.parent.name == "metadata"]
    lists = [path for path in avro if _is_list(path)]
    lengths = {}
    for path in set(avro) - set(lists):
        _rewrite(path, old, new, {})
        lengths[f"{new}/{path.relative_to(folder).as_posix()}"] = path.stat().st_size
    for path in lists:
        _rewrite(path, old, new, lengths)
    for path in folder.rglob("*.metadata.json"):
        moved = _moved(json.loads(path.read_text(encoding="utf-8")), old, new)
        path.write_text(json.dumps(moved, ensure_ascii=False), encoding="utf-8")


def _moved(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _moved(part, old, new) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, old, new) for part in value]
    if isinstance(value, str) and (value == old or value.startswith(old + "/")):
        return new + value[len(old) :]
    return value


def _position(schema: Schema, field_id: int) -> int | None:
    return next((n for n, field in enumerate(schema.fields) if field.field_id == field_id), None)


def _is_list(path: Path) -> bool:
    with AvroFile[Any](PyArrowFileIO().new_input(str(path))) as file:
        return _position(file.schema, MANIFEST_PATH) is not None


def _rewrite(path: Path, old: str, new: str, lengths: dict[str, int]) -> None:
    """Write a manifest, or a list of manifests, anew with moved addresses; all else stays as it was read."""
    io = PyArrowFileIO()
    with AvroFile[Any](io.new_input(str(path))) as file:
        schema, metadata, records = file.schema, dict(file.header.meta), list(file)
    address, length = _position(schema, MANIFEST_PATH), _position(schema, MANIFEST_LENGTH)
    entry = _position(schema, DATA_FILE)
    for record in records:
        if address is not None and length is not None:
            record[address] = _moved(record[address], old, new)
            record[length] = lengths.get(record[address], record[length])
        elif entry is not None:
            inner = _position(schema.fields[entry].field_type, FILE_PATH)  # type: ignore[arg-type]  # a struct has fields too
            record[entry][inner] = _moved(record[entry][inner], old, new)
    name = "manifest_file" if address is not None else "manifest_entry"
    for known in ("avro.schema", "avro.codec"):
        metadata.pop(known, None)
    with AvroOutputFile[Any](io.new_output(str(path)), schema, name, metadata=metadata) as file:
        file.write_block(records)
