"""Rulebooks (规则集): rules that law or a city can change, as versioned YAML with source and effective date."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@cache
def rulebook(name: str) -> dict[str, Any]:
    """The rulebook file ``name``, e.g. ``semantic-2026/surnames``; shared, so not to be changed by the caller."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    if not {"source", "effective"} <= set(found):
        raise ValueError(f"rulebook {name} lacks source or effective")
    return found
