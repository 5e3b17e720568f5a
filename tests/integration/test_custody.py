"""Custody: one person is one token in every dataset of a key, keys rotate, only the security officer turns tokens back, on record;
and differentially private figures stop when the budget is spent."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from typer.testing import CliRunner

from gongshu.cli import build_app
from gongshu.custody import figures, keys
from gongshu.custody.models import PrivateRelease
from gongshu.custody.tasks import settle_figures
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.jobs.worker import load_kinds
from gongshu.lake import serving
from gongshu.opening.models import Dataset, Version
from gongshu.oversight import log
from gongshu.oversight.models import Event
from gongshu.parties import actions
from gongshu.parties.models import Membership, Role
from gongshu.parties.permissions import APART, PERMISSIONS, Shell
from gongshu.tables.contract import Field, Protection, load_contract
from gongshu.tables.errors import TableError
from tests import people
from tests.publishing import contract, publish

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
IDS = ["310104199003078515", "31010419491231002X", "310104200101011239"]


def register(name: str, *columns: str, ids: list[str] = IDS, **params: Any) -> Version:
    """A published version of a register of bodies whose owners' IDs are tokens; the columns are named ``columns``."""
    number, owner = columns
    folder = Path(tempfile.mkdtemp(dir=settings.DATA))
    file = folder / "in.csv"
    file.write_text(f"{number},{owner}\n" + "".join(f"{n},{one}\n" for n, one in enumerate(ids, 1)), encoding="utf-8")
    tokenised = Protection("tokenise", {"form": "resident_id", **params})
    fields = [
        Field(number, "int64", title=number, level=1, open_type="unconditional", primary_key=True),
        Field(owner, title=owner, level=4, open_type="none", protection=tokenised),
    ]
    job = publish(file, contract(name=name, title=name, fields=fields, rules=[], provider="市卫生健康委"))
    assert job.state == Job.State.DONE, job.error
    return Version.objects.get(dataset__name=name, number=job.result["version"])


def tokens_of(version: Version, column: str) -> list[str]:
    """What the public gets in a column, in the order of the key."""
    with serving.POOL.cursor(settings.DATA / version.serving) as con:
        return [row[0] for row in con.execute(f'SELECT "{column}" FROM rows').fetchall()]


def test_one_person_is_one_token_in_two_datasets_and_the_key_rotates(data: Path) -> None:
    one = register("owners", "编号", "法人证件号")
    two = register("permits", "序号", "申请人证件号", ids=[IDS[2], IDS[0]])
    first, second = tokens_of(one, "法人证件号"), tokens_of(two, "申请人证件号")
    assert second == [first[2], first[0]] and not set(first) & set(IDS)
    assert all(len(token) == 18 for token in first)
    assert one.columns[1]["protection"]["key_version"] == 1

    guard = people.person("guard", Role.SECURITY)
    assert keys.rotate(guard, "每年更换") == 2
    later = register("owners", "编号", "法人证件号")
    assert later.columns[1]["protection"]["key_version"] == 2
    assert not set(tokens_of(later, "法人证件号")) & set(first)
    # a dataset that must stay linked with the older ones keeps the older version by its contract
    kept = register("kept", "编号", "证件号", key_version=1)
    assert tokens_of(kept, "证件号") == first
    assert load_contract(kept.contract).fields[1].protection.params["key_version"] == 1

    # old tokens are turned back with the old version, new ones with the new
    assert keys.reverse_tokens(guard, one, "法人证件号", first, "公安机关协查函 12 号") == IDS
    assert keys.reverse_tokens(guard, later, "法人证件号", tokens_of(later, "法人证件号"), "公安机关协查") == IDS
    event = Event.objects.filter(action="token.reverse").order_by("pk").first()
    assert event is not None and event.actor == "guard"
    said = event.body
    assert "协查函 12 号" in said and not any(one in said for one in [*IDS, *first])
    assert [(each.number, each.used, each.current) for each in keys.versions()] == [(2, 1, True), (1, 3, False)]


