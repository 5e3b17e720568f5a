"""`gongshu environment NAME`: make the environment of a tool that is not installed with the platform."""

from __future__ import annotations

from typing import Annotated

import typer

from gongshu.cli.environment import data_folder
from gongshu.cli.output import console, fail_with
from gongshu.i18n import gettext
from gongshu.tables.errors import TableError

FOLDER = "environments"  # below the data folder; no part of a backup


def environment(name: Annotated[str, typer.Argument(help="环境的名字：dp（差分隐私）", show_default=False)]) -> None:
    """装好一个独立环境：dp 是 OpenDP，差分隐私统计用它加噪声；装在数据文件夹里，不进备份。"""
    from gongshu.environments import make

    try:
        home = make(data_folder() / FOLDER, name)
    except TableError as error:
        fail_with(error)
    console.print(gettext("环境“{name}”已在 {folder}", name=name, folder=str(home)), soft_wrap=True)
