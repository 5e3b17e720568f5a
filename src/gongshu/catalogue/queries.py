"""What people ask of the catalogue: the resources they may see, the progress of each system, the catalogue as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from gongshu.catalogue.actions import classes
from gongshu.catalogue.models import Resource, System
from gongshu.catalogue.standing import STAGES, Place, places
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import organisations_where
from gongshu.rulebooks import rulebook
from gongshu.web import words

FREQUENCIES = "opening-2026/frequencies"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


@dataclass(frozen=True)
class Progress:
    """A system with how far its resources are: how many there are, are open, are late."""

    system: System
    resources: int
    open: int
    late: int


def seen(person: Person) -> QuerySet[Resource]:
    """The resources that ``person`` may see."""
    where = organisations_where(person, "resource.see")
    found = Resource.objects.select_related("organisation", "system", "maintainer")
    return found if where is None else found.filter(organisation__in=where)


def asked(person: Person, words_asked: str, organisation: str, system: str) -> list[Place]:
    """The resources with these words in name, code or summary, of an organisation (code) and a system (id), with their places."""
    found = seen(person)
    if words_asked:
        found = found.filter(
            Q(name__icontains=words_asked) | Q(code__icontains=words_asked) | Q(summary__icontains=words_asked)
        )
    if organisation:
        found = found.filter(organisation__code=organisation)
    if system.isascii() and system.isdigit() and len(system) < 18:
        found = found.filter(system=int(system))
    return places(list(found))


def progress(systems: list[System]) -> list[Progress]:
    """The progress of each system."""
    made = places(list(Resource.objects.filter(system__in=systems)))
    every, out, late = Counter[int](), Counter[int](), Counter[int]()
    for place in made:
        pk = place.resource.system_id
        every[pk] += 1
        out[pk] += place.out is not None
        late[pk] += place.late
    return [Progress(each, every[each.pk], out[each.pk], late[each.pk]) for each in systems]


def described_by(person: Person) -> list[Organisation]:
    """The organisations whose resources ``person`` may describe."""
    where = organisations_where(person, "resource.describe")
    return list(Organisation.objects.all() if where is None else Organisation.objects.filter(pk__in=where))


def frequencies() -> dict[str, str]:
    """更新周期 by key, in the reader's language."""
    return {each["key"]: each["en" if words.english() else "zh"] for each in rulebook(FREQUENCIES)["entries"]}


def class_names() -> dict[str, str]:
    """资源分类 by key with its code, in the reader's language."""
    return {key: f"{one['code']} {one['en' if words.english() else 'zh']}" for key, one in classes().items()}


def table(found: list[Place]) -> Iterator[list[str]]:
    """The catalogue as rows of text, the header first; nothing in it is a formula to a spreadsheet."""
    yield [
        "资源代码", "资源分类", "资源名称", "提供方", "提供方代码", "信息系统", "资源摘要", "资源格式", "信息项", "共享类型",
        "共享条件", "不予共享的依据", "开放属性", "开放条件", "更新周期", "发布日期", "关联资源代码", "数据责任人", "进展", "现行版本",
    ]  # fmt: skip
    cycles, names, stages = frequencies(), class_names(), {key: str(name) for key, name in STAGES.items()}
    # once, as get_..._display() translates every choice for every row
    kinds = (Resource.Format, Resource.ShareType, Resource.OpenType)
    formats, shares, opens = ({key: str(name) for key, name in kind.choices} for kind in kinds)
    related: dict[int, list[str]] = {}
    for pk, code in (
        Resource.objects.filter(related__isnull=False).values_list("pk", "related__code").order_by("related__code")
    ):
        related.setdefault(pk, []).append(code)
    for place in found:
        row = place.resource
        cells = [
            row.code, names.get(row.category, row.category), row.name, row.organisation.name, row.organisation.credit_code,
            row.system.name, row.summary, formats[row.format], "；".join(item["name"] for item in row.items),
            shares[row.share_type], row.share_condition, row.share_law, opens[row.open_type], row.open_condition,
            cycles.get(row.update_frequency, ""), row.issued_on.isoformat() if row.issued_on else "",
            "；".join(related.get(row.pk, ())), str(row.maintainer), stages[place.stage],
            str(place.out.version) if place.out else "",
        ]  # fmt: skip
        yield [guarded(str(cell)) for cell in cells]


def guarded(text: str) -> str:
    """A cell that a spreadsheet takes for text whatever it begins with."""
    return f"'{text}" if text.startswith(_FORMULA) else text
