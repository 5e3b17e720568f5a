"""Sixty days of the demo city: its people carry every dataset from file to version by the product's own actions.

Nothing is written past them. The clock of the process is moved; each step looks whether it was done, so that a load that was
killed goes on where it stopped.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cache, partial

from django.test import Client

from demo import asking, city, given
from demo.recipe import Dataset
from gongshu import clock
from gongshu.catalogue.actions import describe_resource, register_system
from gongshu.catalogue.models import Resource, System
from gongshu.deadlines import BEIJING, is_working_day, subtract_working_days
from gongshu.gathering import receiving
from gongshu.gathering.models import Upload
from gongshu.governance import checking, decisions
from gongshu.governance.actions import begin, change
from gongshu.governance.models import Draft
from gongshu.governance.queries import contract_before
from gongshu.jobs.models import Job
from gongshu.jobs.runner import owner_name, run_one
from gongshu.opening import problems, readers, stops, submissions
from gongshu.opening.models import Dataset as Opened
from gongshu.opening.models import Decision, Problem, Stop, Submission, Version
from gongshu.opening.search import index_pending
from gongshu.oversight import access, heads
from gongshu.parties.actions import ensure_organisation, give_role, register_person, save_organisation
from gongshu.parties.models import Organisation, Person, Role
from gongshu.parties.permissions import Shell
from gongshu.tables.contract import Contract

DAYS = 60
SHELL = Shell("demo")
CENTRE = ("data-centre", "市大数据中心", "City Big Data Centre", Organisation.Kind.PLATFORM)
REGULATOR = ("data-bureau", "市数据局", "City Data Bureau", Organisation.Kind.REGULATOR)
# account, name, role, organisation; those of the first lines sign in at the demo
PEOPLE = (
    ("steward", "陈一诺", Role.STEWARD, "市民政局"),
    ("approver", "顾明川", Role.APPROVER, "市民政局"),
    ("operator", "林可", Role.OPERATOR, "市大数据中心"),
    ("security", "石磊", Role.SECURITY, "市大数据中心"),
    ("regulator", "沈知微", Role.REGULATOR, "市数据局"),
    ("auditor", "周正", Role.AUDITOR, "市大数据中心"),
    ("steward-transport", "马行", Role.STEWARD, "市交通委"),
    ("approver-transport", "路远", Role.APPROVER, "市交通委"),
    ("steward-health", "白术", Role.STEWARD, "市卫生健康委"),
    ("approver-health", "杜仲", Role.APPROVER, "市卫生健康委"),
    ("steward-culture", "乐之", Role.STEWARD, "市文化旅游局"),
    ("approver-culture", "文山", Role.APPROVER, "市文化旅游局"),
    ("steward-market", "何平", Role.STEWARD, "市市场监管局"),
    ("approver-market", "贾真", Role.APPROVER, "市市场监管局"),
    ("steward-environment", "水清", Role.STEWARD, "市生态环境局"),
    ("approver-environment", "林深", Role.APPROVER, "市生态环境局"),
    ("steward-civil", "安然", Role.STEWARD, "市民政局"),
    ("steward-yanhu", "苏堤", Role.STEWARD, "檐湖区城市管理局"),
    ("approver-yanhu", "白堤", Role.APPROVER, "檐湖区城市管理局"),
)
SYSTEMS = {
    "市交通委": ("交通综合信息平台", "Integrated Transport Platform"),
    "市卫生健康委": ("全民健康信息平台", "Population Health Platform"),
    "市文化旅游局": ("文旅资源管理系统", "Culture and Tourism Resources"),
    "市市场监管局": ("市场主体登记系统", "Register of Market Entities"),
    "市生态环境局": ("生态环境监测平台", "Environmental Monitoring Platform"),
    "市民政局": ("民政业务一体化系统", "Civil Affairs System"),
    "檐湖区城市管理局": ("檐湖区城市运行平台", "Yanhu District Operations Platform"),
    given.GIVER: ("观察记录", "Observations"),
}
CATEGORIES = {
    "市交通委": "construction",
    "市卫生健康委": "health",
    "市文化旅游局": "public-service",
    "市市场监管局": "legal-person",
    "市生态环境局": "ecology",
    "市民政局": "social-security",
    "檐湖区城市管理局": "construction",
    given.GIVER: "ecology",
}
RETURNED = {"museums": "开放时间一列没有说明，请写清是否含法定节假日"}  # one submission that came back once
STOPPED = "scenic-spots"  # stopped and restored once
REPORTED = "medical-institutions"  # a reader found something wrong, and was answered
PENDING = "care-allowances"  # before its approver when the demo opens
PREPARED = "community-canteens"  # with its steward, who has still to judge it
BLOCK = 4 * 1024 * 1024
ACCEPTED = "已与业务处核对，源系统如此，随下一版更正"


@dataclass(frozen=True)
class Step:
    """One thing that somebody did at ``at``; done twice it does nothing."""

    at: datetime
    name: str
    act: Callable[[], None]


def people(password: str, departments: dict[str, str]) -> None:
    """The organisations and people of the city, registered sixty days ago."""
    with clock.at(_office_day(0) + timedelta(hours=8)):
        for code, name, english, kind in (CENTRE, REGULATOR):
            Organisation.objects.get_or_create(code=code, defaults={"name": name, "name_en": english, "kind": kind})
        for name, english in departments.items():
            ensure_organisation(SHELL.actor_id, name, name_en=english)
        _districts()
        for account, name, role, where in PEOPLE:
            if not Person.objects.filter(username=account).exists():
                person = register_person(SHELL, account, name, password=password, is_demo=True)
                give_role(SHELL, person, Organisation.objects.get(name=where), role)
        if not Person.objects.filter(username=given.ACCOUNT).exists():  # gets a role when what it offers is accepted
            register_person(SHELL, given.ACCOUNT, given.CONTACT, email=given.EMAIL, password=password, is_demo=True)


def _districts() -> None:
    """The eight districts, and the body of one that opens data."""
    for code, (name, english, _weight) in city.DISTRICTS.items():
        if not Organisation.objects.filter(code=f"district-{code}").exists():
            known = Organisation(
                code=f"district-{code}", name=name, name_en=f"{english} District", kind=Organisation.Kind.DISTRICT
            )
            save_organisation(SHELL, known)
    body = Organisation.objects.get(name="檐湖区城市管理局")
    if body.parent is None:
        body.parent = Organisation.objects.get(name="檐湖区")
        save_organisation(SHELL, body)


def steps(names: list[str], make: Callable[[str], Dataset]) -> Iterator[Step]:
    """The steps of all datasets in the order of their days; ``make`` writes a dataset's files when they are needed."""
    made = cache(make)  # files are made again when a killed load goes on
    found: list[Step] = []
    for place, name in enumerate(names):
        start = place * (DAYS - 16) // max(len(names), 1)
        if name == PENDING:
            found += _version(name, 1, DAYS - 3, partial(made, name))[:3]
            continue
        if name == PREPARED:
            found += _version(name, 1, DAYS - 2, partial(made, name))[:2]
            found.append(Step(_at(DAYS - 2, 11), name, partial(_begin, name)))
            continue
        number = 2 if name == "car-parks" else 1
        for version in range(1, number + 1):
            found += _version(name, version, start + 12 * (version - 1), partial(made, name))
    for day in range(DAYS - 30, DAYS):
        found.append(Step(_at(day, 11) + timedelta(minutes=day), "", partial(_read, day)))
    found.append(Step(_at(DAYS - 6, 16), REPORTED, _report))
    found.append(Step(_at(DAYS - 4, 10), REPORTED, _answer))
    found.append(Step(_at(DAYS - 9, 15), STOPPED, _stop))
    found.append(Step(_at(DAYS - 8, 10), STOPPED, _restore))
    for day, hour, act in (*asking.acts(), *given.acts()):
        found.append(Step(_at(day, hour), "", act))
    return iter(sorted(found, key=lambda step: step.at))


