"""What readers are told of a dataset: the words of the draft, proposed from names and standards, each with its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongshu.governance.models import Draft
from gongshu.parties.models import Organisation
from gongshu.rulebooks import rulebook
from gongshu.tables.contract import COORDINATE_SYSTEMS, Contract, Field
from gongshu.tables.errors import TableError
from gongshu.tables.semantic import type_titles
from gongshu.web import words

NAMES = "semantic-2026/column_names"
LONG, SHORT, MOST_KEYWORDS = 2000, 200, 20
_CHINESE = re.compile("[\u4e00-\u9fff]")
_UNIT = re.compile(r"[（(]([^（）()]{1,10})[）)]\s*$")


@dataclass(frozen=True)
class Column:
    """The words of a public column; ``source`` says where the proposal comes from, empty for what a person wrote."""

    name: str
    title: str
    title_en: str
    description: str
    unit: str
    codes: str
    key: bool
    source: str = ""


@dataclass(frozen=True)
class Form:
    """All words of the draft as the page shows them; ``sources``: attribute -> where its proposal comes from."""

    title: str
    title_en: str
    summary: str
    summary_en: str
    topic: str
    licence: str
    keywords: str
    source_note: str
    contact: str
    coordinate_system: str
    columns: list[Column]
    sources: dict[str, str] = field(default_factory=dict)


SYSTEMS = {
    "": gettext_lazy("没有说明，按 WGS-84"),
    "WGS-84": gettext_lazy("WGS-84（GPS）"),
    "CGCS2000": gettext_lazy("CGCS2000（国家大地坐标）"),
    "GCJ-02": gettext_lazy("GCJ-02（高德、腾讯地图）"),
    "BD-09": gettext_lazy("BD-09（百度地图）"),
}
ATTRIBUTES = (
    "title",
    "title_en",
    "summary",
    "summary_en",
    "topic",
    "licence",
    "source_note",
    "contact",
    "coordinate_system",
)


def terms(file: str) -> list[dict[str, str]]:
    """``key`` and ``name`` of the entries of the opening rulebook (topics, licences), in its order."""
    language = "en" if words.english() else "zh"
    return [{"key": entry["key"], "name": entry[language]} for entry in rulebook(f"opening-2026/{file}")["entries"]]


def _default_licence(draft: Draft) -> str:
    """The first licence of the rulebook; of what society gives, the first under which it may be given."""
    entries = rulebook("opening-2026/licences")["entries"]
    given = draft.resource.organisation.kind == Organisation.Kind.SOCIETY
    return str(next(entry["key"] for entry in entries if entry.get("given") or not given))


def frequency(key: str) -> str:
    """The name of an update frequency."""
    language = "en" if words.english() else "zh"
    entries = rulebook("opening-2026/frequencies")["entries"]
    return next((str(entry[language]) for entry in entries if entry["key"] == key), key)


def proposed(draft: Draft, contract: Contract) -> Form:
    """The words as they are, and proposals where there are none."""
    resource, sources = draft.resource, {}
    values = {name: getattr(contract, name) for name in ATTRIBUTES}
    topics = [entry["key"] for entry in rulebook("opening-2026/topics")["entries"]]
    offers = {
        "title": (resource.name, _("数据资源名称")),
        "summary": (resource.summary, _("数据资源摘要")),
        "topic": (resource.category if resource.category in topics else "", _("数据资源分类")),
        "licence": (_default_licence(draft), _("默认许可")),
        "source_note": (
            _("来自%(system)s，由%(organisation)s提供")
            % {"system": resource.system.name, "organisation": resource.organisation.name},
            _("数据资源目录"),
        ),
        "contact": (resource.maintainer.email, _("数据责任人的邮箱")),
    }
    for name, (offer, source) in offers.items():
        if not values[name] and offer:
            values[name], sources[name] = offer, source
    keywords = list(contract.keywords)
    if not keywords:
        keywords, sources["keywords"] = [resource.name], _("数据资源名称")
    columns = [_column(each) for each in contract.fields if each.protection.method != "drop"]
    return Form(**values, keywords="、".join(keywords), columns=columns, sources=sources)


def typed(post: Mapping[str, Any], contract: Contract, form: Form) -> Form:
    """``form`` with what was typed; columns are named by their place in the contract's public ones."""
    columns = [
        replace(
            column,
            title=post.get(f"title-{n}", "").strip(),
            title_en=post.get(f"title_en-{n}", "").strip(),
            description=post.get(f"description-{n}", "").strip(),
            unit=post.get(f"unit-{n}", "").strip(),
            codes=post.get(f"codes-{n}", "").strip(),
            key=f"key-{n}" in post,
        )
        for n, column in enumerate(form.columns)
    ]
    values = {name: post.get(name, "").strip() for name in ATTRIBUTES}
    return replace(form, **values, keywords=post.get("keywords", "").strip(), columns=columns)


