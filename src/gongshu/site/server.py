"""What the web server loads: the application, without what no request needs.

DuckDB imports pandas for the first value that is bound, where it is installed: 1.3 s and 90 MB in every process. Here it is
as if it were not installed; DuckDB and PyArrow do without.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find nothing, and no pandas at all."""
        if name == "pandas":
            raise ModuleNotFoundError("no request needs pandas", name=name)
        return None


sys.meta_path.insert(0, _NoPandas)

from gongshu.site.asgi import application  # noqa: E402 - after the line above

__all__ = ["application"]