def test_who_chooses_protections_turns_nothing_back(data: Path) -> None:
    version = register("owners", "编号", "法人证件号")
    token, provider = tokens_of(version, "法人证件号")[:1], version.dataset.provider
    for role in Role:
        somebody = people.person(role.value, role, provider)
        if role == Role.SECURITY:
            continue
        with pytest.raises(PermissionDenied):
            keys.reverse_tokens(somebody, version, "法人证件号", token, "想看看是谁")
        with pytest.raises(PermissionDenied):
            keys.rotate(somebody, "想换就换")
    # not even later, as a security officer
    turncoat = people.person("turncoat", Role.STEWARD, provider)
    Membership.objects.filter(person=turncoat).update(ended=version.published_at)
    turncoat = people.person("turncoat", Role.SECURITY)
    with pytest.raises(PermissionDenied, match="另一位安全员"):
        keys.reverse_tokens(turncoat, version, "法人证件号", token, "公安机关协查")
    guard = people.person("guard", Role.SECURITY)
    for tokens, column, reason in (
        (token, "法人证件号", " "),
        ([], "法人证件号", "协查一下"),
        (token * 101, "法人证件号", "协查一下"),
        (token, "编号", "协查一下"),
    ):
        with pytest.raises(TableError):
            keys.reverse_tokens(guard, version, column, tokens, reason)
    assert keys.reverse_tokens(guard, version, "法人证件号", ["无此代号"], "公安机关协查") == [None]
    assert Event.objects.filter(action="token.reverse").count() == 1  # what was refused turned nothing back


def test_reasons_as_long_as_the_log_takes(data: Path) -> None:
    version = register("owners", "编号", "法人证件号")
    guard, reason = people.person("guard", Role.SECURITY), "按规定每年更换一次" * 60
    assert keys.rotate(guard, reason) == 2
    assert keys.reverse_tokens(guard, version, "法人证件号", ["无此代号"], reason) == [None]
    figures.set_budget(guard, version.dataset, 2.0, reason)
    kept = [
        log.details_of(one)["reason"] for one in Event.objects.exclude(action__startswith="job").filter(actor="guard")
    ]
    assert kept == [reason[: log.TEXT_LIMIT]] * 3


def test_operator_security_officer_and_auditor_are_three_people(db: None) -> None:
    shell, centre = Shell("test"), people.centre()
    for pair in APART:
        first, second = sorted(pair)
        person = people.person(f"{first}-{second}"[:30])
        actions.give_role(shell, person, centre, Role(first))
        with pytest.raises(TableError, match="不同的人"):
            actions.give_role(shell, person, people.organisation(), Role(second))
        made, secret = actions.invite(shell, centre, Role(second), "a@example.org", "甲")
        with pytest.raises(TableError, match="不同的人"):
            actions.accept_invitation(secret, "", "", as_person=person)
        made.refresh_from_db()
        assert made.accepted_at is None
        # when the one has ended, the other may begin
        Membership.objects.filter(person=person).update(ended=made.created_at)
        person.__dict__.pop("_held_roles", None)
        actions.give_role(shell, person, centre, Role(second))
    holders = {code: {role for role, _scope in row.holders} for code, row in PERMISSIONS.items()}
    assert holders["token.reverse"] == holders["key.rotate"] == {Role.SECURITY}
    assert not holders["draft.edit"] & holders["token.reverse"]
    changing = {code for code, roles in holders.items() if Role.AUDITOR in roles and not code.endswith((".see",))}
    assert changing == set()  # the auditor only reads


def test_the_pages_of_keys_and_tokens(data: Path, client: Client) -> None:
    version = register("owners", "编号", "法人证件号")
    token = tokens_of(version, "法人证件号")[0]
    client.force_login(people.person("guard", Role.SECURITY))
    assert "第 1 版" in client.get("/custody/keys").content.decode()
    assert client.post("/custody/keys", {"reason": ""}).status_code == 400
    assert client.post("/custody/keys", {"reason": "每年更换"}).status_code == 302
    assert "第 2 版" in client.get("/custody/keys").content.decode()
    given = {"column": "owners/法人证件号", "tokens": token, "reason": "公安机关协查"}
    answer = client.post("/custody/keys/reverse", given)
    assert IDS[0] in answer.content.decode() and answer["Cache-Control"] == "no-store"
    assert client.post("/custody/keys/reverse", given | {"reason": ""}).status_code == 400
    assert client.post("/custody/keys/reverse", given | {"column": "x"}).status_code == 400
    client.force_login(people.person("auditor", Role.AUDITOR))
    page = client.get("/custody/keys").content.decode()
    assert "第 2 版" in page and "启用新的一版" not in page
    assert client.post("/custody/keys", {"reason": "每年更换"}).status_code == 403
    assert client.get("/custody/keys/reverse").status_code == 403


