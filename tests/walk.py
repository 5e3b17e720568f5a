"""The walk as its people go it, by their actions: what tests of pages stand on."""

from __future__ import annotations

import hashlib
from typing import Any

from gongshu.catalogue.actions import describe_resource, register_system
from gongshu.catalogue.models import Resource
from gongshu.feedback import cases, news
from gongshu.gathering import store
from gongshu.gathering.actions import inspect
from gongshu.gathering.models import Upload
from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.opening import problems, submissions
from gongshu.opening.models import Dataset, Decision, Submission
from gongshu.parties.actions import invite
from gongshu.parties.models import Organisation, Person, Role
from tests import asking, people

CLINICS = "编号,名称,床位\n" + "".join(f"{n},诊所{n},{n % 50}\n" for n in range(1, 61))


def resource_of(steward: Person, where: Organisation, slug: str = "clinics") -> Resource:
    """A described resource of a system of its own."""
    system = register_system(steward, where, f"系统 {slug}")
    return describe_resource(
        steward,
        where,
        {
            "category": "health", "name": f"资源 {slug}", "slug": slug, "system": system, "summary": "全市诊所，一家一行。",
            "format": "2", "share_type": "unconditional", "open_type": "unconditional", "update_frequency": "monthly",
            "maintainer": steward,
        },
    )  # fmt: skip


def uploaded(steward: Person, resource: Resource, content: bytes, name: str = "诊所.csv") -> Upload:
    """A stored and inspected upload."""
    load_kinds()
    upload = Upload.objects.create(
        resource=resource, person=steward, filename=name, size=len(content), received=len(content),
        sha256=hashlib.sha256(content).hexdigest(), state=Upload.State.STORED,
    )  # fmt: skip
    store.folder_of(upload).mkdir(parents=True)
    store.file_of(upload).write_bytes(content)
    inspect(steward, upload)
    done = run_one(owner_name())
    assert done is not None and done.state == "done", done and done.error
    upload.refresh_from_db()
    return upload


def ready(steward: Person, draft: Draft, **checked: Any) -> Draft:
    """The draft with everything confirmed, and checked with the findings ``checked``."""

    def confirm(row: Draft, contract: Any) -> None:
        contract.topic, contract.licence = "health", "open-unconditional"
        row.fields = {field.name: {"state": "confirmed"} for field in contract.fields}

    row = change(steward, draft, draft.edition, "confirm", confirm)
    Draft.objects.filter(pk=row.pk).update(checked_edition=row.edition, checked=checked)
    row.refresh_from_db()
    return row


def submitted(steward: Person, where: Organisation, slug: str = "clinics") -> Submission:
    """A draft of the clinics before its approver."""
    draft = begin(steward, uploaded(steward, resource_of(steward, where, slug), CLINICS.encode("gbk")))
    row = ready(steward, draft)
    return submissions.submit(steward, row, row.edition, "首次开放")


def approved(row: Submission, approver: Person, operator: Person) -> Submission:
    """The submission with all its decisions and its version out."""
    row = submissions.decide(approver, row, Decision.Choice.APPROVE, "齐全")
    if row.state == Submission.State.PLATFORM:
        row = submissions.decide(operator, row, Decision.Choice.APPROVE, "可以开放")
    done = run_one(owner_name())
    assert done is not None and done.state == "done", done and done.error
    row.refresh_from_db()
    return row


def things(where: Organisation, mark: str) -> dict[str, Any]:
    """One of everything in ``where``, by people of its own: a published dataset, a submission that waits, an invitation."""
    steward = people.person(f"{mark}-steward", "steward", where)
    approver = people.person(f"{mark}-approver", "approver", where)
    operator = people.person("walk-operator", "operator")
    approved(submitted(steward, where, f"{mark}-out"), approver, operator)
    waiting = submitted(steward, where, f"{mark}-waiting")
    invitation, _ = invite(approver, where, Role.STEWARD, f"{mark}@example.org", "受邀人")
    report, secret = problems.report(Dataset.objects.get(name=f"{mark}-out"), "wrong", "床位不对")
    demand = asking.demand(f"{mark} 的到站时间", organisation=where)
    cases.show(steward, demand, True)
    violation = cases.Asked(title=f"{mark} 冒用数据", text="转卖下载的数据", about="violation")
    complaint, asked = cases.ask("complaint", violation)
    return {
        "demand": demand.number,
        "complaint": complaint.number,
        "asked": asked,
        "news": news.publish(operator, "平台上线", "今天起可以用了").pk,
        "problem": report.number,
        "report": secret,
        "dataset": f"{mark}-out",
        "submission": waiting.pk,
        "draft": waiting.draft_id,
        "upload": waiting.draft.upload_id,
        "resource": waiting.resource_id,
        "system": waiting.resource.system_id,
        "invitation": invitation.pk,
        "steward": steward.username,
    }
