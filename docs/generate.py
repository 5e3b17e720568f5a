"""Write the reference pages that come from the code: settings and commands. `python docs/generate.py`; a test holds them fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- 由 docs/generate.py 生成，请勿手改 -->\n\n"


def settings_page() -> str:
    """Every setting with its default and meaning."""
    from gongshu.site.options import OPTIONS

    lines = [
        "# 设置 Settings\n",
        "环境变量优先，其次是数据文件夹里的 `settings.env`（一行一个 `名称=值`）。",
        "Environment variables win over `settings.env` in the data folder.\n",
        "| 名称 | 默认 | 含义 |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{option.name}` | {f'`{option.default}`' if option.default else '空'} | {option.meaning}{'（不会被打印）' if option.secret else ''} |"
        for option in OPTIONS.values()
    ]
    return NOTICE + "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its arguments and options, from the command line's own declarations."""
    from typer.main import get_command

    from gongshu.cli import build_app

    group = get_command(build_app())
    parts = ["# 命令 Commands\n", "从源码目录用 `./gongshu 命令`，安装后用 `gongshu 命令`。\n"]
    for name, command in sorted(_flat(group)):
        parts.append(f"## gongshu {name}\n\n{(command.help or '').strip()}\n\n| 参数 | 含义 | 默认 |\n|---|---|---|")
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                label, help_text = (
                    (parameter.metavar or parameter.name or "").upper(),
                    getattr(parameter, "help", "") or "",
                )
            else:
                label, help_text = ", ".join(parameter.opts), getattr(parameter, "help", "") or ""
            default = parameter.default
            shown = (
                ""
                if default in (None, False, "", ()) or callable(default) or "Sentinel" in str(default)
                else f"`{default}`"
            )
            parts.append(f"| `{label}` | {help_text.replace('|', '/')} | {shown} |")
        parts.append("")
    return NOTICE + "\n".join(parts)


def _flat(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _flat(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


PAGES = {"settings.md": settings_page, "commands.md": commands_page}

if __name__ == "__main__":
    for file, make in PAGES.items():
        (REFERENCE / file).write_text(make(), encoding="utf-8")