def has_places(contract: Contract) -> bool:
    """Whether the rows have a longitude and a latitude."""
    kinds = {each.semantic_type for each in contract.fields}
    return {"longitude", "latitude"} <= kinds


def check(form: Form) -> None:
    """TableError for a code list that can't be read, an unknown topic or licence, and words that are too long."""
    for name, value in (("topic", form.topic), ("licence", form.licence)):
        file = {"topic": "topics", "licence": "licences"}[name]
        if value and value not in [entry["key"] for entry in rulebook(f"opening-2026/{file}")["entries"]]:
            raise TableError("choice_unknown", "没有这个选项：{value}", where={"place": name}, value=value)
    if form.coordinate_system not in ("", *COORDINATE_SYSTEMS):
        raise TableError(
            "choice_unknown",
            "没有这个选项：{value}",
            where={"place": "coordinate_system"},
            value=form.coordinate_system,
        )
    for name, most in (("title", SHORT), ("title_en", SHORT), ("summary", LONG), ("summary_en", LONG), ("source_note", LONG), ("contact", SHORT)):  # fmt: skip
        if len(getattr(form, name)) > most:
            raise TableError("too_long", "“{name}”最多 {most} 个字", name=name, most=most)
    if len(_keywords(form.keywords)) > MOST_KEYWORDS:
        raise TableError("too_many_keywords", "关键词最多 {most} 个", most=MOST_KEYWORDS)
    for column in form.columns:
        read_codes(column.codes, column.name)
        if max(len(column.title), len(column.title_en), len(column.unit)) > SHORT or len(column.description) > LONG:
            raise TableError("too_long", "“{name}”最多 {most} 个字", name=column.name, most=SHORT)


def write(form: Form, contract: Contract) -> None:
    """Put the words of ``form`` into the contract."""
    for name in ATTRIBUTES:
        setattr(contract, name, getattr(form, name))
    contract.keywords = _keywords(form.keywords)
    by_name = {column.name: column for column in form.columns}
    for each in contract.fields:
        column = by_name.get(each.name)
        if column is None:
            continue
        each.title, each.title_en, each.description = column.title, column.title_en, column.description
        each.unit, each.codes, each.primary_key = column.unit, read_codes(column.codes, column.name), column.key


def read_codes(text: str, column: str) -> dict[str, str]:
    """``1=男；2=女`` (or one a line) as codes; TableError for a part without a sign of equality."""
    found = {}
    for part in re.split(r"[；;\r\n]+", text):
        if not part.strip():
            continue
        code, equals, meaning = part.replace("＝", "=").partition("=")
        if not equals or not code.strip() or not meaning.strip():
            raise TableError(
                "codes_unreadable",
                "列「{column}」的代码写成“代码=含义”，用分号隔开，例如 1=男；2=女",
                where={"column": column},
            )
        found[code.strip()] = meaning.strip()
    return found


def _keywords(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in re.split(r"[、,，;；\s]+", text) if part.strip()))


def _column(each: Field) -> Column:
    title, title_en, unit, source = each.title, each.title_en, each.unit, ""
    said = _CHINESE.search(each.name) is not None
    entry = _named(each.name)
    kind = type_titles().get(each.semantic_type or "")
    if said and (not title or title == each.name):
        title, source = _UNIT.sub("", each.name), _("列名")
    elif not title or title == each.name:
        if entry:
            title, source = entry[0], _("常用缩写")
        elif kind:
            title, source = kind.chinese, _("语义类型")
    if not title_en:
        if entry:
            title_en = entry[1]
        elif kind:
            title_en = kind.english
        elif not said:
            title_en = each.name.replace("_", " ")
    if not unit:
        in_name = _UNIT.search(each.name)
        unit = in_name.group(1) if in_name else entry[2] if entry and len(entry) > 2 else ""
    codes = each.codes
    standard = rulebook(NAMES)["codes"].get(each.semantic_type or "")
    if not codes and standard and each.storage_type == "int64":
        codes, source = dict(standard["values"]), str(standard["source"])
    return Column(
        name=each.name,
        title=title,
        title_en=title_en,
        description=each.description,
        unit=unit,
        codes="；".join(f"{code}={meaning}" for code, meaning in codes.items()),
        key=each.primary_key,
        source=source,
    )


def _named(name: str) -> list[str] | None:
    """The entry of the rulebook for a column's name, whole or its last word."""
    names = rulebook(NAMES)["names"]
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().strip("_")
    found: list[str] | None = (
        names.get(split) or names.get(split.replace("_", "")) or names.get(split.rsplit("_", 1)[-1])
    )
    return found
