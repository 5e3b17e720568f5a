"""The preview of a draft: exactly what will be published, computed once an edition, settled after every accident."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.conf import settings

from gongshu.governance import checking, computing, preview, protecting
from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft, Patch
from gongshu.jobs.actions import request_cancel
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.opening import submissions
from gongshu.opening.models import Dataset, Decision
from gongshu.oversight.models import Event
from gongshu.tables.contract import Contract, Protection, load_contract
from gongshu.tables.errors import TableError
from tests import people as cast_of
from tests import walk
from tests.people import organisation as health
from tests.residents import residents

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(data: Path) -> dict[str, Any]:
    """Two stewards and an approver of a department, an operator, and a steward of another department."""
    other = cast_of.organisation("civil", "市民政局")
    made = {name: cast_of.person(name, "steward", health()) for name in ("steward", "colleague")}
    made["approver"] = cast_of.person("approver", "approver", health())
    made["operator"] = cast_of.person("operator", "operator")
    made["stranger"] = cast_of.person("stranger", "steward", other)
    return made


def drafted(people: dict[str, Any], content: bytes | None = None) -> Draft:
    """A draft of the residents, every field confirmed, the proposals adopted."""
    steward = people["steward"]
    resource = walk.resource_of(steward, health(), "allowances")
    draft = begin(steward, walk.uploaded(steward, resource, content or residents(), "补贴.csv"))

    def decide(row: Draft, contract: Contract) -> None:
        proposed, suppress = protecting.proposals(contract, {})
        protecting.adopt(contract, proposed, suppress)
        contract.topic, contract.licence = "social", "open-unconditional"
        row.fields = {field.name: {"state": "confirmed"} for field in contract.fields}

    return change(steward, draft, draft.edition, "protect", decide)


def computed(draft: Draft) -> Draft:
    """The draft after its preview job."""
    job = checking.ensure(draft)
    assert job is not None
    done = run_one(owner_name(), only=job)
    assert done is not None and done.state == "done", done and done.error
    draft.refresh_from_db()
    return draft


def test_after_is_what_will_be_published_cell_by_cell(cast, client):
    draft = drafted(cast)
    Patch.objects.create(
        draft=draft, row=3, column="补贴金额", was="0", value="777777", reason="改", by=cast["colleague"]
    )
    draft = computed(draft)
    found = preview.read(draft)
    assert found is not None and draft.checked["rows_before"] == 401 and len(found["rows"]) == computing.SHOWN
    rare = next(row for row in found["rows"] if row["before"]["所在区"] == "墨斗区")
    assert rare["after"] is None and rare["alike"] == 1
    patched = next(row for row in found["rows"] if row["row"] == 3)
    assert patched["patched"] == ["补贴金额"] and patched["before"]["补贴金额"] == 777777
    risk = draft.checked["risk"]
    assert risk["before"]["k"] == 1 and risk["after"]["k"] >= risk["after"]["threshold"]
    assert sum(each["rows"] for each in risk["after"]["histogram"]) == draft.checked["rows_after"]
    assert draft.checked["suppressed"] == 401 - draft.checked["rows_after"] > 0

    row = submissions.submit(cast["steward"], draft, draft.edition)
    submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "齐全")
    submissions.decide(cast["operator"], row, Decision.Choice.APPROVE, "可以")
    assert run_one(owner_name()).state == "done"
    version = Dataset.objects.get(name="allowances").current
    assert version.rows == draft.checked["rows_after"] and version.reading["suppressed"] == draft.checked["suppressed"]
    assert version.quality["total"] == draft.checked["quality"]["total"]
    names = [column["name"] for column in version.columns]
    published = rows_of(version, names)
    shown = [tuple(row["after"][name] for name in names) for row in found["rows"] if row["after"]]
    assert len(shown) > 10 and set(shown) <= published
    hidden = [row for row in found["rows"] if row["after"] is None]
    assert hidden and not any(value == "墨斗区" for row in published for value in row)
    page = client.get("/datasets/allowances").content.decode()
    assert f"另有 {draft.checked['suppressed']} 行整行不公开" in page
    checking.settle()
    assert not preview.path_of(draft, draft.edition).exists()


def rows_of(version: Any, names: list[str]) -> set[tuple[Any, ...]]:
    """What stands in the version's serving copy, as the preview writes values."""
    with duckdb.connect(str(settings.DATA / version.serving), read_only=True) as con:
        columns = ", ".join('"' + name + '"' for name in names)
        found = con.execute(f"SELECT {columns} FROM rows").fetchall()
    return {tuple(computing.plain(value) for value in row) for row in found}


