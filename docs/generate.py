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


def types_page() -> str:
    """Every semantic type with its level, subject, example, source and the names that speak for it."""
    from gongshu.rulebooks import rulebook
    from gongshu.tables.semantic import semantic_types
    from gongshu.tables.semantic.types import LEVELS

    subjects = {"person": "个人", "organisation": "组织", "object": "客体"}
    open_types = {"unconditional": "无条件", "conditional": "有条件", "none": "非开放"}
    known = rulebook(LEVELS)["types"]
    lines = [
        "# 语义类型 Semantic types\n",
        "由声明生成。“级别”是默认规则集的提议，表里还有什么会再影响它；“列名”只列几个，中文词出现在列名里、拼音首字母与英文词作为整段即算。"
        "怎样识别见[识别与定级](../explanation/recognition.md)。",
        "Generated from the declarations; how a column is recognised: [in English](../en/recognition.md).\n",
        "| 代码 | 名称 | English | 主体 | 级别 | 开放 | 例 | 依据 | 列名 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in semantic_types().values():
        level = str(kind.level) if kind.code in known else "随表"
        hints = "、".join([*kind.zh[:3], *kind.pinyin[:2], *kind.en[:2]])
        cells = (
            f"`{kind.code}`",
            kind.title,
            kind.title_en,
            subjects[kind.subject],
            level,
            open_types[kind.open_type] if kind.code in known else "随表",
            f"`{kind.example}`",
            kind.source,
            hints,
        )
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return NOTICE + "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "types.md": types_page}

if __name__ == "__main__":
    for file, make in PAGES.items():
        (REFERENCE / file).write_text(make(), encoding="utf-8")
