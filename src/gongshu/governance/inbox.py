"""What of the drafts waits for people: columns that only they can judge, quality unlike before."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.governance.models import Draft, QualityRun
from gongshu.parties.inbox import Waiting, waiting_source
from gongshu.parties.models import Person
from gongshu.parties.permissions import may


@waiting_source
def columns_to_judge(person: Person) -> list[Waiting]:
    """Drafts that this person worked on last and that still have columns without a decision."""
    found = Draft.objects.filter(state=Draft.State.EDITING, edited_by=person).select_related("resource__organisation")
    made = []
    for draft in found:
        states = [one.get("state") for one in draft.fields.values()]
        ask, proposed = states.count("ask"), states.count("proposed")
        if not (ask or proposed) or not may(person, "draft.edit", draft.resource.organisation):
            continue
        title = (
            _("《%(name)s》有 %(n)s 列要你判断") % {"name": draft.resource.name, "n": ask}
            if ask
            else _("《%(name)s》有 %(n)s 条提议待确认") % {"name": draft.resource.name, "n": proposed}
        )
        made.append(Waiting(title, _("去判断"), reverse("draft", args=[draft.pk]), draft.edited_at))
    return made


@waiting_source
def odd_quality(person: Person) -> list[Waiting]:
    """Drafts that this person worked on last and whose rules fail unlike before."""
    found = QualityRun.objects.filter(upload__drafts__state=Draft.State.EDITING, upload__drafts__edited_by=person)
    made = []
    for run in found.exclude(outliers=[]).select_related("resource__organisation").distinct():
        draft = Draft.objects.filter(upload=run.upload_id, table=run.table, state=Draft.State.EDITING).first()
        if draft is None or not may(person, "draft.edit", run.resource.organisation):
            continue
        said = {"name": run.resource.name, "n": len(run.outliers)}
        title = _("《%(name)s》有 %(n)s 条规则的结果与以往不同") % said
        made.append(Waiting(title, _("去核对"), f"{reverse('draft', args=[draft.pk])}#odd", run.at))
    return made
