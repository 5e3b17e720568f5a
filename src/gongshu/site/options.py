"""Every setting of an installation: declared once, typed, with its default and its meaning.

Values come from the environment (``GONGSHU_...``) or from ``settings.env`` in the data folder; the environment wins.
``docs/reference/settings.md`` lists them, kept complete by a test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Option:
    """One setting: ``parse`` turns its text into a value; ``secret`` values are never printed."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], Any] = str
    secret: bool = False


def _flag(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


def _address(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError(text)
    return text


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("GONGSHU_DATA", "var", "数据文件夹：数据库、湖、服务副本、密钥都在其中", Path),
        Option("GONGSHU_DEBUG", "0", "开发模式；`gongshu up` 拒绝它", _flag),
        Option("GONGSHU_DEMO", "0", "演示城市：显示演示横幅，允许演示账号（仅本机回环地址）", _flag),
        Option("GONGSHU_HOSTS", "localhost,127.0.0.1,[::1]", "网站对外的主机名，逗号分隔", _list),
        Option("GONGSHU_BIND", "127.0.0.1", "监听地址"),
        Option("GONGSHU_PORT", "8000", "监听端口", int),
        Option("GONGSHU_PROCESSES", "1", "网站进程数", int),
        Option("GONGSHU_URL", "http://localhost:8000", "网站对外的完整地址，邮件里的链接用它"),
        Option("GONGSHU_HTTPS", "0", "网站在 HTTPS 之后：只发安全 Cookie，开启 HSTS", _flag),
        Option("GONGSHU_CITY", "公输市", "城市名称，出现在页眉与页脚"),
        Option("GONGSHU_CITY_EN", "Gongshu City", "城市的英文名称"),
        Option(
            "GONGSHU_CATALOGUE_LICENCE",
            "",
            "目录本身（各数据集的说明，不是数据）的使用许可，一个网址，写在 DCAT 目录里；空则不声明",
            _address,
        ),
        Option("GONGSHU_DATABASE_URL", "", "控制面数据库；空为数据文件夹内的 SQLite，或 postgresql://…", str, True),
        Option("GONGSHU_CATALOG_URL", "", "Iceberg 目录；空为数据文件夹内的 SQLite，或 postgresql://…", str, True),
        Option("GONGSHU_LAKE_URL", "", "湖的位置；空为数据文件夹内的 lake，或 s3://桶/前缀"),
        Option("GONGSHU_S3_ENDPOINT", "", "S3 兼容存储的地址"),
        Option("GONGSHU_S3_REGION", "us-east-1", "S3 区域"),
        Option("GONGSHU_S3_KEY", "", "S3 访问键", str, True),
        Option("GONGSHU_S3_SECRET", "", "S3 访问密钥", str, True),
        Option("GONGSHU_SMTP_HOST", "", "发信服务器；空则邮件只写成数据文件夹 `mail` 里的文件"),
        Option("GONGSHU_SMTP_PORT", "587", "发信服务器的端口；465 为全程 TLS，其他端口用 STARTTLS", int),
        Option("GONGSHU_SMTP_USER", "", "发信账号"),
        Option("GONGSHU_SMTP_PASSWORD", "", "发信账号的密码", str, True),
        Option("GONGSHU_SMTP_TLS", "1", "发信时加密；只有内网的老服务器才关掉它", _flag),
        Option("GONGSHU_MAIL_FROM", "gongshu@localhost", "邮件的发件人"),
        Option("GONGSHU_ENGINE_MEMORY", "240MB", "数据引擎的内存上限"),
        Option("GONGSHU_UPLOAD_LIMIT", "2147483648", "单个文件上限，字节", int),
        Option("GONGSHU_UPLOAD_QUOTA", "21474836480", "一个机构上传文件的总量上限，字节；丢弃的不算", int),
        Option(
            "GONGSHU_OUTGOING_ALLOWED",
            "",
            "汇入别的门户时，内网里允许访问的主机或网段，逗号分隔，如 portal.intranet,10.8.0.0/16,127.0.0.1:8031；空则只访问公网",
            _list,
        ),
        Option("GONGSHU_API_RATE", "20", "行接口：一个地址每秒可问几次（每个网站进程），可积攒 10 秒的量", float),
        Option("GONGSHU_API_TOKEN_RATE", "100", "行接口：一个读取令牌每秒可问几次（每个网站进程）", float),
        Option(
            "GONGSHU_CKAN_SQL",
            "0",
            "CKAN 接口里开放 datastore_search_sql（一个表上的一条 SELECT，按语法树的白名单）",
            _flag,
        ),
        Option("GONGSHU_LEASE_SECONDS", "60", "作业租约：多久没有心跳就由别的工作进程接手，秒", int),
    )
}


@lru_cache(maxsize=1)
def _from_file() -> dict[str, str]:
    path = Path(os.environ.get("GONGSHU_DATA", OPTIONS["GONGSHU_DATA"].default)) / "settings.env"
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def option(name: str) -> Any:
    """The value of the setting ``name``, parsed; KeyError for an undeclared one."""
    declared = OPTIONS[name]
    return declared.parse(os.environ.get(name) or _from_file().get(name) or declared.default)
