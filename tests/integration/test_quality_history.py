"""The history of rules: a share of failures unlike that of earlier uploads is told to the steward; old runs go."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gongshu.governance import quality_history
from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft, QualityRun
from gongshu.opening import submissions
from gongshu.opening.models import Submission
from gongshu.parties.inbox import waiting_for
from gongshu.rulebooks import rulebook
from gongshu.tables.contract import Rule
from tests import people
from tests.registers import firms
from tests.walk import approved, ready, resource_of, uploaded

pytestmark = pytest.mark.django_db
KEY = "not_null|企业名称"


def figures(failed: int, checked: int = 1000) -> dict[str, Any]:
    rule = {
        "kind": "not_null",
        "column": "企业名称",
        "checked": checked,
        "failed": failed,
        "unknown": 0,
        "state": "fail",
    }
    return {"rows": checked, "profile": "DB31/T 1523-2024", "total": 90.0, "rules": {KEY: rule}}


def runs(draft: Draft, many: list[int]) -> None:
    """Runs of earlier uploads of the same resource."""
    upload = draft.upload
    for failed in many:
        upload.pk = None
        upload.id = None
        upload._state.adding = True
        upload.id = __import__("uuid").uuid4()
        upload.save()
        QualityRun.objects.create(resource=draft.resource, upload_id=upload.pk, outliers=[], **figures(failed))


def test_a_rule_that_fails_unlike_before_is_told(client: Client, data: Path) -> None:
    steward = people.person("steward", "steward", people.organisation())
    draft = begin(steward, uploaded(steward, resource_of(steward, people.organisation()), firms(), "企业登记.csv"))
    runs(Draft.objects.get(pk=draft.pk), [10, 12, 9, 11, 10, 13, 12])
    calm = quality_history.keep_run(draft, figures(12))
    assert calm.outliers == []
    run = quality_history.keep_run(draft, figures(400))
    assert [one["key"] for one in run.outliers] == [KEY]
    assert (
        QualityRun.objects.filter(resource=draft.resource).count() == 8
    )  # the newer edition took the place of the older
    assert [share for _, share in quality_history.history_of(draft, KEY)][-1] == 0.4
    client.force_login(steward)
    page = html.unescape(client.get(f"/drafts/{draft.pk}").content.decode())
    assert "与以往不同" in page and "40.0%" in page.replace("40%", "40.0%")
    assert any("与以往不同" in one.title for one in waiting_for(steward))
    assert not any(
        "与以往不同" in one.title for one in waiting_for(people.person("other", "steward", people.organisation()))
    )


def test_the_oldest_runs_go(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steward = people.person("steward", "steward", people.organisation())
    draft = begin(steward, uploaded(steward, resource_of(steward, people.organisation()), firms(), "企业登记.csv"))
    runs(Draft.objects.get(pk=draft.pk), [10] * 5)
    book = {**rulebook("quality-2024/alarms"), "kept_runs": 3}
    monkeypatch.setattr(quality_history, "rulebook", lambda name: book)
    quality_history.keep_run(draft, figures(10))
    assert QualityRun.objects.filter(resource=draft.resource).count() == 3
    assert quality_history.run_of(draft) is not None


def test_a_published_version_is_held_against_the_last_one(data: Path) -> None:
    """Rules of the whole table know at publication what the preview knew: the last version, other tables, the frequency."""
    where = people.organisation()
    steward, approver = people.person("steward", "steward", where), people.person("approver", "approver", where)
    operator = people.person("operator", "operator")
    resource = resource_of(steward, where)

    def published(beds: int) -> Submission:
        content = "编号,名称,床位\n" + "".join(f"{n},诊所{n},{beds + n % 50}\n" for n in range(1, 201))
        row = begin(steward, uploaded(steward, resource, content.encode(), f"诊所{beds}.csv"))

        def rules(_row: Draft, contract: Any) -> None:
            contract.rules = [Rule("床位.drift", "drift", column="床位", columns=("床位",), dimension="020200")]

        row = change(steward, row, row.edition, "rules", rules)
        return approved(submissions.submit(steward, (row := ready(steward, row)), row.edition, ""), approver, operator)

    def drifted(row: Submission) -> list[str]:
        assert row.version is not None
        return [one["kind"] for one in row.version.quality["findings"]]

    assert drifted(published(0)) == []
    assert drifted(published(500)) == ["drift"]
