"""Floor 0: what can be known of a table and done to it. No Django, no users, no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gongshu.tables.inspection import inspect, inspect_files
    from gongshu.tables.reading import read

__all__ = ["inspect", "inspect_files", "read"]


def __getattr__(name: str) -> Any:
    """Load on first use: the engine takes a second or more to import."""
    if name in ("inspect", "inspect_files"):
        from gongshu.tables import inspection

        return getattr(inspection, name)
    if name == "read":
        from gongshu.tables import reading

        return reading.read
    raise AttributeError(f"module 'gongshu.tables' has no attribute {name!r}")
