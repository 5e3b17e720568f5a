"""Organisations and their people: who is what, invitations, leaving with hand-over, and the table of permissions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.mail import EmailMessage
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gongshu.parties import actions, handover
from gongshu.parties.mail import send_later
from gongshu.parties.models import Invitation, Organisation, Person, Role, Token
from gongshu.parties.permissions import (
    PERMISSIONS,
    Scope,
    check_may,
    may,
    organisations_where,
    people_who_may,
    person_of,
)
from gongshu.tables.errors import TableError
from gongshu.web.access import SIGNED_IN, needs, public
from gongshu.web.words import message_of

LISTED = 50
EDITED = ("code", "name", "name_en", "kind", "credit_code")


@require_safe
@needs("people.see")
def organisation_people(request: HttpRequest) -> HttpResponse:
    """The organisations whose people I may see."""
    person = person_of(request)
    check_may(person, "people.see")
    where = organisations_where(person, "people.see")
    found = Organisation.objects.all() if where is None else Organisation.objects.filter(pk__in=where)
    found = found.select_related("parent").annotate(
        people=Count("memberships__person", filter=Q(memberships__ended=None), distinct=True)
    )
    page = Paginator(found.order_by("name"), LISTED).get_page(request.GET.get("page"))
    context = {"page": page, "may_manage": may(person, "organisation.manage")}
    return render(request, "parties/organisations.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("organisation.manage")
def organisation_edit(request: HttpRequest, code: str | None = None) -> HttpResponse:
    """Register an organisation, or change one."""
    person, error = person_of(request), ""
    check_may(person, "organisation.manage")
    organisation = get_object_or_404(Organisation, code=code) if code else Organisation()
    if request.method == "POST":
        for name in EDITED if code is None else EDITED[1:]:
            setattr(organisation, name, request.POST.get(name, "").strip())
        above = request.POST.get("parent", "")
        organisation.parent = Organisation.objects.filter(code=above).first() if above else None
        try:
            actions.save_organisation(person, organisation)
        except TableError as problem:
            error = message_of(problem)
        else:
            messages.success(request, _("已保存"))
            return redirect("people", organisation.code)
    context = {
        "organisation": organisation,
        "new": code is None,
        "kinds": Organisation.Kind.choices,
        "others": Organisation.objects.exclude(pk=organisation.pk),
        "error": error,
    }
    return render(request, "parties/organisation_edit.html", context, status=400 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("people.see")
def people(request: HttpRequest, code: str) -> HttpResponse:
    """The people of one organisation with their roles, open invitations, and a form to invite."""
    person = person_of(request)
    organisation = get_object_or_404(Organisation, code=code)
    check_may(person, "people.see", organisation)
    error, link = "", ""
    if request.method == "POST":
        check_may(person, "people.manage", organisation)
        try:
            link = _invite(request, person, organisation)
        except TableError as problem:
            error = message_of(problem)
    rows: dict[int, dict[str, Any]] = {}
    for one in organisation.memberships.filter(ended=None).select_related("person").order_by("person__display_name"):
        row = rows.setdefault(one.person_id, {"person": one.person, "roles": [], "since": one.since})
        row["roles"].append(one.get_role_display())
    context = {
        "organisation": organisation,
        "rows": list(rows.values()),
        "invitations": organisation.invitations.filter(accepted_at=None, revoked_at=None).select_related("invited_by"),
        "past": organisation.memberships.exclude(ended=None).select_related("person").order_by("-ended")[:LISTED],
        "roles": _may_give(person, organisation),
        "may_manage": may(person, "people.manage", organisation),
        "may_edit": may(person, "organisation.manage"),
        "may_remove_factors": may(person, "people.remove_factors"),
        "error": error,
        "link": link,
        "typed": request.POST,
    }
    return render(request, "parties/people.html", context, status=400 if error else 200)


@require_POST
@needs("people.manage")
def uninvite(request: HttpRequest, invitation_id: str) -> HttpResponse:
    """Make an invitation void."""
    invitation = get_object_or_404(Invitation.objects.select_related("organisation"), pk=invitation_id)
    actions.revoke_invitation(person_of(request), invitation)
    messages.success(request, _("邀请已作废"))
    return redirect("people", invitation.organisation.code)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("people.manage")
def leave(request: HttpRequest, code: str, username: str) -> HttpResponse:
    """Somebody leaves: what is handed over, to whom; nothing is left without somebody who answers for it."""
    person = person_of(request)
    organisation = get_object_or_404(Organisation, code=code)
    check_may(person, "people.manage", organisation)
    leaving = get_object_or_404(
        Person, username=username, memberships__organisation=organisation, memberships__ended=None
    )
    held, error = handover.holdings_of(leaving, organisation), ""
    able = [set(people_who_may(one.permission, organisation)) for one in held]
    successors = sorted(set.intersection(*able) - {leaving}, key=str) if able else []
    if request.method == "POST":
        successor = next((one for one in successors if one.username == request.POST.get("successor")), None)
        try:
            actions.leave(person, leaving, organisation, successor)
        except TableError as problem:
            error = message_of(problem)
        else:
            messages.success(request, _("%(name)s已离任，手上的事已交接") % {"name": leaving})
            return redirect("people", code)
    context = {
        "organisation": organisation,
        "leaving": leaving,
        "held": held,
        "successors": successors,
        "error": error,
    }
    return render(request, "parties/leave.html", context, status=400 if error else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("people.remove_factors")
def remove_factors(request: HttpRequest, code: str, username: str) -> HttpResponse:
    """Somebody lost an authenticator or passkeys: after a look at who it is, they are taken away."""
    actor = person_of(request)
    check_may(actor, "people.remove_factors")
    organisation = get_object_or_404(Organisation, code=code)
    found = Person.objects.filter(memberships__organisation=organisation, memberships__ended=None).distinct()
    person, error = get_object_or_404(found, username=username), ""
    if request.method == "POST":
        try:
            number = actions.remove_factors(actor, person)
        except TableError as problem:
            error = message_of(problem)
        else:
            messages.success(
                request, _("已移除%(name)s的 %(n)s 个验证方式，并结束其登录") % {"name": person, "n": number}
            )
            return redirect("people", code)
    context = {"organisation": organisation, "person": person, "error": error}
    return render(request, "parties/remove_factors.html", context, status=400 if error else 200)


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@public
def accept(request: HttpRequest, secret: str) -> HttpResponse:
    """Accept an invitation: as somebody new, or with the account that is signed in."""
    invitation = actions.open_invitation(secret)
    if invitation is None:
        return render(request, "parties/invitation_over.html", status=410)
    signed_in = request.user if isinstance(request.user, Person) else None
    error = ""
    if request.method == "POST":
        username, password = request.POST.get("username", ""), request.POST.get("password", "")
        try:
            if signed_in is None and password != request.POST.get("again", ""):
                raise TableError("passwords_differ", "两次输入的密码不一样")
            person = actions.accept_invitation(secret, username, password, as_person=signed_in)
        except TableError as problem:
            error = message_of(problem)
        else:
            if signed_in is None:
                login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
            messages.success(request, _("欢迎：您已是%(organisation)s的%(role)s") % {
                "organisation": invitation.organisation, "role": invitation.get_role_display()
            })  # fmt: skip
            return redirect("workbench")
    context = {"invitation": invitation, "error": error, "username": request.POST.get("username", "")}
    response = render(request, "parties/invitation.html", context, status=400 if error else 200)
    response["Referrer-Policy"] = "no-referrer"  # the address is the secret
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs(SIGNED_IN)
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens: make one (its secret is shown this once), see when each was used, revoke."""
    person, error, secret = person_of(request), "", ""
    if request.method == "POST" and "revoke" in request.POST:
        actions.revoke_token(person, get_object_or_404(Token, pk=request.POST["revoke"], person=person))
        messages.success(request, _("令牌已作废"))
        return redirect("tokens")
    if request.method == "POST":
        days = request.POST.get("days", "")
        try:
            if not request.POST.get("name", "").strip():
                raise TableError("name_missing", "请给令牌起个名字，说明给哪个程序用")
            _token, secret = actions.make_token(
                person,
                request.POST["name"],
                request.POST.getlist("scopes"),
                int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0,
            )
        except TableError as problem:
            error = message_of(problem)
    context = {
        "tokens": person.tokens.filter(revoked_at=None),
        "scopes": [("read", _("读公开数据，按令牌计限额")), ("upload", _("上传本机构的文件"))],
        "secret": secret,
        "error": error,
        "typed": request.POST,
        "typed_scopes": request.POST.getlist("scopes"),
    }
    return render(request, "parties/tokens.html", context, status=400 if error else 200)


