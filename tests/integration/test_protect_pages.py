"""The steward's pages from protections to submission, and what the approver and the operator see of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gongshu.governance import checking, protecting
from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft
from gongshu.jobs.actions import request_cancel
from gongshu.jobs.runner import owner_name, run_one
from gongshu.opening.models import Submission
from gongshu.oversight import access
from gongshu.oversight.models import Event
from gongshu.tables.contract import Protection, load_contract
from tests import people, walk
from tests.residents import residents

pytestmark = pytest.mark.django_db
PHONE = "13700000001"  # a value of level 4 in the row that is shown first


@pytest.fixture
def cast(data: Path) -> dict[str, Any]:
    """A steward and an approver of a department, an operator, a steward of another department."""
    health = people.organisation()
    return {
        "steward": people.person("steward", "steward", health),
        "colleague": people.person("colleague", "steward", health),
        "approver": people.person("approver", "approver", health),
        "operator": people.person("operator", "operator"),
        "stranger": people.person("stranger", "steward", people.organisation("civil", "市民政局")),
    }


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def draft(cast: dict[str, Any]) -> Draft:
    """A draft of persons, every column confirmed."""
    steward = cast["steward"]
    resource = walk.resource_of(steward, people.organisation(), "allowances")
    made = begin(steward, walk.uploaded(steward, resource, residents(), "补贴.csv"))

    def confirm(row: Draft, contract: Any) -> None:
        row.fields = {name: {"state": "confirmed"} for name in row.fields}

    return change(steward, made, made.edition, "confirm", confirm)


def work() -> None:
    while run_one(owner_name()):
        pass


def page(client: Client, draft: Draft, name: str, query: str = "") -> str:
    return client.get(f"/drafts/{draft.id}/{name}{query}").content.decode()


def post(client: Client, draft: Draft, name: str, **given: Any) -> Any:
    draft.refresh_from_db()
    return client.post(f"/drafts/{draft.id}/{name}", {"edition": draft.edition, **given})


def test_from_opening_the_page_to_submitted_in_four_clicks(cast, draft):
    client = signed_in(cast["steward"])
    assert "正在按第 2 次修改计算" in page(client, draft, "protect")
    work()
    seen = page(client, draft, "protect")
    assert "低于门限 50：这样不能发布" in seen and "这一级不能原样公开" in seen
    assert post(client, draft, "protect", act="adopt").status_code == 302  # 1: all proposals
    work()
    seen = page(client, draft, "protect")
    assert "现在与提议相同" in seen and "整行不公开：与它同类的只有 1 行" in seen and "只到年" in seen
    seen = page(client, draft, "describe")  # 2: next
    assert 'value="date of birth"' in seen and "提议自数据资源分类" in seen
    form = {
        "title": "养老补贴",
        "summary": "一人一月一行。",
        "topic": "social",
        "licence": "open-unconditional",
        "keywords": "养老",
    }
    titles = {"title-0": "性别", "title-1": "出生年份", "title-2": "所在区"}
    saved = post(client, draft, "describe", **form, then="submit", **titles)  # 3
    assert saved["Location"] == f"/drafts/{draft.id}/submit"
    seen = page(client, draft, "submit")  # the words needed no other preview
    assert "可以送审了" in seen and "送审第 1 版" in seen and "approver" in seen
    done = post(client, draft, "submit", note="首次开放")  # 4
    row = Submission.objects.get()
    assert done["Location"] == f"/submissions/{row.pk}"
    contract = load_contract(row.contract)
    assert contract.title == "养老补贴" and contract.suppress_small_groups
    assert {f.name: f.title for f in contract.fields}["出生日期"] == "出生年份"


def test_every_open_point_is_listed_with_where_it_is_mended(cast, draft):
    client = signed_in(cast["steward"])

    def undo(row: Draft, contract: Any) -> None:
        contract.summary, row.fields["性别"] = "", {"state": "ask"}

    change(cast["steward"], draft, draft.edition, "describe", undo)
    page(client, draft, "submit")
    work()
    seen = page(client, draft, "submit")
    for said in (
        "不是无条件开放，不能原样公开",
        "列「性别」还没有确认",
        "缺少「description: purpose」",
        "个人风险超过门限",
    ):
        assert said in seen, said
    assert f"/drafts/{draft.id}/describe" in seen and "disabled" in seen
    refused = post(client, draft, "submit")
    assert refused.status_code == 400 and not Submission.objects.exists()


def test_plain_text_of_high_levels_is_veiled_and_lifting_the_veil_is_logged(cast, draft):
    client = signed_in(cast["steward"])
    page(client, draft, "protect")
    work()
    assert PHONE not in page(client, draft, "protect")
    answer = client.get(f"/drafts/{draft.id}/protect?plain=1")
    assert PHONE in answer.content.decode() and answer["Cache-Control"] == "no-store"
    access.flush()
    access.merge()
    event = Event.objects.get(action="upload.see")
    assert cast["steward"].actor_id in event.body and PHONE not in event.body


def test_who_saved_against_an_older_edition_is_told_and_nothing_changes(cast, draft):
    client = signed_in(cast["colleague"])
    old = draft.edition
    draft = change(cast["steward"], draft, old, "describe", lambda row, contract: None)
    for name, given in (("protect", {"act": "adopt"}), ("describe", {"title": "改的名"}), ("submit", {})):
        answer = client.post(f"/drafts/{draft.id}/{name}", {"edition": old, **given})
        assert answer.status_code == 400 and "steward" in answer.content.decode(), name
        assert name != "describe" or "改的名" in answer.content.decode()  # what was typed stays
    assert Draft.objects.get(pk=draft.pk).contract == draft.contract


def test_other_departments_and_the_operator_see_nothing(cast, draft):
    for name in ("protect", "describe", "submit"):
        for who in ("stranger", "operator"):
            assert signed_in(cast[who]).get(f"/drafts/{draft.id}/{name}").status_code == 403, (name, who)
    approver = signed_in(cast["approver"])
    assert approver.get(f"/drafts/{draft.id}/protect").status_code == 200
    assert post(approver, draft, "protect", act="adopt").status_code == 403
    assert post(approver, draft, "protect/again").status_code == 403


def test_chosen_in_the_form_and_other_ways(cast, draft):
    client = signed_in(cast["steward"])
    page(client, draft, "protect")
    work()
    contract = load_contract(draft.contract)
    ways = {f"way-{n}": protecting.code(field.protection) for n, field in enumerate(contract.fields)}
    ways["way-3"] = protecting.code(Protection("generalise_date", {"to": "quarter"}))
    ways["way-0"] = protecting.code(Protection())  # a name may not be kept: not among the choices
    post(client, draft, "protect", **ways, suppress="on")
    draft.refresh_from_db()
    chosen = load_contract(draft.contract)
    assert chosen.suppress_small_groups and chosen.fields[3].protection.params == {"to": "quarter"}
    assert chosen.fields[0].protection.method == "drop"
    work()
    assert "改用这个" in page(client, draft, "protect")
    post(client, draft, "protect", act="way-1")  # all proposals
    draft.refresh_from_db()
    assert load_contract(draft.contract).fields[3].protection.params == {"to": "year"}


def test_a_cancelled_preview_says_so_and_is_begun_again_by_hand(cast, draft):
    client = signed_in(cast["steward"])
    page(client, draft, "protect")
    draft.refresh_from_db()
    job = checking.job_of(draft)
    assert job is not None
    request_cancel("tester", job)
    assert "再算一次" in page(client, draft, "protect")
    post(client, draft, "protect/again")
    work()
    assert "公众看到的就是这样" in page(client, draft, "protect")


def test_a_script_in_a_cell_or_a_header_is_text(cast):
    steward = cast["steward"]
    resource = walk.resource_of(steward, people.organisation(), "scripts")
    content = "编号,<script>h</script>\n" + "".join(f"{n},<script>alert({n})</script>\n" for n in range(30))
    made = begin(steward, walk.uploaded(steward, resource, content.encode(), "x.csv"))
    client = signed_in(steward)
    page(client, made, "protect")
    work()
    for name in ("protect", "describe", "submit"):
        seen = page(client, made, name)
        assert "<script>alert" not in seen and "<script>h" not in seen and "&lt;script&gt;" in seen


def test_codes_that_cannot_be_read_are_told_and_nothing_typed_is_lost(cast, draft):
    client = signed_in(cast["steward"])
    answer = post(client, draft, "describe", title="补贴", **{"codes-0": "一二三", "title-0": "性别啊"})
    seen = answer.content.decode()
    assert answer.status_code == 400 and "代码=含义" in seen and "一二三" in seen and "性别啊" in seen


def test_the_approver_sees_both_sides_and_the_operator_only_what_the_public_gets(cast, draft):
    client = signed_in(cast["steward"])
    post(client, draft, "protect", act="adopt")
    work()
    post(client, draft, "describe", title="补贴", summary="一人一行。", topic="social", licence="open-unconditional")
    post(client, draft, "submit")
    row = Submission.objects.get()
    address = f"/submissions/{row.pk}"
    approver = signed_in(cast["approver"])
    seen = approver.get(address).content.decode()
    assert 'id="before-title"' in seen and 'id="after-title"' in seen and "1919-01-09" in seen and PHONE not in seen
    assert "失去了什么" in seen and "换个做法会怎样" in seen and "改用这个" not in seen and "1 → " in seen
    assert PHONE in approver.get(f"{address}?plain=1").content.decode()
    seen = signed_in(cast["operator"]).get(f"{address}?plain=1").content.decode()
    assert (
        'id="before-title"' not in seen
        and 'id="after-title"' in seen
        and "1919-01-09" not in seen
        and PHONE not in seen
    )
