"""What changes organisations and people."""

from __future__ import annotations

import hashlib

from django.db import transaction

from gongshu.oversight import log
from gongshu.parties.models import Organisation


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
