"""The inspection page: what a steward decides there, what is refused, and what nobody else sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gongshu.gathering import store
from gongshu.governance.actions import begin
from gongshu.governance.models import Draft
from gongshu.jobs.worker import load_kinds
from gongshu.parties.models import Person
from tests import people
from tests.integration.test_walk_actions import resource_of, uploaded

pytestmark = pytest.mark.django_db
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code(n: int) -> str:
    """A valid code, made up; every one holds a 0 and a 1."""
    head = f"91310101MA1{n:06d}"
    total = sum(USCC.index(one) * pow(3, place, 31) for place, one in enumerate(head))
    return head + USCC[-total % 31]


def firms(rows: int = 80) -> bytes:
    """A register with look-alike letters in three codes, a script in a name, and telephones that could be anybody's."""
    lines = ["企业登记表（内部）", "统一社会信用代码,企业名称,联系电话,成立日期,备注"]
    for n in range(1, rows + 1):
        code = credit_code(n)
        if n in (5, 6, 7):
            code = code.replace("0", "O", 1)
        name = "<script>alert(1)</script>有限公司" if n == 5 else f"云栈{n}机电有限公司"
        phone = f"138{n:04d}{n:04d}" if n % 2 else f"021-6{n:07d}"
        lines.append(f"{code},{name},{phone},20{n % 20:02d}-03-{n % 27 + 1:02d},无")
    return "\n".join(lines).encode("gb18030")


@pytest.fixture
def cast(data: Path) -> dict[str, Person]:
    load_kinds()
    health = people.organisation()
    made = {name: people.person(name, "steward", health) for name in ("steward", "colleague")}
    made["approver"] = people.person("approver", "approver", health)
    made["operator"] = people.person("operator", "operator")
    made["stranger"] = people.person("stranger", "steward", people.organisation("transport", "市交通委"))
    return made


@pytest.fixture
def draft(cast: dict[str, Person]) -> Draft:
    return begin(cast["steward"], uploaded(cast["steward"], resource_of(cast["steward"]), firms(), "企业登记.csv"))


def at(client: Client, person: Person) -> Client:
    client.force_login(person)
    return client


def address(draft: Draft, tail: str = "") -> str:
    return f"/drafts/{draft.pk}{tail}"


def send(client: Client, draft: Draft, tail: str, **said: Any) -> Any:
    """A form as its author saw the draft."""
    draft.refresh_from_db()
    return client.post(address(draft, tail), {"edition": draft.edition, **said})


def check_digits(draft: Draft) -> str:
    report = json.loads(store.report_of(draft.upload).read_text())["files"][0]["tables"][0]
    found = next(one for one in report["findings"] if one["kind"] == "check_digit")
    return f"{found['rule']}|{found['column']}"


def test_the_page_shows_what_was_found_and_what_must_be_said(client, cast, draft):
    text = at(client, cast["steward"]).get(address(draft)).content.decode()
    assert "企业登记.csv" in text and "GBK" in text and "标题 1" in text
    assert "联系电话" in text and "要你判断" in text