@require_safe
@public
def permission_table(request: HttpRequest) -> HttpResponse:
    """Who may do what, as the program itself looks it up."""
    roles = [role for role in Role if any(role in dict(row.holders) for row in PERMISSIONS.values())]
    rows = [
        {
            "name": _(row.name),
            "code": row.code,
            "cells": [
                {None: "", Scope.OWN: _("本机构"), Scope.PLATFORM: _("全平台")}[dict(row.holders).get(role)]
                for role in roles
            ],
        }
        for row in PERMISSIONS.values()
    ]
    return render(request, "parties/permissions.html", {"roles": roles, "rows": rows})


def _may_give(person: Person, organisation: Organisation) -> list[tuple[str, str]]:
    if not may(person, "people.manage", organisation):
        return []
    given = list(Role) if may(person, "organisation.manage") else actions.GIVEN_BY[Role.APPROVER]
    return [(role.value, str(role.label)) for role in given]


def _invite(request: HttpRequest, person: Person, organisation: Organisation) -> str:
    """Invite and mail; returns the link, for when the mail doesn't arrive."""
    role = request.POST.get("role", "")
    if role not in Role.values:
        raise TableError("role_unknown", "请选择角色")
    email, name = request.POST.get("email", "").strip(), request.POST.get("display_name", "").strip()
    if not name:
        raise TableError("name_missing", "请填写姓名")
    invitation, secret = actions.invite(person, organisation, Role(role), email, name)
    link = f"{settings.SITE_URL}{reverse('invitation', args=[secret])}"
    subject = _("邀请您成为%(organisation)s的%(role)s") % {
        "organisation": organisation.name,
        "role": invitation.get_role_display(),
    }
    body = _("%(by)s邀请您。请在 %(day)s 前打开下面的地址，设定账号：") % {
        "by": person,
        "day": f"{invitation.expires_at:%Y-%m-%d}",
    }
    send_later(EmailMessage(subject, f"{name}\n\n{body}\n\n{link}\n", to=[email]))
    return link
