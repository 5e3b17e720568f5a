"""Who may do what: one table, looked up by every action, page and endpoint, and walked by one test.

A person holds a role in an organisation (look.md, 权限表). ``Scope`` says on whose things the role may act.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from gongshu.parties.models import Membership, Organisation, Person, Role


class Scope(StrEnum):
    """Whose things: those of the organisation in which the role is held, or those of the whole platform."""

    OWN = "own"
    PLATFORM = "platform"


@dataclass(frozen=True)
class Permission:
    """One row: the verb, what it is called, and who holds it where."""

    code: str
    name: str
    holders: tuple[tuple[Role, Scope], ...]


def _row(code: str, name: str, *holders: tuple[Role, Scope]) -> Permission:
    return Permission(code, name, holders)


# roles that one person never holds together, in whatever organisations (三员分立; DB3212/T 1177-2025)
APART = (
    frozenset({Role.SECURITY, Role.STEWARD}),
    frozenset({Role.SECURITY, Role.APPROVER}),
    frozenset({Role.SECURITY, Role.OPERATOR}),
    frozenset({Role.SECURITY, Role.AUDITOR}),
    frozenset({Role.AUDITOR, Role.STEWARD}),
    frozenset({Role.AUDITOR, Role.APPROVER}),
    frozenset({Role.AUDITOR, Role.OPERATOR}),
)
OWN_STEWARD, OWN_APPROVER = (Role.STEWARD, Scope.OWN), (Role.APPROVER, Scope.OWN)
OPERATOR, SECURITY = (Role.OPERATOR, Scope.PLATFORM), (Role.SECURITY, Scope.PLATFORM)
AUDITOR, REGULATOR = (Role.AUDITOR, Scope.PLATFORM), (Role.REGULATOR, Scope.PLATFORM)

PERMISSIONS: dict[str, Permission] = {
    one.code: one
    for one in (
        _row("workbench.see", gettext_noop("看工作台"), *((role, Scope.OWN) for role in Role)),
        # people
        _row("organisation.manage", gettext_noop("登记与修改机构"), OPERATOR),
        _row("people.see", gettext_noop("看机构的人员"), OWN_APPROVER, OPERATOR, SECURITY, AUDITOR),
        _row("people.manage", gettext_noop("邀请人员，办理离任与交接"), OWN_APPROVER, OPERATOR),
        _row("people.remove_factors", gettext_noop("为丢了验证器或通行密钥的人移除验证方式"), OPERATOR),
        # catalogue and gathering
        _row("resource.see", gettext_noop("看数据资源与工作稿"), OWN_STEWARD, OWN_APPROVER, OPERATOR),
        _row("resource.describe", gettext_noop("登记系统与数据资源"), OWN_STEWARD),
        _row("upload.make", gettext_noop("上传文件"), OWN_STEWARD),
        _row("upload.see", gettext_noop("看原始数据的检视结果"), OWN_STEWARD, OWN_APPROVER),
        # governance
        _row("draft.edit", gettext_noop("确认定级、选择保护、改正与说明数据"), OWN_STEWARD),
        # opening
        _row("submission.make", gettext_noop("送审"), OWN_STEWARD),
        _row("submission.see", gettext_noop("看送审件"), OWN_STEWARD, OWN_APPROVER, OPERATOR, REGULATOR),
        _row("submission.decide", gettext_noop("审核本机构的送审件（不能审自己的）"), OWN_APPROVER),
        _row("submission.decide_first", gettext_noop("复核首次开放"), OPERATOR),
        _row("dataset.withdraw", gettext_noop("撤回数据集或版本"), OWN_APPROVER, OPERATOR),
        _row("dataset.stop", gettext_noop("紧急停止数据集"), OPERATOR, SECURITY),
        _row("dataset.restore", gettext_noop("恢复被停止的数据集（不能由停止的人恢复）"), OPERATOR, SECURITY),
        _row("synonyms.edit", gettext_noop("编辑检索的近义词"), OPERATOR),
        _row("problem.answer", gettext_noop("答复问题报告"), OWN_STEWARD, OWN_APPROVER),
        _row("problem.see", gettext_noop("看问题报告"), OWN_STEWARD, OWN_APPROVER, OPERATOR, REGULATOR, SECURITY),
        # questions and answers: a complaint is never handled by those it is about (feedback.permissions)
        _row("case.see", gettext_noop("看需求、咨询、建议与提问"), OWN_STEWARD, OWN_APPROVER, OPERATOR, REGULATOR),
        _row(
            "case.answer", gettext_noop("受理、转办、答复需求、咨询、建议与提问"), OWN_STEWARD, OWN_APPROVER, OPERATOR
        ),
        _row("complaint.handle", gettext_noop("办理投诉举报（不能办涉及自己机构或数据的）"), OPERATOR, REGULATOR),
        _row("reuse.check", gettext_noop("核对应用成果"), OPERATOR),
        _row("news.write", gettext_noop("发布动态"), OPERATOR),
        _row("offer.see", gettext_noop("看提供数据的申请"), OPERATOR, REGULATOR),
        _row("offer.decide", gettext_noop("决定提供数据的申请"), OPERATOR),
        # custody: whoever chooses protections never holds the key, and whoever holds it is watched by another
        _row("key.see", gettext_noop("看密钥的版本"), SECURITY, AUDITOR),
        _row("key.rotate", gettext_noop("换新密钥"), SECURITY),
        _row("token.reverse", gettext_noop("还原代号（不能还原自己选过或审过保护的机构的）"), SECURITY),
        _row("figures.see", gettext_noop("看差分隐私统计与隐私预算"), OWN_STEWARD, OWN_APPROVER, SECURITY, AUDITOR),
        _row("figures.ask", gettext_noop("算差分隐私统计，花隐私预算"), OWN_STEWARD),
        _row("budget.set", gettext_noop("调整数据集的隐私预算"), SECURITY),
        # federation
        _row("source.see", gettext_noop("看汇入的门户与每次汇入的结果"), OPERATOR, REGULATOR, AUDITOR),
        _row("source.manage", gettext_noop("添加、修改、暂停、移除汇入的门户，立即汇入"), OPERATOR),
        # work and record
        _row("job.see", gettext_noop("看作业"), OWN_STEWARD, OWN_APPROVER, OPERATOR, AUDITOR),
        _row("job.cancel", gettext_noop("取消作业"), OWN_STEWARD, OPERATOR),
        _row("log.see", gettext_noop("看审计日志"), AUDITOR, SECURITY, OPERATOR),
        # what only the machine's own account does, from the shell
        _row("dataset.publish_directly", gettext_noop("不经送审直接发布（仅命令行）")),
    )
}


class Actor(Protocol):
    """Who acts: a signed-in person, or the shell of the machine."""

    @property
    def actor_id(self) -> str:
        """The identifier under which the log knows the actor."""
        ...


@dataclass(frozen=True)
class Shell:
    """The account of the machine itself, or of its set-up: trusted with everything, named in the log."""

    actor_id: str


def may(actor: Actor | object, code: str, organisation: Organisation | int | None = None) -> bool:
    """Whether ``actor`` may do ``code`` on a thing of ``organisation`` (or its id; 0: the platform's own); None: anywhere at all.

    KeyError for a permission that is not in the table. Somebody who isn't signed in, or was deactivated, may nothing.
    """
    row = PERMISSIONS[code]
    if isinstance(actor, Shell):
        return True
    if not isinstance(actor, Person) or not actor.is_active:
        return False
    held = roles_of(actor)
    place = organisation.pk if isinstance(organisation, Organisation) else organisation
    return any(
        role == held_role and (scope == Scope.PLATFORM or place is None or place == where)
        for role, scope in row.holders
        for held_role, where in held
    )


def check_may(actor: Actor | object, code: str, organisation: Organisation | int | None = None) -> None:
    """PermissionDenied, with what is missing in words, unless :func:`may`."""
    if not may(actor, code, organisation):
        raise PermissionDenied(_("您没有这个权限：%(what)s") % {"what": _(PERMISSIONS[code].name)})


def organisations_where(person: Person, code: str) -> list[int] | None:
    """The organisations (ids) on whose things ``person`` may do ``code``; None means all of them."""
    wanted = dict(PERMISSIONS[code].holders)
    held = roles_of(person) if person.is_active else []
    if any(wanted.get(Role(role)) == Scope.PLATFORM for role, _where in held):
        return None
    return sorted({where for role, where in held if Role(role) in wanted})


def roles_of(person: Person) -> list[tuple[str, int]]:
    """The roles that ``person`` holds now as (role, organisation id); read once per Person object."""
    found: list[tuple[str, int]] | None = person.__dict__.get("_held_roles")
    if found is None:
        found = list(person.memberships.filter(ended=None).values_list("role", "organisation_id"))
        person.__dict__["_held_roles"] = found
    return found


def person_of(request: HttpRequest) -> Person:
    """Who is signed in; for pages that only those reach."""
    assert isinstance(request.user, Person)
    return request.user


def people_who_may(code: str, organisation: Organisation) -> list[Person]:
    """The active people who may do ``code`` on a thing of ``organisation``, in the order of their names."""
    found: dict[int, Person] = {}
    for role, scope in PERMISSIONS[code].holders:
        held = Membership.objects.filter(role=role, ended=None, person__is_active=True).select_related("person")
        if scope == Scope.OWN:
            held = held.filter(organisation=organisation)
        found |= {one.person_id: one.person for one in held}
    return sorted(found.values(), key=lambda person: person.username)
