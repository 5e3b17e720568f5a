"""What changes a draft: each saves against the edition its author saw, so that two people never overwrite each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db import transaction

from gongshu import clock
from gongshu.gathering import store
from gongshu.gathering.models import Upload
from gongshu.governance.models import Draft
from gongshu.oversight import log
from gongshu.parties.models import Person
from gongshu.parties.permissions import check_may
from gongshu.tables.contract import Contract, Field, dump_contract, load_contract
from gongshu.tables.errors import TableError

CARRIED = ("title", "title_en", "description", "description_en", "unit", "level", "open_type", "subject", "protection")


def begin(actor: Person, upload: Upload, table: int = 0, before: Contract | None = None) -> Draft:
    """A draft of table ``table`` of an inspected upload; an open draft of the resource gets the new file instead.

    ``before``: the contract of the version that is out; what was decided for a column of the same name and kind is carried
    over as confirmed. TableError when the upload isn't inspected, or the open draft is before its approver.
    """
    resource = upload.resource
    check_may(actor, "draft.edit", resource.organisation)
    if upload.state != Upload.State.INSPECTED:
        raise TableError("upload_not_ready", "文件还没有检视完")
    contract = load_contract(store.contract_of(upload, table).read_text(encoding="utf-8"))
    report = json.loads(store.report_of(upload).read_text(encoding="utf-8"))["files"][0]["tables"][table]
    asks = {column["name"] for column in report["columns"] if column["ask"]}
    contract.name, contract.title, contract.summary = resource.slug, resource.name, resource.summary
    contract.provider, contract.update_frequency = resource.organisation.name, resource.update_frequency
    states = {field.name: {"state": "ask" if field.name in asks else "proposed"} for field in contract.fields}
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(resource=resource).exclude(state=Draft.State.CLOSED).first()
        if draft is not None and draft.state == Draft.State.SUBMITTED:
            raise TableError("draft_submitted", "这个资源已有送审件：等它有了决定，或撤回送审，再换文件")
        known = load_contract(draft.contract) if draft else before
        if known:
            _carry_over(known, contract, states, draft.fields if draft else None)
        if draft is None:
            draft = Draft(resource=resource, created_by=actor)
        else:
            draft.edition += 1
            draft.patches.filter(undone_at=None).update(undone_by=actor, undone_at=clock.now())
        draft.upload, draft.table, draft.contract, draft.fields = upload, table, dump_contract(contract), states
        draft.accepted, draft.checked, draft.edited_by, draft.edited_at = {}, {}, actor, clock.now()
        draft.save()
        log.append(actor.actor_id, "draft.begin", f"draft:{draft.id}", upload=str(upload.id), resource=resource.code)
    return draft


def _carry_over(
    known: Contract, contract: Contract, states: dict[str, dict[str, Any]], decided: dict[str, Any] | None
) -> None:
    """What people said before stays said, where the column is still what it was; a new kind of content is asked again."""
    for name in (
        "title",
        "title_en",
        "summary",
        "summary_en",
        "topic",
        "licence",
        "keywords",
        "source_note",
        "contact",
    ):
        setattr(contract, name, getattr(known, name) or getattr(contract, name))
    before: dict[str, Field] = {field.name: field for field in known.fields}
    for field in contract.fields:
        old = before.get(field.name)
        if old is None or old.semantic_type != field.semantic_type:
            continue
        settled = decided is None or decided.get(field.name, {}).get("state") in ("confirmed", "overridden")
        for name in CARRIED:
            setattr(field, name, getattr(old, name))
        field.codes = field.codes or old.codes
        if settled:
            kept = (decided or {}).get(field.name)
            states[field.name] = kept or {"state": "confirmed"}


def change(
    actor: Person, draft: Draft, edition: int, action: str, make: Callable[[Draft, Contract], None], **details: Any
) -> Draft:
    """Run ``make`` on the locked draft and its contract and save both as the next edition, with the event ``draft.<action>``.

    The one way in which a draft changes. TableError when somebody else saved since ``edition``, or it isn't being edited.
    """
    with transaction.atomic():
        row = Draft.objects.select_for_update().select_related("resource__organisation", "upload").get(pk=draft.pk)
        check_may(actor, "draft.edit", row.resource.organisation)
        if row.state != Draft.State.EDITING:
            raise TableError("draft_closed", "这份工作稿已送审，不能再改：要改请先撤回送审")
        if row.edition != edition:
            raise TableError(
                "changed_meanwhile",
                "{name}刚刚改过这份工作稿，您的修改没有保存：请看过新的内容再改",
                name=str(row.edited_by),
            )
        contract = load_contract(row.contract)
        make(row, contract)
        row.contract = dump_contract(contract)
        row.edition += 1
        row.edited_by, row.edited_at = actor, clock.now()
        row.save()
        log.append(actor.actor_id, f"draft.{action}", f"draft:{row.id}", edition=row.edition, **details)
    return row