def finished(names: list[str]) -> bool:
    """Whether all of it happened already."""
    on_their_way = Draft.objects.filter(resource__slug__in=(PENDING, PREPARED)).count() == 2
    out = Version.objects.count() >= len(names) - 1  # those two are not out, another has two versions
    return on_their_way and out and asking.finished() and given.finished()


def play(step: Step) -> None:
    """Let a step happen at its time, and sign the log's head after it."""
    with clock.at(step.at):
        step.act()
        heads.sign_head()


def _version(name: str, number: int, start: int, dataset: Callable[[], Dataset]) -> list[Step]:
    days = [_at(start, 9), _at(start, 10), _at(start, 14), _at(start + 1, 10), _at(start + 2, 10), _at(start + 3, 15)]
    does: list[Callable[[], None]] = [
        partial(_describe, dataset),
        partial(_upload, dataset, number),
        partial(_submit, dataset, number),
        partial(_decide, name, number, 1),
        partial(_again, dataset, number),
        partial(_decide, name, number, 2),
    ]
    return [Step(at, name, act) for at, act in zip(days, does, strict=True)]


def _describe(dataset: Callable[[], Dataset]) -> None:
    contract = dataset().contract
    if Resource.objects.filter(slug=contract.name).exists():
        return
    where = Organisation.objects.get(name=contract.provider)
    steward = _who(Role.STEWARD, where)
    name, english = SYSTEMS[where.name]
    system = System.objects.filter(organisation=where).first()
    system = system or register_system(steward, where, name, name_en=english, named=where.name != given.GIVER)
    described = {
        "category": CATEGORIES[where.name],
        "name": contract.title,
        "slug": contract.name,
        "system": system,
        "summary": contract.summary,
        "format": Resource.Format.SHEET,
        "share_type": Resource.ShareType.UNCONDITIONAL,
        "open_type": Resource.OpenType.UNCONDITIONAL,
        "update_frequency": contract.update_frequency or "irregular",
        "maintainer": steward,
    }
    describe_resource(steward, where, described)


