"""The inspection page: what a steward decides there, what is refused, and what nobody else sees."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gongshu.gathering import store
from gongshu.governance.actions import begin
from gongshu.governance.models import Draft, Patch
from gongshu.governance.repairs import repaired
from gongshu.jobs.worker import load_kinds
from gongshu.oversight import access
from gongshu.oversight.models import Event
from gongshu.parties.inbox import waiting_for
from gongshu.parties.models import Person
from gongshu.tables.contract import load_contract
from tests import people
from tests.registers import credit_code, firms
from tests.walk import resource_of, uploaded

pytestmark = pytest.mark.django_db


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
    return begin(
        cast["steward"],
        uploaded(cast["steward"], resource_of(cast["steward"], people.organisation()), firms(), "企业登记.csv"),
    )


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
    assert "条规则与依据" in text and "认出是统一社会信用代码，把握" in text


def test_one_click_confirms_every_proposal_and_leaves_the_questions(client, cast, draft):
    answer = send(at(client, cast["steward"]), draft, "/confirm")
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.fields["联系电话"]["state"] == "ask"
    assert {said["state"] for name, said in draft.fields.items() if name != "联系电话"} == {"confirmed"}
    assert [one.title for one in waiting_for(cast["steward"])] == ["《资源 clinics》有 1 列要你判断"]
    assert send(client, draft, "/confirm").status_code == 400  # nothing is left to confirm
    report = draft.fields["企业名称"]
    assert report["by"] == "steward"


def test_a_question_is_answered_with_one_button(client, cast, draft):
    page = at(client, cast["steward"]).get(address(draft)).content.decode()
    assert 'value="2:mobile"' in page
    send(client, draft, "/answer", answer="2:mobile")
    draft.refresh_from_db()
    assert draft.fields["联系电话"]["state"] == "confirmed"
    assert send(client, draft, "/answer", answer="2:landline").status_code == 400  # answered already
    assert send(client, draft, "/answer", answer="99:mobile").status_code == 400


def test_an_answer_that_lowers_the_level_wants_a_reason(client, cast, draft):
    text = send(at(client, cast["steward"]), draft, "/answer", answer="2:none").content.decode()
    assert "要写理由" in text
    draft.refresh_from_db()
    assert draft.fields["联系电话"]["state"] == "ask"


def judged(**said: str) -> dict[str, str]:
    return {
        "semantic_type": "none",
        "level": "1",
        "open_type": "unconditional",
        "subject": "object",
        "reason": "",
        **said,
    }


def test_a_lowered_level_needs_a_reason_and_keeps_what_was_typed(client, cast, draft):
    refused = send(at(client, cast["steward"]), draft, "/fields/2", **judged(semantic_type="landline"))
    assert refused.status_code == 400 and "要写理由" in refused.content.decode()
    assert 'value="landline" selected' in refused.content.decode()
    send(client, draft, "/fields/2", **judged(semantic_type="landline", reason="都是单位总机"))
    draft.refresh_from_db()
    said = draft.fields["联系电话"]
    assert (said["state"], said["reason"], said["was"]["level"]) == ("overridden", "都是单位总机", 4)
    page = client.get(address(draft)).content.decode()
    assert "待审核人同意" in page and "都是单位总机" in page
    assert Event.objects.filter(action="draft.override").count() == 1


def test_an_open_type_wider_than_the_level_allows_is_refused_unless_insisted_upon(client, cast, draft):
    said = judged(semantic_type="mobile", level="4", reason="机构公布的热线")
    refused = send(at(client, cast["steward"]), draft, "/fields/2", **said)
    assert refused.status_code == 400 and "4 级的列不能是" in refused.content.decode()
    send(client, draft, "/fields/2", **said, beyond="1")
    draft.refresh_from_db()
    assert draft.fields["联系电话"]["beyond"] is True


def test_the_impact_table_grades_a_column_and_says_why(client, cast, draft):
    at(client, cast["steward"])
    form = client.get(address(draft, "/fields/2")).content.decode()
    assert form.count('type="radio" name="impact-') == 24 and "国家安全：特别严重危害" in form
    # looking at the level saves nothing
    asked = {"impact-individual": "serious", "impact-public_interest": "general", "act": "grade"}
    shown = send(client, draft, "/fields/2", **judged(semantic_type="landline", level="1", **asked))
    text = shown.content.decode()
    assert shown.status_code == 200 and "对公共利益是一般危害，就高定为 4 级" in text
    assert (
        'name="level" value="4" required checked' in text and 'name="open_type" value="none" required checked' in text
    )
    draft.refresh_from_db()
    assert draft.fields["联系电话"]["state"] != "overridden"
    # saved, the table decides, whatever level was ticked, and the open type is no wider than it allows
    asked.pop("act")
    assert send(client, draft, "/fields/2", **judged(level="1", reason="全市统一热线", **asked)).status_code == 302
    draft.refresh_from_db()
    one = next(each for each in load_contract(draft.contract).fields if each.name == "联系电话")
    assert (one.level, one.open_type) == (4, "none")
    assert draft.fields["联系电话"]["impact"] == {"individual": "serious", "public_interest": "general"}
    page = client.get(address(draft)).content.decode()
    assert "对公共利益是一般危害，就高定为 4 级。" in page and "整张表 4 级" in page
    assert "公开对谁都没有影响，所以是 1 级、无条件开放。" in page  # of a column that stays as proposed
    # words that the rulebook doesn't know are no answer: the level that was ticked counts
    odd = judged(level="3", open_type="none", reason="另一种说法", **{"impact-individual": "deadly"})
    assert send(client, draft, "/fields/2", **odd).status_code == 302
    draft.refresh_from_db()
    assert load_contract(draft.contract).fields[2].level == 3


def test_the_table_is_raised_for_what_its_columns_tell_together(client, cast, draft):
    at(client, cast["steward"])
    for number, code in ((1, "sex"), (2, "birth_date"), (3, "ethnicity")):
        said = judged(semantic_type=code, level="2", open_type="conditional", subject="person", reason="是登记的个人")
        assert send(client, draft, f"/fields/{number}", **said).status_code == 302
    for number in range(len(load_contract(draft.contract).fields)):
        if number not in (1, 2, 3):
            said = judged(semantic_type="none", level="1", open_type="unconditional", reason="说的是物", beyond="1")
            send(client, draft, f"/fields/{number}", **said)
    draft.refresh_from_db()
    contract = load_contract(draft.contract)
    assert max(one.level or 1 for one in contract.fields) == 2
    assert (contract.level, contract.open_type) == (3, "conditional")
    assert "合在一起可认出个人" in client.get(address(draft)).content.decode()


def test_a_column_about_persons_raises_the_others_and_is_protected_anew(client, cast, draft):
    before = {one.name: one.level for one in load_contract(draft.contract).fields}
    said = judged(semantic_type="resident_id", level="4", open_type="none", subject="person", reason="其实是证件号")
    send(at(client, cast["steward"]), draft, "/fields/4", **said)
    draft.refresh_from_db()
    contract = load_contract(draft.contract)
    assert contract.fields[4].protection.method == "drop" and contract.level == 4
    assert all((one.level or 0) >= (before[one.name] or 0) for one in contract.fields)


def test_the_second_steward_is_told_and_keeps_what_was_typed(client, cast, draft):
    at(client, cast["steward"])
    send(client, draft, "/confirm")
    stale = {"edition": 1, **judged(semantic_type="landline", reason="第二个人写的理由")}
    refused = at(client, cast["colleague"]).post(address(draft, "/fields/2"), stale)
    text = refused.content.decode()
    assert refused.status_code == 400 and "steward刚刚改过" in text and "第二个人写的理由" in text
    assert f'name="edition" value="{draft.edition + 1}"' in text  # having seen it, the colleague may save
    for tail in ("/confirm", "/answer", "/patch", "/repair", "/undo", "/finding"):
        told = client.post(
            address(draft, tail), {"edition": 1, "finding": check_digits(draft), "reason": "x", "patch": "1"}
        )
        assert told.status_code == 400, tail


def test_rows_of_a_finding_are_shown_as_text_with_the_bad_cells_marked(client, cast, draft):
    text = at(client, cast["steward"]).get(address(draft), {"finding": check_digits(draft)}).content.decode()
    assert "<script>alert(1)" not in text and "&lt;script&gt;alert(1)" in text
    assert text.count('class="cell short bad"') == 3 and "按推回值改 3 处" in text
    access.flush()
    access.merge()
    seen = Event.objects.filter(action="upload.see").last()
    assert seen.subject == f"upload:{draft.upload_id}" and "91310101" not in seen.body


def test_check_digits_say_what_was_meant_and_it_can_be_undone(client, cast, draft):
    at(client, cast["steward"])
    send(client, draft, "/repair", finding=check_digits(draft))
    made = Patch.objects.filter(draft=draft, undone_at=None)
    assert [one.value for one in made] == [credit_code(n) for n in (5, 6, 7)]
    assert "O" in made[0].was and "91310101" not in Event.objects.filter(action="draft.patch").last().body
    assert send(client, draft, "/repair", finding=check_digits(draft)).status_code == 400  # nothing is left
    page = client.get(address(draft), {"finding": check_digits(draft)}).content.decode()
    assert "手工改正 3 处" in page and page.count("已改正") >= 3
    send(client, draft, "/undo", patch=made[0].pk)
    assert Patch.objects.filter(draft=draft, undone_at=None).count() == 2
    send(client, draft, "/undo", patch="all")
    assert not Patch.objects.filter(draft=draft, undone_at=None).exists() and Patch.objects.count() == 3


def correction(client: Client, draft: Draft, row: int, column: str) -> dict[str, str]:
    """The form of one cell as the page gives it."""
    page = client.get(address(draft), {"finding": check_digits(draft), "row": row, "column": column}).content.decode()
    seen = page.split('name="seen" value="')[1].split('"')[0]
    return {"row": str(row), "column": column, "seen": seen, "finding": check_digits(draft)}


def test_a_cell_is_corrected_only_as_it_was_seen(client, cast, draft):
    at(client, cast["steward"])
    said = correction(client, draft, 6, "统一社会信用代码")
    assert send(client, draft, "/patch", **said, value="X").status_code == 400  # no reason
    assert send(client, draft, "/patch", **said, value="X", reason="查过执照").status_code == 302
    late = send(client, draft, "/patch", **said, value="Y", reason="我也查过")
    assert late.status_code == 400 and "已不是您看到的值" in late.content.decode()
    assert 'value="Y"' in late.content.decode() and "我也查过" in late.content.decode()
    for wrong in ({"row": "9999"}, {"column": "没有"}, {"row": "x"}):
        assert send(client, draft, "/patch", **{**said, **wrong}, value="Z", reason="x").status_code == 400
    assert [one.value for one in Patch.objects.filter(undone_at=None)] == ["X"]
    again = correction(client, draft, 6, "统一社会信用代码")
    send(client, draft, "/patch", **again, value="", reason="查无此证")
    assert Patch.objects.get(undone_at=None).value is None and Patch.objects.count() == 2


def test_no_more_corrections_than_a_hand_makes(client, cast, draft, monkeypatch):
    monkeypatch.setattr("gongshu.governance.patching.MOST_PATCHES", 2)
    refused = send(at(client, cast["steward"]), draft, "/repair", finding=check_digits(draft))
    assert refused.status_code == 400 and "最多 2 处" in refused.content.decode()
    assert not Patch.objects.exists()


def test_a_finding_is_accepted_with_a_reason_and_taken_back(client, cast, draft):
    at(client, cast["steward"])
    key = check_digits(draft)
    assert send(client, draft, "/finding", finding=key, reason=" ").status_code == 400
    assert send(client, draft, "/finding", finding="nothing|", reason="x").status_code == 400
    send(client, draft, "/finding", finding=key, reason="旧证号，照登记簿")
    draft.refresh_from_db()
    assert draft.accepted[key]["reason"] == "旧证号，照登记簿" and "校验位" in draft.accepted[key]["message"]
    send(client, draft, "/finding", finding=key, reopen="1")
    draft.refresh_from_db()
    assert draft.accepted == {}


def test_rows_are_taken_home_without_formulas(client, cast):
    content = firms().decode("gb18030").replace("云栈6机电", "=cmd|6").encode("gb18030")
    draft = begin(
        cast["steward"],
        uploaded(cast["steward"], resource_of(cast["steward"], people.organisation()), content, "企业登记.csv"),
    )
    answer = at(client, cast["steward"]).get(address(draft, "/rows.csv"), {"finding": check_digits(draft)})
    text = answer.getvalue().decode("utf-8-sig")
    assert len(text.splitlines()) == 4 and "'=cmd|6" in text
    assert client.get(address(draft, "/rows.csv"), {"finding": "x|"}).status_code == 404
    assert len(client.get(address(draft, "/columns.csv")).content.decode().splitlines()) == 6
    assert client.get(address(draft, "/contract.yaml")).content.decode() == draft.contract


def test_who_may_not_see_values_sees_none_and_strangers_see_nothing(client, cast, draft):
    key = check_digits(draft)
    page = at(client, cast["operator"]).get(address(draft), {"finding": key, "row": 5, "column": "企业名称"})
    text = page.content.decode()
    assert (
        page.status_code == 200 and "看不到原始数据的值" in text and "机电有限公司" not in text and "91310" not in text
    )
    assert client.get(address(draft, "/rows.csv"), {"finding": key}).status_code == 403
    assert "机电有限公司" in at(client, cast["approver"]).get(address(draft), {"finding": key}).content.decode()
    tails = ("/confirm", "/answer", "/patch", "/repair", "/undo", "/finding")
    for who in ("operator", "approver", "stranger"):
        at(client, cast[who])
        reads = [client.get(address(draft, tail)).status_code for tail in ("", "/columns.csv", "/contract.yaml")]
        assert reads == [403 if who == "stranger" else 200] * 3
        assert client.get(address(draft, "/fields/0")).status_code == 403
        said = {"finding": key, "reason": "x", "answer": "2:mobile", "row": "5", "column": "企业名称", "patch": "1"}
        answers = [send(client, draft, tail, **said).status_code for tail in [*tails, "/fields/0"]]
        assert answers == [403] * 7, who
        assert client.post(f"/uploads/{draft.upload_id}/begin").status_code == 403
    assert Client().get(address(draft)).status_code == 302


def test_a_draft_is_begun_from_an_upload_and_again_from_the_next(client, cast, draft):
    send(at(client, cast["steward"]), draft, "/confirm")
    upload = uploaded(cast["steward"], draft.resource, firms(90), "企业登记2.csv")
    answer = client.post(f"/uploads/{upload.pk}/begin", {"table": "0"})
    assert answer["Location"] == address(draft)
    draft.refresh_from_db()
    assert draft.upload == upload and draft.fields["企业名称"]["state"] == "confirmed"
    client.post(f"/uploads/{upload.pk}/begin", {"table": "7"})
    draft.refresh_from_db()
    assert draft.table == 0


def test_a_draft_before_its_approver_can_only_be_read(client, cast, draft):
    Draft.objects.filter(pk=draft.pk).update(state=Draft.State.SUBMITTED)
    page = at(client, cast["steward"]).get(address(draft)).content.decode()
    assert "只能看" in page and "确认全部" not in page
    assert send(client, draft, "/confirm").status_code == 400


def test_a_lost_report_is_said(client, cast, draft):
    store.report_of(draft.upload).unlink()
    page = at(client, cast["steward"]).get(address(draft))
    assert page.status_code == 200 and "检视结果不在了" in page.content.decode()


def test_three_hundred_columns(client, cast):
    content = ",".join(f"列{n}" for n in range(300)) + "\n" + "\n".join(",".join(["甲乙"] * 300) for _ in range(5))
    draft = begin(
        cast["steward"],
        uploaded(cast["steward"], resource_of(cast["steward"], people.organisation()), content.encode(), "宽.csv"),
    )
    page = at(client, cast["steward"]).get(address(draft))
    assert page.status_code == 200 and "300 列" in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("credit_code", credit_code(7).replace("0", "O").replace("1", "I"), credit_code(7)),
        ("credit_code", credit_code(7)[:-2] + "00", None),
        ("credit_code", "", None),
        ("resident_id", "11O1O519491231OO2X", "11010519491231002X"),
        ("resident_id", "110105194912310021", None),
        ("bank_card", "6222O20000000000000", None),
    ],
)
def test_only_look_alike_letters_are_undone(kind, wrong, right):
    assert repaired(kind, wrong) == right


def test_evidence_and_causes_are_said_in_english(client: Client, cast: dict[str, Person], draft: Draft) -> None:
    client = at(client, cast["steward"])
    texts = {language: client.get(address(draft), headers={"accept-language": language}) for language in ("zh", "en")}
    document = json.loads(store.report_of(draft.upload).read_text(encoding="utf-8"))
    table = document["files"][0]["tables"][0]
    said = [text for column in table["columns"] for text in column["evidence"]]
    assert said
    for text in said:
        english = document["english"][text]
        assert english != text and not any("一" <= letter <= "鿿" for letter in english), english
    first = next(column["evidence"][0] for column in table["columns"] if column["evidence"])
    shown = {language: page.content.decode() for language, page in texts.items()}
    assert first in shown["zh"] and first not in shown["en"]
    assert document["english"][first] in html.unescape(shown["en"])


def test_every_row_of_a_finding_is_shown_and_taken_home(client, cast):
    content = "\n".join(["编号,名称,数量"] + [f"{n},{'' if 5 < n < 1500 else '名 '},{n}" for n in range(1, 30_001)])
    resource = resource_of(cast["steward"], people.organisation())
    draft = begin(cast["steward"], uploaded(cast["steward"], resource, content.encode(), "数.csv"))
    page = at(client, cast["steward"]).get(address(draft), {"finding": "not_null|名称", "page": "120"}).content.decode()
    assert "第 1429-1440 处" in html.unescape(page) and "只列前" not in page
    answer = client.get(address(draft, "/rows.csv"), {"finding": "not_null|名称"})
    taken = answer.getvalue().decode("utf-8-sig").splitlines()
    assert (len(taken), taken[1].split(",")[0], taken[-1].split(",")[0]) == (1495, "6", "1499")
