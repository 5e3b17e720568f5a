"""Who may see a case and who answers it. A complaint is never handled by those it is about."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from gongshu.feedback.models import Case
from gongshu.parties.models import Person
from gongshu.parties.permissions import PERMISSIONS, may, organisations_where, people_who_may

COMPLAINT = "complaint.handle"


def can_see(person: Person, case: Case) -> bool:
    """Whether ``person`` may read the case on the desk."""
    if case.kind == Case.Kind.COMPLAINT:
        return can_answer(person, case)
    return may(person, "case.see", case.organisation or 0)


def can_answer(person: Person, case: Case) -> bool:
    """Whether ``person`` may accept, route, answer and close the case."""
    if case.kind == Case.Kind.COMPLAINT:
        return may(person, COMPLAINT) and not _concerned(person, case)
    return may(person, "case.answer", case.organisation or 0)


def check_can_see(person: Person, case: Case) -> None:
    """PermissionDenied unless :func:`can_see`."""
    _check(can_see(person, case), COMPLAINT if case.kind == Case.Kind.COMPLAINT else "case.see")


def check_can_answer(person: Person, case: Case) -> None:
    """PermissionDenied unless :func:`can_answer`."""
    _check(can_answer(person, case), COMPLAINT if case.kind == Case.Kind.COMPLAINT else "case.answer")


def handlers(case: Case) -> list[Person]:
    """Who is told of a case: those of its organisation, the platform's while it has none; of a complaint, who may handle it."""
    if case.kind == Case.Kind.COMPLAINT:
        return [one for one in holding(COMPLAINT) if not _concerned(one, case)]
    if case.organisation is None:
        return holding("case.answer")
    own = people_who_may("case.answer", case.organisation)
    mine = [one for one in own if one.memberships.filter(organisation=case.organisation, ended=None).exists()]
    return mine or own  # where nobody has an account yet, the platform's people


def visible_to(person: Person, complaints: bool = False) -> QuerySet[Case]:
    """The cases that ``person`` finds on the desk; ``complaints``: those instead."""
    found = Case.objects.select_related("organisation", "dataset__resource")
    if complaints:
        mine = person.memberships.filter(ended=None).values("organisation")
        about_me = Q(organisation__in=mine) | Q(dataset__provider__in=mine) | Q(dataset__resource__maintainer=person)
        about_me |= Q(person=person)
        return found.filter(kind=Case.Kind.COMPLAINT).exclude(pk__in=Case.objects.filter(about_me).values("pk"))
    found = found.exclude(kind=Case.Kind.COMPLAINT)
    where = organisations_where(person, "case.see")
    return found if where is None else found.filter(organisation__in=where)


def _concerned(person: Person, case: Case) -> bool:
    """Whether a complaint is about somebody's own office or data, or is their own."""
    places = {case.organisation_id, case.dataset.provider_id if case.dataset else None} - {None}
    if person.memberships.filter(organisation__in=places, ended=None).exists() or case.person_id == person.pk:
        return True
    resource = case.dataset.resource if case.dataset else None
    return resource is not None and resource.maintainer_id == person.pk


def holding(code: str) -> list[Person]:
    """The active people who hold ``code`` for the whole platform."""
    roles = [role for role, scope in PERMISSIONS[code].holders if scope == "platform"]
    found = Person.objects.filter(is_active=True, memberships__role__in=roles, memberships__ended=None)
    return list(found.distinct().order_by("username"))


def _check(allowed: bool, code: str) -> None:
    if not allowed:
        raise PermissionDenied(_("您没有这个权限：%(what)s") % {"what": _(PERMISSIONS[code].name)})