def _upload(dataset: Callable[[], Dataset], number: int) -> None:
    resource = Resource.objects.get(slug=dataset().name)
    if resource.uploads.exclude(state=Upload.State.DISCARDED).count() >= number:
        _work()
        return
    files = dataset().files
    file = files[min(number, len(files)) - 1]
    steward = resource.maintainer
    upload = receiving.start(steward, resource, file.name, file.stat().st_size)
    with file.open("rb") as stream:
        receiving.receive(steward, upload, 0, iter(lambda: stream.read(BLOCK), b""))
    _work()


def _submit(dataset: Callable[[], Dataset], number: int) -> None:
    resource = Resource.objects.get(slug=dataset().name)
    if resource.submissions.count() >= number + (number > 1 and resource.slug in RETURNED):
        return
    steward = resource.maintainer
    draft = resource.drafts.exclude(state=Draft.State.CLOSED).first()
    if draft is None:
        upload = resource.uploads.filter(state=Upload.State.INSPECTED).order_by("-created_at").first()
        assert upload is not None, resource.slug
        draft = begin(steward, upload, before=contract_before(resource))
    draft = change(steward, draft, draft.edition, "describe", partial(_as_recipe, dataset().contract))
    _hand_in(steward, draft, f"第 {number} 版：{dataset().contract.title}")


def _begin(name: str) -> None:
    """The file is inspected; its columns wait for their steward."""
    resource = Resource.objects.get(slug=name)
    if not resource.drafts.exclude(state=Draft.State.CLOSED).exists():
        upload = resource.uploads.filter(state=Upload.State.INSPECTED).order_by("-created_at")[0]
        begin(resource.maintainer, upload, before=contract_before(resource))


def _hand_in(steward: Person, draft: Draft, note: str) -> None:
    checking.ensure(draft)
    _work()
    draft.refresh_from_db()
    for error in draft.checked.get("errors", []):
        if error["key"] not in draft.accepted:
            draft = decisions.accept_finding(steward, draft, draft.edition, error["key"], ACCEPTED)
    checking.ensure(draft)
    _work()
    draft.refresh_from_db()
    submissions.submit(steward, draft, draft.edition, note)


def _decide(name: str, number: int, turn: int) -> None:
    row = Submission.objects.filter(dataset=name, state__in=submissions.OPEN).first()
    if row is not None:
        operator = Person.objects.get(username="operator")
        if turn == 1 and name in RETURNED and row.resource.submissions.count() == 1:
            submissions.decide(_who(Role.APPROVER, row.organisation), row, Decision.Choice.RETURN, RETURNED[name])
            return
        if row.state == Submission.State.DEPARTMENT:
            approver = _who(Role.APPROVER, row.organisation)
            row = submissions.decide(approver, row, Decision.Choice.APPROVE, "列、级别与保护都已核对，同意开放")
        if turn == 2 and row.state == Submission.State.PLATFORM:
            submissions.decide(operator, row, Decision.Choice.APPROVE, "首次开放复核通过")
    _work()
    index_pending()
    if turn == 2 and not Version.objects.filter(dataset__name=name, number=number).exists():
        failed = Job.objects.filter(kind="publish", params__dataset=name).order_by("-created_at").first()
        raise RuntimeError(f"{name} v{number}: {failed and failed.error}")


def _again(dataset: Callable[[], Dataset], number: int) -> None:
    """What came back is mended and handed in again."""
    name = dataset().name
    draft = Draft.objects.filter(resource__slug=name, state=Draft.State.EDITING).first()
    if name in RETURNED and number == 1 and draft is not None:
        _hand_in(draft.resource.maintainer, draft, "已补写开放时间的说明")