def test_above_the_threshold_nothing_is_submitted_and_the_numbers_are_told(cast):
    draft = drafted(cast)

    def show_all(row: Draft, contract: Contract) -> None:
        contract.suppress_small_groups = False

    draft = computed(change(cast["steward"], draft, draft.edition, "protect", show_all))
    with pytest.raises(TableError, match="最小的一组只有 1 行（门限 50）"):
        submissions.submit(cast["steward"], draft, draft.edition)
    found = preview.read(draft)
    ways = {way["kind"]: way for way in found["variants"]}
    assert not ways["own"]["allowed"] and ways["best"]["allowed"] and ways["best"]["k"] >= 50
    assert ways["best"]["hidden"] > 0 and "suppress" not in ways, "leaving out small groups is the best way, said once"


def test_when_every_row_stands_in_a_small_group_nothing_is_submitted(cast):
    draft = computed(drafted(cast, residents(20)))
    assert draft.checked["rows_after"] == 0
    with pytest.raises(TableError, match="一行也不剩"):
        submissions.submit(cast["steward"], draft, draft.edition)


def test_one_job_a_draft_and_a_newer_edition_supersedes(cast):
    draft = drafted(cast)
    first = checking.ensure(draft)
    assert first is not None and checking.ensure(draft) == first
    draft = change(cast["steward"], draft, draft.edition, "describe", lambda row, contract: None)
    assert checking.ensure(draft) == first
    done = run_one(owner_name())
    assert done is not None and done.result["superseded"]
    draft.refresh_from_db()
    assert draft.checked_edition != draft.edition and preview.read(draft) is None
    assert computed(draft).checked_edition == draft.edition


def test_a_cancelled_preview_is_not_begun_again_by_itself(cast):
    draft = drafted(cast)
    job = checking.ensure(draft)
    assert job is not None
    request_cancel("tester", job)
    draft.refresh_from_db()
    assert checking.ensure(draft) == job and Job.objects.filter(kind="preview").count() == 1
    fresh = checking.again(cast["steward"], draft)
    assert fresh is not None and fresh != job


def test_neither_the_row_nor_the_log_holds_a_value(cast):
    draft = computed(drafted(cast))
    said = json.dumps(draft.checked, ensure_ascii=False) + str(list(Event.objects.values()))
    said = re.sub(
        r"[0-9a-f]{32,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", said
    )  # hashes and ids hold any digits
    assert "13700000001" not in said and "墨斗区" not in said and "1919" not in said


def test_the_proposals_can_be_published(cast):
    draft = drafted(cast)
    contract = load_contract(draft.contract)
    chosen = {field.name: field.protection for field in contract.fields}
    assert chosen["姓名"] == Protection("drop") and chosen["手机号码"] == Protection("drop")
    assert chosen["出生日期"] == Protection("generalise_date", {"to": "year"}) and contract.suppress_small_groups
    assert all(field.protection.method != "keep" or field.open_type == "unconditional" for field in contract.fields)


def test_only_choices_that_the_level_allows_are_taken(cast):
    draft = drafted(cast)
    contract = load_contract(draft.contract)
    changed = protecting.choose(
        contract, {"姓名": protecting.code(Protection()), "性别": "round|{}"}, {}, contract.suppress_small_groups, None
    )
    assert changed == [] and {f.name: f.protection.method for f in contract.fields}["姓名"] == "drop"


def test_a_folder_left_by_a_killed_attempt_is_removed(cast, data: Path):
    draft = drafted(cast)
    job = checking.ensure(draft)
    assert job is not None
    left = preview.path_of(draft, 1).parent / f"previewing-{draft.id}-0"
    left.mkdir()
    (left / "before.parquet").write_text("13700000001")
    computed(draft)
    assert not left.exists()


def test_killed_anywhere_the_next_worker_finishes(tmp_path: Path):
    environment = {**os.environ, "GONGSHU_DATA": str(tmp_path), "GONGSHU_LEASE_SECONDS": "5"}
    environment.pop("GONGSHU_DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.killing_preview"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_the_words_do_not_need_another_preview(cast):
    draft = computed(drafted(cast))

    def words(row: Draft, contract: Contract) -> None:
        contract.title = "补贴"

    draft = change(cast["steward"], draft, draft.edition, "describe", words)
    assert checking.ensure(draft) is None and draft.checked_edition == draft.edition
    found = preview.read(draft)
    assert found is not None and found["edition"] == draft.edition
    assert len(list(preview.path_of(draft, 0).parent.glob("preview-*"))) == 1


def test_the_worker_begins_the_preview_of_what_is_decided(cast):
    draft = drafted(cast)
    checking.settle()
    draft.refresh_from_db()
    assert checking.job_of(draft) is not None
    undecided = {name: {"state": "ask"} for name in draft.fields}
    Draft.objects.filter(pk=draft.pk).update(fields=undecided, job=None)
    Job.objects.all().delete()
    checking.settle()
    assert not Job.objects.exists()
