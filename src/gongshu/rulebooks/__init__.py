"""Rulebooks (规则集): rules that law or a city can change, as versioned YAML with source and effective date."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


def every_rulebook() -> dict[str, dict[str, Any]]:
    """All rulebook files by name, in its order."""
    names = (path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))
    return {name: rulebook(name) for name in sorted(names)}


@cache
def rulebook(name: str) -> dict[str, Any]:
    """The rulebook file ``name``, e.g. ``semantic-2026/surnames``; shared, so not to be changed by the caller."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    if not {"source", "effective"} <= set(found):
        raise ValueError(f"rulebook {name} lacks source or effective")
    return found