def _stop() -> None:
    if not Stop.objects.filter(dataset__name=STOPPED).exists():
        stops.stop(Person.objects.get(username="operator"), STOPPED, "有读者报告一列疑似私人手机号，先停后查")


def _restore() -> None:
    if Opened.objects.filter(name=STOPPED, stopped_at__isnull=False).exists():
        stops.restore(Person.objects.get(username="security"), STOPPED, "已核对：是景区的对外值班电话，不涉个人")


def _read(day: int) -> None:
    """What readers do on a day: open pages, download, ask the interface, rate, subscribe."""
    client, rng = Client(headers={"host": "localhost"}), random.Random(day)
    visible = list(Opened.objects.filter(current__isnull=False, stopped_at=None).select_related("current"))
    for number, dataset in enumerate(rng.choices(visible, k=min(len(visible), 8)) if visible else []):
        client.get(f"/datasets/{dataset.name}")
        if dataset.current and dataset.current.rows < 100_000:
            client.get(f"/api/v1/datasets/{dataset.name}/rows?limit=5")
            if number % 3 == 0:
                client.get(f"/datasets/{dataset.name}/download.csv", follow=True).close()
        if number == 0:
            readers.rate(dataset, readers.visitor_of(None, f"demo-{day}"), rng.choice((3, 4, 4, 5, 5)))
    if day == DAYS - 20:
        for dataset in visible[:3]:
            readers.subscribe(Person.objects.get(username="regulator"), dataset)
    access.flush()


def _report() -> None:
    if not Problem.objects.exists():
        dataset = Opened.objects.get(name=REPORTED)
        problems.report(dataset, Problem.Kind.WRONG, "有几家的坐标落在相邻的区", column="经度")


def _answer() -> None:
    row = (
        Problem.objects.filter(dataset__name=REPORTED, state=Problem.State.OPEN)
        .select_related("dataset__provider")
        .first()
    )
    if row is not None:
        text = "已核对：九家迁址后坐标没有改，下一版更正，谢谢。"
        problems.answer(_who(Role.STEWARD, row.dataset.provider), row, text, shown=True)


def _as_recipe(wanted: Contract, row: Draft, contract: Contract) -> None:
    """What the steward decides and writes, field by field; what differs from the proposal is an override with its reason."""
    said = {field.name: field for field in wanted.fields}
    for place, field in enumerate(contract.fields):
        mine = said.get(field.name)
        if mine is None:
            continue
        if mine.protection.method == "drop":  # what isn't public keeps the proposal
            mine = replace(mine, level=field.level, open_type=field.open_type)
        was = {"level": field.level, "open_type": field.open_type, "semantic_type": field.semantic_type}
        now = {
            "level": mine.level,
            "open_type": mine.open_type,
            "semantic_type": mine.semantic_type or field.semantic_type,
        }
        signed = {"by": str(row.resource.maintainer), "at": clock.now().isoformat()}
        if (was["level"], was["open_type"]) == (now["level"], now["open_type"]):
            row.fields = row.fields | {field.name: signed | {"state": "confirmed"}}
        else:
            reason = (
                "按本部门的分级细则，这一列不涉个人，可以开放" if (field.level or 0) > (mine.level or 0) else "从严"
            )
            row.fields = row.fields | {field.name: signed | {"state": "overridden", "reason": reason, "was": was}}
        contract.fields[place] = replace(
            mine, semantic_type=mine.semantic_type or field.semantic_type, probability=field.probability
        )
    for name in ("title", "title_en", "summary", "summary_en", "topic", "licence", "keywords", "synthetic", "source_note",
                 "source_note_en", "rules", "suppress_small_groups"):  # fmt: skip
        setattr(contract, name, getattr(wanted, name))


def _work() -> None:
    """The worker's part: everything that waits is carried out."""
    while run_one(owner_name()) is not None:
        pass


def _who(role: Role, where: Organisation) -> Person:
    found = Person.objects.filter(memberships__role=role, memberships__organisation=where, memberships__ended=None)
    return found.order_by("pk")[0]


def _office_day(day: int) -> datetime:
    """Midnight (Beijing) of the working day on or before ``day`` days into the history."""
    found = (clock.now() - timedelta(days=DAYS - day)).astimezone(BEIJING).date()
    return datetime.combine(found if is_working_day(found) else subtract_working_days(found, 1), time.min, BEIJING)


def _at(day: int, hour: int) -> datetime:
    return _office_day(day) + timedelta(hours=hour)
