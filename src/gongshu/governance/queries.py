"""What pages and later steps ask of drafts."""

from __future__ import annotations

from functools import lru_cache

from gongshu.catalogue.models import Resource
from gongshu.governance.models import Draft
from gongshu.tables.contract import Contract, load_contract

KEPT = 16  # parsed contracts: reading the YAML of 200 columns takes half a second


def contract_before(resource: Resource) -> Contract | None:
    """The contract of the last version of ``resource`` that went the whole way; None before the first."""
    last = resource.drafts.filter(state=Draft.State.CLOSED).order_by("-edited_at").first()
    return load_contract(last.contract) if last else None


def contract_of(draft: Draft) -> Contract:
    """The contract of a draft, to be read only: it is shared by everybody who asks for the same text."""
    return _parsed(draft.contract)


@lru_cache(maxsize=KEPT)
def _parsed(text: str) -> Contract:
    return load_contract(text)
