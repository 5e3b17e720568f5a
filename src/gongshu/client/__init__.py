"""A Python client of a portal's row API; it needs httpx only, pyarrow and pandas where they are asked for.

::

    import gongshu as gs

    companies = gs.portal("https://data.example.gov.cn").dataset("company-register")
    for row in companies.rows(区="徐汇区", 注册资本__gte=500, sort="-注册资本", limit=1000):
        ...
    companies.count((gs.col("区") == "徐汇区") | gs.col("名称").contains("物流"))
    companies.to_pandas(状态="存续")
    companies.download("parquet", "companies.parquet")
"""

from __future__ import annotations

from gongshu.client.conditions import Column, Condition, col
from gongshu.client.dataset import Dataset, Rows
from gongshu.client.errors import PortalError
from gongshu.client.portal import Portal, portal

__all__ = ["Column", "Condition", "Dataset", "Portal", "PortalError", "Rows", "col", "portal"]
