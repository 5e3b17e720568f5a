"""What changes organisations and people: registration, roles, invitations, leaving and hand-over, tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from stdnum.cn import uscc

from gongshu import clock, deadlines
from gongshu.jobs.actions import request_cancel
from gongshu.jobs.models import Job
from gongshu.oversight import log
from gongshu.parties import handover
from gongshu.parties.models import Invitation, Membership, Organisation, Person, Role, Token
from gongshu.parties.notices import notify
from gongshu.parties.permissions import APART, Actor, Shell, check_may, may
from gongshu.tables.errors import TableError

TOKEN_PREFIX = "gongshu_"  # noqa: S105 - by which a leaked token is recognised in the wild
TOKEN_SCOPES = ("read", "upload")
TOKEN_DAYS = 366
GIVEN_BY = {  # who may give which role: an approver those of the own organisation, the operator every one
    Role.APPROVER: (Role.STEWARD, Role.APPROVER, Role.CLERK),
}


def ensure_organisation(
    actor: str, name: str, *, name_en: str = "", kind: str = Organisation.Kind.DEPARTMENT
) -> Organisation:
    """The organisation called ``name``, registered when it is not known yet."""
    found = Organisation.objects.filter(name=name).first()
    if found:
        return found
    code = "org-" + hashlib.sha256(name.encode()).hexdigest()[:10]
    with transaction.atomic():
        made = Organisation.objects.create(code=code, name=name, name_en=name_en, kind=kind)
        log.append(actor, "organisation.register", f"organisation:{code}")
    return made


def save_organisation(actor: Actor, organisation: Organisation) -> Organisation:
    """Register ``organisation`` or save its changes. TableError for a name or credit code that is taken or wrong."""
    check_may(actor, "organisation.manage")
    code = organisation.credit_code = organisation.credit_code.strip().upper()
    if code and not uscc.is_valid(code):
        raise TableError("credit_code_wrong", "统一社会信用代码「{given}」的校验位不对，请核对", given=code)
    others = Organisation.objects.exclude(pk=organisation.pk)
    if others.filter(Q(name=organisation.name) | Q(code=organisation.code)).exists() or (
        code and others.filter(credit_code=code).exists()
    ):
        raise TableError(
            "organisation_known", "机构「{name}」已登记过（名称、代码或信用代码相同）", name=organisation.name
        )
    above, seen = organisation.parent, set()
    while above is not None:
        if above.pk == organisation.pk or above.pk in seen:
            raise TableError("organisation_loop", "上级机构不能是自己或自己的下级")
        seen.add(above.pk)
        above = above.parent
    with transaction.atomic():
        new = organisation.pk is None
        organisation.save()
        log.append(
            actor.actor_id, f"organisation.{'register' if new else 'change'}", f"organisation:{organisation.code}"
        )
    return organisation


def register_person(
    actor: Actor,
    username: str,
    display_name: str,
    *,
    email: str = "",
    password: str | None = None,
    is_demo: bool = False,
) -> Person:
    """A new account without any role; only the shell and an accepted invitation come here."""
    person = Person(username=username, display_name=display_name, email=email, is_demo=is_demo)
    person.set_password(password)
    with transaction.atomic():
        person.save()
        log.append(actor.actor_id, "person.register", f"person:{username}")
    return person


def give_role(actor: Actor, person: Person, organisation: Organisation, role: Role) -> Membership:
    """``person`` holds ``role`` in ``organisation`` from now on; given twice it stays one."""
    check_may_give(actor, organisation, role)
    with transaction.atomic():
        check_apart(person, role)
        made, new = Membership.objects.get_or_create(person=person, organisation=organisation, role=role, ended=None)
        if new:
            log.append(
                actor.actor_id, "role.give", f"person:{person.username}", role=role, organisation=organisation.code
            )
    person.__dict__.pop("_held_roles", None)
    return made


def check_apart(person: Person, role: Role) -> None:
    """TableError ``roles_apart`` where ``person`` holds a role that nobody holds beside ``role``: operator, security officer and
    auditor are three people, and none of those who choose protections is one of the latter two."""
    for held in person.memberships.filter(ended=None).values_list("role", flat=True):
        if frozenset({Role(held), role}) in APART:
            raise TableError(
                "roles_apart",
                "{name}已是{held}，不能再做{role}：这两种角色必须由不同的人担任",
                name=str(person),
                held=str(Role(held).label),
                role=str(role.label),
            )


def check_may_give(actor: Actor, organisation: Organisation, role: Role) -> None:
    """PermissionDenied unless ``actor`` may make somebody a ``role`` of ``organisation``: never more than the own right."""
    check_may(actor, "people.manage", organisation)
    if not may(actor, "organisation.manage") and role not in GIVEN_BY[Role.APPROVER]:
        raise PermissionDenied


def invite(
    actor: Person | Shell, organisation: Organisation, role: Role, email: str, display_name: str, *, secret: str = ""
) -> tuple[Invitation, str]:
    """Invite somebody by e-mail; returns the invitation and its secret (``secret``, or one by chance), which is shown once and
    kept as a hash only."""
    check_may_give(actor, organisation, role)
    email = email.strip().lower()  # addresses are looked up so
    try:
        validate_email(email)
    except ValidationError as error:
        raise TableError("email_wrong", "「{email}」不是邮箱地址", email=email) from error
    secret = secret or secrets.token_urlsafe(24)
    with transaction.atomic():
        made = Invitation.objects.create(
            email=email,
            display_name=display_name.strip(),
            organisation=organisation,
            role=role,
            secret_sha256=_sha256(secret),
            invited_by=actor if isinstance(actor, Person) else None,
            expires_at=deadlines.due("invitation", "accept", clock.now()),
        )
        log.append(actor.actor_id, "person.invite", f"invitation:{made.id}", role=role, organisation=organisation.code)
    return made, secret


def revoke_invitation(actor: Actor, invitation: Invitation) -> None:
    """Make an invitation void; one that was accepted stays as it is."""
    check_may(actor, "people.manage", invitation.organisation)
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
            revoked_at=clock.now()
        ):
            log.append(actor.actor_id, "person.uninvite", f"invitation:{invitation.id}")


def open_invitation(secret: str) -> Invitation | None:
    """The invitation with this secret while it can be accepted."""
    return (
        Invitation.objects.select_related("organisation", "invited_by")
        .filter(secret_sha256=_sha256(secret), accepted_at=None, revoked_at=None, expires_at__gt=clock.now())
        .first()
    )


def accept_invitation(secret: str, username: str, password: str, *, as_person: Person | None = None) -> Person:
    """Become a person with the invited role, or take the role with the account that is signed in (``as_person``).

    TableError for an invitation that is over, an account name that is taken, a password that is too weak.
    """
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().filter(secret_sha256=_sha256(secret)).first()
        if invitation is None or open_invitation(secret) is None:
            raise TableError("invitation_over", "邀请已失效：请向邀请您的人要一封新的")
        person = as_person or _new_person(invitation, username, password)
        check_apart(person, Role(invitation.role))
        invitation.accepted_by, invitation.accepted_at = person, clock.now()
        invitation.save(update_fields=["accepted_by", "accepted_at"])
        Membership.objects.get_or_create(
            person=person, organisation=invitation.organisation, role=invitation.role, ended=None
        )
        log.append(
            person.actor_id,
            "person.accept",
            f"invitation:{invitation.id}",
            role=invitation.role,
            organisation=invitation.organisation.code,
        )
    person.__dict__.pop("_held_roles", None)
    return person


def _new_person(invitation: Invitation, username: str, password: str) -> Person:
    username = username.strip()
    person = Person(username=username, display_name=invitation.display_name, email=invitation.email)
    try:
        person.clean_fields(exclude=["password"])
        validate_password(password, person)
    except ValidationError as error:
        raise TableError("account_wrong", "{problem}", problem="；".join(error.messages)) from error
    if Person.objects.filter(username__iexact=username).exists():
        raise TableError("account_taken", "账号「{username}」已有人用，请换一个", username=username)
    person.set_password(password)
    person.save()
    return person


def leave(actor: Actor, person: Person, organisation: Organisation, successor: Person | None) -> list[handover.Holding]:
    """End all roles of ``person`` in ``organisation`` and hand everything over to ``successor``; returns what was handed over.

    TableError when something is held and there is no successor, or the successor may not take it.
    """
    check_may(actor, "people.manage", organisation)
    held = handover.holdings_of(person, organisation)
    if held and successor is None:
        raise TableError(
            "successor_needed",
            "{name}名下还有{what}，请先选定接手的人",
            name=str(person),
            what="、".join(f"{one.what} {len(one.titles)}" for one in held),
        )
    with transaction.atomic():
        ended = Membership.objects.filter(person=person, organisation=organisation, ended=None).update(
            ended=clock.now()
        )
        if not ended:
            raise TableError("not_a_member", "{name}不在这个机构任职", name=str(person))
        for one in held if successor else []:
            assert successor is not None
            if successor.pk == person.pk or not may(successor, one.permission, organisation):
                raise TableError(
                    "successor_may_not", "{name}不能接手{what}：没有相应的角色", name=str(successor), what=one.what
                )
            one.pass_on(successor)
        if not person.memberships.filter(ended=None).exists():
            Person.objects.filter(pk=person.pk).update(is_active=False)
            Token.objects.filter(person=person, revoked_at=None).update(revoked_at=clock.now())
        log.append(
            actor.actor_id,
            "person.leave",
            f"person:{person.username}",
            organisation=organisation.code,
            successor=successor.username if successor else None,
            handed_over=sum(len(one.titles) for one in held),
        )
        if held and successor:
            notify(
                [successor],
                "handover.received",
                reverse("inbox"),
                f"handover:{person.username}:{organisation.code}:{clock.now():%Y%m%d%H%M%S}",
                by=str(person),
                count=sum(len(one.titles) for one in held),
            )
    person.__dict__.pop("_held_roles", None)
    return held


def remove_factors(actor: Actor, person: Person) -> int:
    """Take the second factors of somebody who lost them, and end every session; returns how many there were.

    TableError for one's own: those are changed by showing them.
    """
    check_may(actor, "people.remove_factors")
    if actor == person:
        raise TableError("own_factors", "自己的验证方式请在“我的账号”里改")
    with transaction.atomic():
        found = list(Authenticator.objects.filter(user=person))
        for one in found:
            one.delete()
        for session in UserSession.objects.filter(user=person):
            session.end()
        log.append(actor.actor_id, "person.factors_remove", f"person:{person.username}", number=len(found))
        key = f"factors:{person.username}:{clock.now():%Y%m%d%H%M%S}"
        notify([person], "factors.removed", reverse("account"), key)
    return len(found)


def cancel_job(actor: Actor, job: Job) -> None:
    """Ask the worker to stop a job; one that has ended stays as it is."""
    check_may(actor, "job.cancel", job.organisation or 0)
    if job.state in (Job.State.QUEUED, Job.State.RUNNING):
        request_cancel(actor.actor_id, job)


def make_token(actor: Person, name: str, scopes: list[str], days: int) -> tuple[Token, str]:
    """A token of ``actor`` for a program; returns it and its secret, which is shown once and kept as a hash only."""
    wrong = sorted(set(scopes) - set(TOKEN_SCOPES))
    if wrong or not scopes:
        raise TableError("scope_unknown", "令牌的范围应为：{known}", known="、".join(TOKEN_SCOPES))
    if not 1 <= days <= TOKEN_DAYS:
        raise TableError("token_days", "令牌的有效期应为 1 到 {most} 天", most=TOKEN_DAYS)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(30)
    with transaction.atomic():
        token = Token.objects.create(
            person=actor,
            name=name.strip()[:100],
            prefix=secret[:12],
            secret_sha256=_sha256(secret),
            scopes=sorted(set(scopes)),
            expires_at=clock.now() + timedelta(days=days),
        )
        log.append(actor.actor_id, "token.make", f"token:{token.prefix}", scopes=",".join(token.scopes), days=days)
    return token, secret


def revoke_token(actor: Person, token: Token) -> None:
    """Make a token of one's own void at once."""
    if token.person_id != actor.pk:
        raise PermissionDenied
    with transaction.atomic():
        if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now()):
            log.append(actor.actor_id, "token.revoke", f"token:{token.prefix}")


def person_with_token(secret: str, scope: str) -> Person | None:
    """Whom the token ``secret`` lets act within ``scope`` now; None for one that is unknown, expired, revoked or narrower."""
    now: datetime = clock.now()
    token = (
        Token.objects.select_related("person")
        .filter(secret_sha256=_sha256(secret), revoked_at=None, expires_at__gt=now, person__is_active=True)
        .first()
    )
    if token is None or scope not in token.scopes:
        return None
    if token.last_used_on != now.date():  # once a day is enough to tell a forgotten token
        Token.objects.filter(pk=token.pk).update(last_used_on=now.date())
    found: Any = token.person
    return found  # type: ignore[no-any-return]


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
