"""What pages and later steps ask of drafts."""

from __future__ import annotations

from gongshu.catalogue.models import Resource
from gongshu.governance.models import Draft
from gongshu.tables.contract import Contract, load_contract


def contract_before(resource: Resource) -> Contract | None:
    """The contract of the last version of ``resource`` that went the whole way; None before the first."""
    last = resource.drafts.filter(state=Draft.State.CLOSED).order_by("-edited_at").first()
    return load_contract(last.contract) if last else None
