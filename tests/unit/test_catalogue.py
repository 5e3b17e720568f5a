"""English is whole: every message has it, keeps its names to fill, and reaches the reader."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from tools.catalogue import CATALOGUE, CHINESE, messages, packages, translations
from typer.testing import CliRunner

from gongshu import i18n
from gongshu.cli import build_app
from gongshu.tables.errors import TableError
from gongshu.tables.inspection import inspect_files

EXCLUDED: set[str] = set()
NAMES = re.compile(r"%\((\w+)\)s|\{(\w*)\}")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The catalogue as it is now, compiled, in place of the one that set-up compiled."""
    folder = tmp_path_factory.mktemp("locale")
    target = folder / "en" / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    with CATALOGUE.open("rb") as source, target.open("wb") as file:
        write_mo(file, read_po(source, locale="en"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(i18n, "LOCALE_DIR", folder)
        i18n._catalogue.cache_clear()
        yield
    i18n._catalogue.cache_clear()


def test_every_message_has_english():
    known = translations()
    wanted = messages(packages() - EXCLUDED)
    assert len(wanted) > 300
    assert sorted(message for message in wanted if not known.get(message)) == []


def test_english_keeps_every_name_and_quotes_chinese_only_from_its_message():
    for message, english in translations().items():
        if english:
            assert sorted(NAMES.findall(message)) == sorted(NAMES.findall(english)), message
            quoted = re.findall(rf"{CHINESE.pattern}+", english)  # e.g. the names 列1, 列2 that columns get
            assert all(len(word) <= 2 and word in message for word in quoted), english


def test_the_scan_finds_words_where_they_are_used_and_no_data():
    found = messages(packages() - EXCLUDED)
    assert {"空值", "「{column}」有 {count} 格为空", "入原始区", "号牌格式 {share}", "、"} <= found
    # an ethnic group, a word of a code list, a pattern, a rulebook's title, a demo person
    assert not {"穿青人", "锟斤", "审计员 周正"} & found


def test_an_error_reads_in_english(compiled, tmp_path):
    path = tmp_path / "空.csv"
    path.touch()
    [file] = inspect_files([path]).files
    assert file.error is not None
    assert file.error.text("en") == translations()["文件是空的（0 字节）。请检查导出是否成功。"]
    assert CHINESE.search(file.error.text("zh-hans"))
    error = TableError("missing_column", "表里没有字段“{column}”。", where={"column": "区"})
    assert '"区"' in error.as_json()["message_en"]


@pytest.fixture
def dirty(tmp_path):
    """A title above the header, an empty header, wrong check digits, an impossible date, spaces, doubles, a total."""
    lines = [["2024 年登记表"], ["姓名", "证件号", "性别", "地址", "登记日期", "启用", ""]]
    for n in range(40):
        number = "110105194912310021" if n % 4 == 0 else "11010519491231002X"
        when = "2019/13/45" if n == 5 else f"2020-01-1{n % 10}"
        place = f"南山区学府路{n % 7}号" + " " * (n % 3)
        lines.append(["王李张刘陈"[n % 5] + "伟芳娜敏"[n % 4], number, "男女"[n % 2], place, when, "是否"[n % 2], "无"])
    path = tmp_path / "人员.csv"
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([*lines, ["合计", "40"]])
    return path


@pytest.mark.parametrize("options", [[], ["--all"]])
def test_inspect_in_english_says_nothing_in_chinese(compiled, dirty, options):
    page = dirty.with_suffix(".html")
    done = CliRunner().invoke(build_app(), ["inspect", str(dirty), "--lang", "en", "--html", str(page), *options])
    assert done.exit_code == 0, done.output
    own = dirty.read_text(encoding="gb18030") + str(dirty) + "列7"  # the name that a column without one gets
    shown = done.output + re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    foreign = [word for word in re.findall(rf"{CHINESE.pattern}+", shown) if word not in own]
    assert foreign == []
    assert "Wrong check digit" in done.output
    assert "level" in shown


def test_the_help_is_english(tmp_path):
    """In a process of its own, as a user starts it; the compiled catalogue is the one that set-up made."""
    if not CATALOGUE.with_suffix(".mo").is_file():
        pytest.skip("no compiled catalogue: ./gongshu makes it")
    done = subprocess.run(
        [sys.executable, "-m", "gongshu.cli", "inspect", "--help"],
        env={"PYTHONPATH": str(ROOT / "src"), "GONGSHU_LANG": "en", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not CHINESE.search(done.stdout), done.stdout
