"""Rulebooks (规则集): rules and terms as data, versioned by year, each file with its source and effective date."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@lru_cache(maxsize=64)
def load(name: str) -> dict[str, Any]:
    """The rulebook file ``name`` (``<rulebook>-<year>/<file>``, no suffix), parsed; FileNotFoundError when unknown.

    The answer is shared: do not change it.
    """
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
