"""People of the tests: an account with roles in organisations."""

from __future__ import annotations

from functools import lru_cache

from django.contrib.auth.hashers import make_password

from gongshu.parties.models import Membership, Organisation, Person, Role

PASSWORD = "long enough 1 for all"


def organisation(code: str = "health", name: str = "市卫生健康委", **more: str) -> Organisation:
    """The organisation with this code."""
    found, _ = Organisation.objects.get_or_create(code=code, defaults={"name": name, **more})
    return found


def centre() -> Organisation:
    """The big-data centre that runs the platform."""
    return organisation("data-centre", "市大数据中心", kind=Organisation.Kind.PLATFORM)


def person(username: str, role: str = "", where: Organisation | None = None, **more: str) -> Person:
    """An account called ``username`` that holds ``role`` in ``where`` (the centre when not said), or no role at all."""
    found = Person.objects.filter(username=username).first()
    if found is None:
        found = Person.objects.create(username=username, password=_hashed(), **more)
    if role:
        Membership.objects.get_or_create(person=found, organisation=where or centre(), role=Role(role), ended=None)
    found.__dict__.pop("_held_roles", None)
    return found


@lru_cache(maxsize=1)
def _hashed() -> str:
    """The password as it is kept: made once, since making it takes a quarter of a second by design."""
    return make_password(PASSWORD)
