"""What changes the catalogue: systems and resources, each with its audit event."""

from __future__ import annotations

import re
from typing import Any

from django.db import transaction

from gongshu import clock
from gongshu.catalogue.models import CodeCounter, Resource, System
from gongshu.oversight import log
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import check_may, may
from gongshu.rulebooks import rulebook
from gongshu.tables.contract import FREQUENCIES
from gongshu.tables.errors import TableError

CLASSES = "catalogue-2026/classes"
CODE = re.compile(r"^[123][0-9]{2}[0-9]{3}[0-9A-Z]*/[0-9]+$")
DESCRIBED = (
    "category", "name", "slug", "system", "summary", "format", "share_type", "share_condition", "share_law", "open_type",
    "open_condition", "update_frequency", "issued_on", "related", "maintainer",
)  # fmt: skip


def register_system(
    actor: Person, organisation: Organisation, name: str, purpose: str = "", *, name_en: str = "", named: bool = False
) -> System:
    """A new information system of ``organisation``. TableError without a name, or when the name is taken there."""
    check_may(actor, "resource.describe", organisation)
    name = name.strip()
    if not name:
        raise TableError("name_missing", "请填写系统名称")
    if System.objects.filter(organisation=organisation, name=name).exists():
        raise TableError("system_known", "系统「{name}」已登记过", name=name)
    with transaction.atomic():
        made = System.objects.create(
            organisation=organisation, name=name, name_en=name_en.strip(), named=named, purpose=purpose.strip()
        )
        log.append(actor.actor_id, "system.register", f"system:{made.pk}", organisation=organisation.code, named=named)
    return made


def name_system(actor: Person, system: System, named: bool) -> None:
    """Let everybody see the name of ``system`` as the source of what is open, or no longer."""
    check_may(actor, "resource.describe", system.organisation)
    with transaction.atomic():
        row = System.objects.select_for_update().get(pk=system.pk)
        row.named = named
        row.save(update_fields=["named"])
        log.append(actor.actor_id, "system.name" if named else "system.unname", f"system:{row.pk}")


def describe_resource(
    actor: Person,
    organisation: Organisation,
    described: dict[str, Any],
    resource: Resource | None = None,
    edition: int = 0,
) -> Resource:
    """Register a resource (``resource`` None) or save its changes made to ``edition``.

    ``described`` holds the attributes of :data:`DESCRIBED`. TableError names the element that is missing or wrong (R5.2: a
    condition for conditional sharing, a law for none), and tells when somebody else saved meanwhile.
    """
    check_may(actor, "resource.describe", organisation)
    values = {name: described[name] for name in DESCRIBED if name in described}
    with transaction.atomic():
        row = (
            Resource.objects.select_for_update().get(pk=resource.pk)
            if resource
            else Resource(organisation=organisation)
        )
        if resource and row.edition != edition:
            raise TableError(
                "changed_meanwhile",
                "{name}刚刚改过这个资源，您的修改没有保存：请看过新的内容再改",
                name=str(row.edited_by),
            )
        related = values.pop("related", None)
        for name, value in values.items():
            setattr(row, name, value.strip() if isinstance(value, str) else value)
        _check(row)
        if resource:
            row.edition += 1
        else:
            row.code = _next_code(row.category)
        row.edited_by, row.edited_at = actor, clock.now()
        row.save()
        if related is not None:
            row.related.set(other for other in related if other.pk != row.pk)
        log.append(
            actor.actor_id,
            f"resource.{'change' if resource else 'register'}",
            f"resource:{row.code}",
            edition=row.edition,
            organisation=organisation.code,
        )
    return row


def _check(row: Resource) -> None:
    for name, word in (
        ("name", "资源名称"),
        ("slug", "数据集标识"),
        ("summary", "资源摘要"),
        ("update_frequency", "更新周期"),
    ):
        if not getattr(row, name):
            raise TableError("element_missing", "请填写「{element}」", where={"element": name}, element=word)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.slug):
        raise TableError("slug_wrong", "数据集标识只用小写字母、数字和连字符", where={"element": "slug"})
    if row.category not in classes():
        raise TableError("category_unknown", "没有这个资源分类", where={"element": "category"})
    if row.update_frequency not in FREQUENCIES:
        raise TableError("frequency_unknown", "没有这个更新周期", where={"element": "update_frequency"})
    if row.system.organisation_id != row.organisation_id:
        raise TableError("system_elsewhere", "这个系统不是本机构的", where={"element": "system"})
    if not may(row.maintainer, "upload.make", row.organisation):
        raise TableError("maintainer_wrong", "数据责任人应是本机构的数据责任人", where={"element": "maintainer"})
    if row.share_type == Resource.ShareType.CONDITIONAL and not row.share_condition:
        raise TableError("condition_missing", "有条件共享要写明共享条件", where={"element": "share_condition"})
    if row.share_type == Resource.ShareType.NONE and not row.share_law:
        raise TableError("law_missing", "不予共享要写明法律、法规或国家规定的依据", where={"element": "share_law"})
    if row.open_type == Resource.OpenType.CONDITIONAL and not row.open_condition:
        raise TableError("open_condition_missing", "有条件开放要写明开放条件", where={"element": "open_condition"})
    others = Resource.objects.exclude(pk=row.pk)
    if others.filter(slug=row.slug).exists():
        raise TableError("slug_taken", "标识「{slug}」已有资源使用，请换一个", where={"element": "slug"}, slug=row.slug)
    if others.filter(organisation=row.organisation, name=row.name).exists():
        raise TableError("resource_known", "资源「{name}」已登记过", where={"element": "name"}, name=row.name)


def classes() -> dict[str, dict[str, str]]:
    """The classes of the catalogue by key: {"code", "zh", "en"}."""
    return {entry["key"]: entry for entry in rulebook(CLASSES)["entries"]}


def _next_code(category: str) -> str:
    """类1位 + 项2位 + 目3位 (000: not divided further) / 顺序号; the number is never given again (R5.1)."""
    prefix = classes()[category]["code"] + "000"
    counter, _ = CodeCounter.objects.select_for_update().get_or_create(prefix=prefix)
    counter.last += 1
    counter.save()
    return f"{prefix}/{counter.last}"
