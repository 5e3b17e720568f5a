"""公数 Gongshu: what a city's public data runs on.

The data plane is useful alone, without a server::

    import gongshu as gs
    report = gs.inspect("企业登记.csv")   # what is known of the file: types, levels, findings, risk
    table = gs.read("企业登记.csv")       # a typed Ibis table on DuckDB

and so is the client of a portal::

    rows = gs.portal("https://data.example.gov.cn").dataset("company-register").rows(区="徐汇区")

Importing :mod:`gongshu` loads nothing heavy; what is named here brings in what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gongshu.client import PortalError, col, portal
    from gongshu.tables import inspect, read

__version__ = "0.1.0"
__all__ = ["PortalError", "__version__", "col", "inspect", "portal", "read"]
_HOMES = {
    "inspect": "gongshu.tables",
    "read": "gongshu.tables",
    "PortalError": "gongshu.client",
    "col": "gongshu.client",
    "portal": "gongshu.client",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for on first use (PEP 562), so that ``import gongshu`` stays under 0.3 s."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gongshu' has no attribute {name!r}")
