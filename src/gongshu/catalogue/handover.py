"""What of the catalogue a person answers for: the resources of which they are the named steward."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from gongshu.catalogue.models import Resource
from gongshu.oversight import log
from gongshu.parties.handover import Holding, holding_source
from gongshu.parties.models import Organisation, Person


@holding_source
def resources(person: Person, organisation: Organisation) -> list[Holding]:
    """The resources that ``person`` maintains in ``organisation``."""
    held = Resource.objects.filter(maintainer=person, organisation=organisation)

    def pass_on(successor: Person) -> None:
        with transaction.atomic():
            for row in held.select_for_update():
                row.maintainer = successor
                row.edition += 1
                row.save(update_fields=["maintainer", "edition"])
                log.append(
                    successor.actor_id,
                    "resource.hand_over",
                    f"resource:{row.code}",
                    edition=row.edition,
                    before=person.actor_id,
                    after=successor.actor_id,
                )

    return [Holding(_("数据资源"), list(held.values_list("name", flat=True)), "upload.make", pass_on)]
