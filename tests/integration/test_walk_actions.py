"""From a messy file to a version, by the actions of the people who carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from gongshu.governance.actions import begin, change
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.opening import stops, submissions
from gongshu.opening.models import Dataset, Decision, Submission
from gongshu.opening.queries import visible
from gongshu.parties.models import Person
from gongshu.tables.errors import TableError
from tests import people, walk
from tests.walk import CLINICS, ready, resource_of, uploaded

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(data: Path) -> dict[str, Person]:
    """Two stewards and two approvers of a department, an operator."""
    load_kinds()
    health = people.organisation()
    made = {name: people.person(name, "steward", health) for name in ("steward", "colleague")}
    made |= {name: people.person(name, "approver", health) for name in ("approver", "deputy")}
    made["operator"] = people.person("operator", "operator")
    made["security"] = people.person("security", "security")
    return made


def submitted(cast: dict[str, Person]) -> Submission:
    return walk.submitted(cast["steward"], people.organisation())


def test_a_file_becomes_a_dataset_by_the_decision_of_two_others(cast):
    row = submitted(cast)
    assert row.first and row.state == "department" and not visible().exists()
    assert cast["approver"].notices.filter(template="submission.waits").exists()
    submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "齐全")
    row.refresh_from_db()
    assert row.state == "platform" and not visible().exists()
    submissions.decide(cast["operator"], row, Decision.Choice.APPROVE, "可以开放")
    assert run_one(owner_name()).state == "done"
    row.refresh_from_db()
    dataset = Dataset.objects.get(name="clinics")
    assert (row.state, row.version.number, dataset.resource) == ("published", 1, row.resource)
    assert dataset.provider == row.organisation and row.draft.state == "closed"
    assert cast["steward"].notices.filter(template="submission.published").exists()


def test_nobody_decides_on_own_work_and_nobody_decides_twice(cast):
    people.person("steward", "approver", people.organisation())
    row = submitted(cast)
    for name in ("steward", "colleague", "operator", "security"):
        with pytest.raises(PermissionDenied):
            submissions.decide(cast[name], row, Decision.Choice.APPROVE, "同意")
    submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "齐全")
    people.person("approver", "operator")
    with pytest.raises(PermissionDenied):  # who approved before is no second person
        submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "再同意")
    submissions.decide(cast["operator"], row, Decision.Choice.RETURN, "摘要太短")
    with pytest.raises(TableError, match="已有决定"):
        submissions.decide(cast["operator"], row, Decision.Choice.APPROVE, "改主意了")
    row.draft.refresh_from_db()
    assert row.draft.state == "editing" and not visible().exists()


def test_a_decision_needs_a_reason(cast):
    with pytest.raises(TableError, match="理由"):
        submissions.decide(cast["approver"], submitted(cast), Decision.Choice.RETURN, "  ")


def test_the_second_of_two_stewards_is_told_and_nothing_is_overwritten(cast):
    draft = begin(
        cast["steward"],
        uploaded(cast["steward"], resource_of(cast["steward"], people.organisation()), CLINICS.encode()),
    )

    def titled(title: str) -> Any:
        return lambda row, contract: setattr(contract, "title", title)

    change(cast["steward"], draft, draft.edition, "describe", titled("甲"))
    with pytest.raises(TableError, match="steward刚刚改过"):
        change(cast["colleague"], draft, draft.edition, "describe", titled("乙"))
    draft.refresh_from_db()
    assert "title" in draft.contract and "甲" in draft.contract and "乙" not in draft.contract


def test_what_is_not_decided_checked_or_safe_is_not_submitted(cast):
    draft = begin(
        cast["steward"],
        uploaded(cast["steward"], resource_of(cast["steward"], people.organisation()), CLINICS.encode()),
    )
    with pytest.raises(TableError, match="还没有确认"):
        submissions.submit(cast["steward"], draft, draft.edition)
    risk = {"quasi_identifiers": ["床位"], "k": 1, "threshold": 50, "unique_share": 0.5, "threshold_source": "默认"}
    risky = ready(cast["steward"], draft, risk={"after": risk})
    with pytest.raises(TableError, match="最小的一组只有 1 行"):
        submissions.submit(cast["steward"], risky, risky.edition)
    wrong = ready(cast["steward"], risky, errors=[{"key": "x", "column": "床位", "message": "床位有负数"}])
    with pytest.raises(TableError, match="床位有负数"):
        submissions.submit(cast["steward"], wrong, wrong.edition)
    changed = change(cast["steward"], wrong, wrong.edition, "describe", lambda row, contract: None)
    with pytest.raises(TableError, match="还没有算完"):
        submissions.submit(cast["steward"], changed, changed.edition)


def test_a_publication_that_fails_gives_the_draft_back(cast, monkeypatch):
    row = submitted(cast)
    submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "齐全")
    submissions.decide(cast["operator"], row, Decision.Choice.APPROVE, "可以")
    monkeypatch.setattr("gongshu.opening.tasks.check_risk", _too_risky)
    assert run_one(owner_name()).state == "failed"
    submissions.settle()
    row.refresh_from_db()
    assert row.state == "failed" and row.draft.state == "editing" and not visible().exists()
    assert cast["steward"].notices.filter(template="submission.failed").exists()


def _too_risky(risk: Any) -> None:
    raise TableError("risk_too_high", "个人风险超过门限")


def test_an_emergency_stop_takes_everything_away_at_once_and_needs_a_second_person(cast, client):
    row = submitted(cast)
    submissions.decide(cast["approver"], row, Decision.Choice.APPROVE, "齐全")
    submissions.decide(cast["operator"], row, Decision.Choice.APPROVE, "可以")
    run_one(owner_name())
    pages = ["/datasets/clinics", "/datasets/clinics/download.csv", "/datasets/clinics/versions/1", "/api/v1/datasets/clinics",
             "/api/v1/datasets/clinics/rows", "/datasets/clinics/versions/1/clinics.csv",
             "/datasets/clinics/versions/1/selection"]  # fmt: skip
    for page in pages:
        answer = client.get(page)
        assert answer.status_code in (200, 302), page
        if answer.streaming:
            list(answer.streaming_content)
    with pytest.raises(PermissionDenied):
        stops.stop(cast["approver"], "clinics", "试试")
    stops.stop(cast["operator"], "clinics", "有人报告个人信息")
    assert [client.get(page).status_code for page in pages] == [503] * len(pages)
    assert client.get("/api/v1/datasets?q=诊所").json()["count"] == 0
    with pytest.raises(PermissionDenied):
        stops.restore(cast["operator"], "clinics", "查清了")
    stops.restore(cast["security"], "clinics", "查清了，没有个人信息")
    assert client.get("/datasets/clinics").status_code == 200