def work() -> None:
    load_kinds()
    while run_one(owner_name()) is not None:
        pass
    settle_figures()


def test_figures_are_paid_for_until_nothing_is_left(
    opendp: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gongshu.cli.figures.start_django", lambda: None)  # it is started
    register("owners", "编号", "法人证件号", ids=[f"31010419900307{n:04d}" for n in range(200)])
    dataset = Dataset.objects.get(name="owners")
    steward = people.person("steward", Role.STEWARD, dataset.provider)
    client.force_login(steward)
    assert "还剩 1" in client.get("/custody/figures/owners").content.decode()
    given = {"kind": "count", "person": "法人证件号", "epsilon": "0.6", "purpose": "年度报告"}
    assert client.post("/custody/figures/owners", given).status_code == 302
    row = PrivateRelease.objects.get()
    assert row.state == "waiting" and figures.budget_of(dataset) == (1.0, 0.6)
    work()
    row.refresh_from_db()
    assert row.state == "done", (row.error, Job.objects.get(pk=row.job).error)
    assert abs(row.result["rows"][0]["value"] - 200) < 60
    page = client.get("/custody/figures/owners").content.decode()
    assert "算好了" in page and "还剩 0.4" in page
    refused = client.post("/custody/figures/owners", given)
    assert refused.status_code == 400 and "已用 0.6" in refused.content.decode()
    mean = {"kind": "mean", "column": "编号", "lowest": "0", "highest": "300", "epsilon": "0.4", "purpose": "年度报告"}
    assert client.post("/custody/figures/owners", mean).status_code == 302
    work()
    found = PrivateRelease.objects.exclude(pk=row.pk).get()
    assert found.state == "done" and 0 <= found.result["rows"][0]["value"] <= 300
    with pytest.raises(TableError, match="隐私预算不够"):
        figures.ask_figures(steward, dataset, {"kind": "count"}, 0.01, "再来一次")
    assert {one.action for one in Event.objects.filter(action__startswith="figures")} == {
        "figures.ask",
        "figures.release",
    }

    # from the shell the same budget counts
    run = CliRunner().invoke(build_app(), ["figures", "owners", "--epsilon", "0.5", "--purpose", "年度报告"])
    assert run.exit_code == 1 and "隐私预算不够" in run.output

    # only the security officer gives more, and says why
    with pytest.raises(PermissionDenied):
        figures.set_budget(steward, dataset, 9, "不够用")
    client.force_login(people.person("guard", Role.SECURITY))
    assert (
        client.post("/custody/figures/owners", {"act": "budget", "budget": "0.5", "reason": "收紧"}).status_code == 400
    )
    assert (
        client.post(
            "/custody/figures/owners", {"act": "budget", "budget": "2", "reason": "年度更新后重新评估"}
        ).status_code
        == 302
    )
    assert figures.budget_of(dataset) == (2.0, 1.0)
    asked = [
        "figures",
        "owners",
        "--kind",
        "histogram",
        "--column",
        "编号",
        "--edges",
        "100",
        "--epsilon",
        "0.5",
        "--purpose",
        "年度报告",
    ]
    run = CliRunner().invoke(build_app(), asked)
    lines = run.stdout.splitlines()
    assert run.exit_code == 0 and lines[0] == "group,bin,value" and lines[1].startswith(",<100,") and len(lines) >= 3
    assert figures.budget_of(dataset) == (2.0, 1.5)


def test_what_could_not_be_computed_gives_its_budget_back(data: Path) -> None:
    register("owners", "编号", "法人证件号")
    dataset = Dataset.objects.get(name="owners")
    steward = people.person("steward", Role.STEWARD, dataset.provider)
    figures.ask_figures(steward, dataset, {"kind": "count"}, 0.5, "年度报告")
    work()  # without the environment
    row = PrivateRelease.objects.get()
    assert row.state == "failed" and "gongshu environment dp" in row.error["message"]
    told = log.details_of(Event.objects.get(action="figures.fail"))
    assert told == {"release": str(row.pk), "epsilon": "0.5", "code": "environment_missing"}
    assert figures.budget_of(dataset) == (1.0, 0.0)
    outsider = people.person("outsider", Role.STEWARD, people.organisation("civil", "市民政局"))
    for actor, asked, epsilon, purpose, error in (
        (outsider, {"kind": "count"}, 0.1, "看看", PermissionDenied),
        (steward, {"kind": "count"}, 0.1, "", TableError),
        (steward, {"kind": "sum", "column": "没有"}, 0.1, "看看", TableError),
        (steward, {"kind": "count"}, 0.0, "看看", TableError),
        (steward, {"kind": "count"}, float("nan"), "看看", TableError),
    ):
        with pytest.raises(error):
            figures.ask_figures(actor, dataset, asked, epsilon, purpose)


def test_persons_are_published_partitioned_sampled_and_blurred(data: Path) -> None:
    lines = [f"{n},{'男女'[n % 2]},{20 + n % 60},{n * 10},病{n % 9}" for n in range(600)]
    file = data / "persons.csv"
    file.write_text("\n".join(["编号,性别,年龄,补贴金额,诊断", *lines]), encoding="utf-8")
    together = Protection("partition", {"k": 50, "sensitive": "诊断", "distinct": 5})

    def field(name: str, kind: str, code: str | None, protection: Protection, level: int = 2) -> Field:
        more: dict[str, Any] = {"semantic_type": code, "subject": "person", "open_type": "conditional"}
        return Field(name, kind, title=name, level=level, protection=protection, **more)

    fields = [
        field("编号", "int64", None, Protection("drop")),
        field("性别", "string", "sex", together),
        field("年龄", "int64", "age", together),
        field("补贴金额", "int64", "amount", Protection("noise", {"scale": 5, "lowest": 0}), 3),
        field("诊断", "string", "diagnosis", Protection("shuffle", {"within": "性别"}), 4),
    ]
    job = publish(file, contract(name="persons", title="名册", fields=fields, rules=[], sample_share=0.9))
    assert job.state == Job.State.DONE, job.error
    version = Version.objects.get(dataset__name="persons")
    assert 500 < version.rows < 580 and version.reading["sample_share"] == 0.9
    with serving.POOL.cursor(settings.DATA / version.serving) as con:
        sizes = con.execute('SELECT count(*), count(DISTINCT "诊断") FROM rows GROUP BY "性别", "年龄"').fetchall()
        assert all(rows >= 50 and kinds >= 5 for rows, kinds in sizes)
        assert con.execute('SELECT min("补贴金额") FROM rows').fetchall()[0][0] >= 0
    # where a group is alike in what is sensitive it is refused, with the numbers
    lines = [f"{n},{'男女'[n % 2]},{20 + n % 60},{n * 10},病{n % 2}" for n in range(600)]
    file.write_text("\n".join(["编号,性别,年龄,补贴金额,诊断", *lines]), encoding="utf-8")
    alone = Protection("partition", {"k": 50})
    fields[1:3] = [field("性别", "string", "sex", alone), field("年龄", "int64", "age", alone)]
    job = publish(file, contract(name="persons", title="名册", fields=fields, rules=[]))
    assert (job.state, job.error["code"]) == ("failed", "groups_too_alike") and "l=1" in job.error["message"]


def test_killed_anywhere_figures_are_paid_for_once_and_keys_are_on_record(opendp: None, tmp_path: Path) -> None:
    home = tmp_path / "killed"
    (home / "environments").mkdir(parents=True)
    for made in (settings.DATA / "environments").iterdir():
        (home / "environments" / made.name).symlink_to(made.resolve())
    environment = {**os.environ, "GONGSHU_DATA": str(home), "GONGSHU_LEASE_SECONDS": "5"}
    environment.pop("GONGSHU_DATABASE_URL", None)
    command = [sys.executable, "-m", "tests.killing_custody"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
