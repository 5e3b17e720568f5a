"""The catalogue's pages: systems, resources by where they stand, and the elements of one resource."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gongshu.catalogue import queries, standing
from gongshu.catalogue.actions import DESCRIBED, describe_resource, name_system, register_system
from gongshu.catalogue.models import Resource, System
from gongshu.parties.models import Organisation, Person
from gongshu.parties.permissions import check_may, may, organisations_where, people_who_may, person_of
from gongshu.tables.errors import TableError
from gongshu.web import words
from gongshu.web.access import needs

LISTED = 30
SHOWN_ITEMS = 60
LONGEST = {"name": 200, "slug": 80}
TEXT = tuple(name for name in DESCRIBED if name not in ("system", "maintainer", "issued_on", "related"))


@require_safe
@needs("resource.see")
def resource_list(request: HttpRequest) -> HttpResponse:
    """The resources that I may see by where they stand; what is late first."""
    person = person_of(request)
    check_may(person, "resource.see")
    stage = request.GET.get("stage", "")
    found = _asked(request, person)
    counts = {key: sum(1 for place in found if place.stage == key) for key in standing.STAGES}
    if stage in standing.STAGES:
        found = [place for place in found if place.stage == stage]
    where = organisations_where(person, "resource.see")
    context = {
        "page": Paginator(found, LISTED).get_page(request.GET.get("page")),
        "stages": [(key, name, counts[key]) for key, name in standing.STAGES.items()],
        "stage": stage,
        "question": request.GET.get("q", ""),
        "organisation": request.GET.get("organisation", ""),
        "system": request.GET.get("system", ""),
        "organisations": Organisation.objects.filter(resources__isnull=False).distinct() if where is None else (),
        "may_describe": bool(queries.described_by(person)),
        "acts": set(organisations_where(person, "upload.make") or ()),
    }
    return render(request, "catalogue/resources.html", context)


@require_safe
@needs("resource.see")
def resource_table(request: HttpRequest) -> HttpResponse:
    """The same resources as a CSV table with the elements of the national catalogue."""
    person = person_of(request)
    check_may(person, "resource.see")
    text = io.StringIO()
    csv.writer(text).writerows(queries.table(_asked(request, person)))
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="resources.csv"'
    response["Cache-Control"] = "private, no-store"
    return response


@require_safe
@needs("resource.see")
def resource_page(request: HttpRequest, resource_id: int) -> HttpResponse:
    """One resource: its elements, what happened to it, and the next thing to do."""
    row = _found(request, resource_id)
    person = person_of(request)
    place = standing.places([row])[0]
    acts = may(person, "upload.make", row.organisation)
    context = {
        "resource": row,
        "place": place,
        "next": _next(place, acts),
        "traces": standing.traces(row, person),
        "acts": acts,
        "may_describe": may(person, "resource.describe", row.organisation),
        "category": queries.class_names().get(row.category, row.category),
        "frequency": queries.frequencies().get(row.update_frequency, row.update_frequency),
        "items": [item | {"kind": words.STORAGE.get(item.get("storage_type", ""), "")} for item in row.items],
        "related": row.related.all(),
    }
    return render(request, "catalogue/resource.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("resource.describe")
def resource_new(request: HttpRequest) -> HttpResponse:
    """Register a resource."""
    person = person_of(request)
    check_may(person, "resource.describe")
    mine = queries.described_by(person)
    asked = request.POST.get("organisation") or request.GET.get("organisation", "")
    return _edit(request, next((one for one in mine if one.code == asked), mine[0]), None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("resource.describe")
def resource_edit(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Change the elements of a resource."""
    row = _found(request, resource_id)
    check_may(person_of(request), "resource.describe", row.organisation)
    return _edit(request, row.organisation, row)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("resource.see")
def system_list(request: HttpRequest) -> HttpResponse:
    """The information systems with their progress; a steward registers one."""
    person, error = person_of(request), ""
    check_may(person, "resource.see")
    mine = queries.described_by(person)
    if request.method == "POST":
        where = (
            get_object_or_404(Organisation, code=request.POST["organisation"])
            if "organisation" in request.POST
            else None
        )
        check_may(person, "resource.describe", where)
        try:
            made = register_system(
                person,
                where or mine[0],
                request.POST.get("name", "")[:200],
                request.POST.get("purpose", "")[:2000],
                name_en=request.POST.get("name_en", "")[:200],
                named="named" in request.POST,
            )
        except TableError as refused:
            error = words.message_of(refused)
        else:
            messages.success(request, _("已登记系统「%(name)s」，可以登记它的数据资源了") % {"name": made.name})
            return redirect(f"{reverse('resource_new')}?organisation={made.organisation.code}&system={made.pk}")
    seen = organisations_where(person, "resource.see")
    systems = System.objects.select_related("organisation")
    page = Paginator(systems if seen is None else systems.filter(organisation__in=seen), LISTED).get_page(
        request.GET.get("page")
    )
    context = {"page": page, "rows": queries.progress(list(page)), "mine": mine, "error": error, "typed": request.POST}
    return render(request, "catalogue/systems.html", context, status=400 if error else 200)


@require_POST
@needs("resource.describe")
def system_name(request: HttpRequest, system_id: int) -> HttpResponse:
    """Show the name of a system as the source of what is open, or no longer."""
    row = get_object_or_404(System.objects.select_related("organisation"), pk=system_id)
    check_may(person_of(request), "resource.see", row.organisation)
    named = request.POST.get("named") == "1"
    name_system(person_of(request), row, named)
    said = _("“%(name)s”的名称从现在起公开") if named else _("“%(name)s”的名称不再公开")
    messages.success(request, said % {"name": words.local(row, "name")})
    return redirect("systems")


