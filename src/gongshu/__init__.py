"""公数 Gongshu: what a city's public data runs on.

The data plane is useful alone, without a server::

    import gongshu as gs
    report = gs.inspect("企业登记.csv")   # what is known of the file: types, levels, findings, risk
    table = gs.read("企业登记.csv")       # a typed Ibis table on DuckDB

Importing :mod:`gongshu` loads nothing heavy; the two functions bring in what they need when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gongshu.tables import inspect, read

__version__ = "0.1.0"
__all__ = ["__version__", "inspect", "read"]


def __getattr__(name: str) -> Any:
    """Load the data plane on first use (PEP 562), so that ``import gongshu`` stays under 0.3 s."""
    if name in ("inspect", "read"):
        from gongshu import tables

        return getattr(tables, name)
    raise AttributeError(f"module 'gongshu' has no attribute {name!r}")