def _found(request: HttpRequest, resource_id: int) -> Resource:
    found = Resource.objects.select_related("organisation", "system", "maintainer", "edited_by")
    row = get_object_or_404(found, pk=resource_id)
    check_may(person_of(request), "resource.see", row.organisation)
    return row


def _asked(request: HttpRequest, person: Person) -> list[standing.Place]:
    ask = [request.GET.get(name, "").strip()[:100] for name in ("q", "organisation", "system")]
    return queries.asked(person, *ask)


def _next(place: standing.Place, acts: bool) -> tuple[str, str] | None:
    """The next thing to do: the verb and where."""
    if place.work is not None and place.work.url:
        return place.work.verb, place.work.url
    if acts:
        verb = _("上传新一期的文件") if place.out else _("上传第一个文件")
        try:
            return verb, reverse("upload_new", args=[place.resource.pk])
        except NoReverseMatch:
            return None
    return (place.out.verb, place.out.url) if place.out else None


def _edit(request: HttpRequest, organisation: Organisation, row: Resource | None) -> HttpResponse:
    person, error, element = person_of(request), "", ""
    if request.method == "POST":
        try:
            saved = _save(request, person, organisation, row)
        except TableError as refused:
            error, element = words.message_of(refused), str(refused.where.get("element", ""))
        else:
            messages.success(
                request,
                _("已保存第 %(n)s 次修改") % {"n": saved.edition}
                if row
                else _("已登记，代码 %(code)s") % {"code": saved.code},
            )
            return redirect("resource", saved.pk)
    systems = System.objects.filter(organisation=organisation)
    context = {
        "resource": row,
        "organisation": organisation,
        "mine": queries.described_by(person),
        "error": error,
        "element": element,
        "typed": _typed(request, row, person),
        "edition": request.POST.get("edition", row.edition if row else 0),
        "systems": systems,
        "stewards": people_who_may("upload.make", organisation),
        "classes": queries.class_names().items(),
        "frequencies": queries.frequencies().items(),
        "formats": Resource.Format.choices,
        "share_types": Resource.ShareType.choices,
        "open_types": Resource.OpenType.choices,
    }
    return render(request, "catalogue/resource_form.html", context, status=400 if error else 200)


def _save(request: HttpRequest, person: Person, organisation: Organisation, row: Resource | None) -> Resource:
    """The form as described elements: only what is described is taken, and systems and people by what they may be."""
    form = request.POST
    described: dict[str, Any] = {name: form.get(name, "").strip() for name in TEXT}
    for name, most in LONGEST.items():
        if len(described[name]) > most:
            raise TableError("element_long", "太长了：最多 {most} 个字", where={"element": name}, most=most)
    for name, choices in (
        ("format", Resource.Format),
        ("share_type", Resource.ShareType),
        ("open_type", Resource.OpenType),
    ):
        if described[name] not in choices.values:
            raise TableError("element_choice", "请从列出的选项中选择", where={"element": name})
    described["system"] = System.objects.filter(pk=_number(form.get("system")), organisation=organisation).first()
    if described["system"] is None:
        raise TableError("system_missing", "请选择信息系统；没有的话先登记一个", where={"element": "system"})
    described["maintainer"] = Person.objects.filter(pk=_number(form.get("maintainer"))).first()
    if described["maintainer"] is None:
        raise TableError("maintainer_missing", "请选择数据责任人", where={"element": "maintainer"})
    described["issued_on"] = _date(form.get("issued_on", ""))
    described["related"] = _related(form.get("related", ""), person)
    return describe_resource(person, organisation, described, row, _number(form.get("edition")))


def _related(text: str, person: Person) -> list[Resource]:
    codes = {
        each.strip()
        for each in text.replace("，", ",").replace("；", ",").replace("\n", ",").split(",")
        if each.strip()
    }
    known = list(queries.seen(person).filter(code__in=codes))
    if missing := sorted(codes - {one.code for one in known}):
        raise TableError(
            "related_unknown", "没有代码为「{missing}」的资源", where={"element": "related"}, missing=missing[0]
        )
    return known


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else 0


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text.strip() else None
    except ValueError:
        raise TableError("date_wrong", "日期写成 2026-01-31 这样", where={"element": "issued_on"}) from None


def _typed(request: HttpRequest, row: Resource | None, person: Person) -> dict[str, Any]:
    """What the form shows: what was typed, else what is saved, else a beginning."""
    names = (*TEXT, "system", "maintainer", "issued_on", "related")
    if request.method == "POST":
        return {name: request.POST.get(name, "") for name in names}
    if row is None:
        beginning = {
            "format": "2",
            "share_type": "unconditional",
            "open_type": "unconditional",
            "update_frequency": "monthly",
        }
        return {**beginning, "system": request.GET.get("system", ""), "maintainer": str(person.pk)}
    shown = {name: getattr(row, name) for name in TEXT}
    shown |= {"system": str(row.system_id), "maintainer": str(row.maintainer_id)}
    shown |= {
        "issued_on": row.issued_on.isoformat() if row.issued_on else "",
        "related": "，".join(row.related.values_list("code", flat=True)),
    }
    return shown
