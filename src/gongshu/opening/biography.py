"""这份数据的经历: what each step of the flow found about a version, with its evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from gongshu.jobs.models import Job
from gongshu.opening import history, queries, terms
from gongshu.opening.models import Version
from gongshu.opening.timeline import Line
from gongshu.web import words
from gongshu.web.templatetags.web import score

DONE_BY = {  # events of the log that tell who did a step and when
    "upload.inspect": "gather",
    "draft.describe": "catalogue",
    "draft.confirm": "classify",
    "draft.protect": "protect",
}


@dataclass(frozen=True)
class Fact:
    """A finding of a step: what, how many, and what follows from it."""

    what: str
    number: str = ""
    note: str = ""


@dataclass(frozen=True)
class Step:
    """One step of the flow for one version."""

    key: str
    what: str
    who: str
    facts: list[Fact] = field(default_factory=list)
    moment: datetime | None = None
    state: str = "done"
    link: tuple[str, str] | None = None

    @property
    def sign(self) -> str:
        return words.FLOW[self.key][0]

    @property
    def name(self) -> str:
        return str(words.FLOW[self.key][1])

    @property
    def plain(self) -> str:
        """What the step is, in a sentence."""
        return str(words.FLOW_PLAIN[self.key])


def steps(version: Version, opinions: dict[str, Any], lines: list[Line]) -> list[Step]:
    """The eight steps in their order; ``opinions`` are those of :func:`gongshu.opening.readers.opinions`, ``lines`` the
    timeline, which tells who did a step in which role, and when."""
    job = Job.objects.filter(pk=version.job).only("created_at").first()
    stored = job.created_at if job else None
    found = [
        _gather(version, stored),
        _catalogue(version),
        _classify(version),
        _check(version),
        _protect(version),
        _release(version),
        _use(version),
        _account(version, opinions),
    ]
    done: dict[str, Line] = {}
    for line in lines:  # the latest first
        if line.action in DONE_BY:
            done.setdefault(DONE_BY[line.action], line)
    return [
        replace(step, who=done[step.key].who, moment=done[step.key].at) if step.key in done else step for step in found
    ]


def _gather(version: Version, stored: datetime | None) -> Step:
    reading = version.reading
    facts = [Fact(_("读到的记录"), f"{reading.get('rows', version.rows):,}", _reading_note(reading))]
    if reading.get("skipped"):
        facts.append(Fact(_("略过的行"), f"{reading['skipped']:,}", _("标题、空行、合计与脚注不是记录，逐行记有原因")))
    if reading.get("quarantined"):
        facts.append(Fact(_("隔离的值"), f"{reading['quarantined']:,}", _("放不进列类型的值已另存，单元格按空值公开")))
    if resource := version.dataset.resource:
        facts += [Fact(_("来源系统"), "", words.local(one, "name")) for one in [resource.system] if one.named]
    return Step(
        "gather",
        _("%(n)s 行入库") % {"n": f"{reading.get('rows', version.rows):,}"},
        words.local(version.dataset.provider, "name"),
        facts,
        stored,
    )


def _reading_note(reading: dict) -> str:  # type: ignore[type-arg]
    said = [str(reading.get("format") or "").upper(), str(reading.get("encoding") or "").upper()]
    if reading.get("bytes"):
        said.append(f"{reading['bytes'] / 1_000_000:.1f} MB")
    return " / ".join(part for part in said if part)


def _catalogue(version: Version) -> Step:
    columns = version.columns
    described = sum(1 for c in columns if c.get("description") or c.get("title"))
    full = described == len(columns)
    missing = [c["name"] for c in columns if not (c.get("description") or c.get("title"))]
    facts = [
        Fact(
            _("有说明的列"),
            f"{described} / {len(columns)}",
            "" if full else _("还缺：%(names)s") % {"names": _joined(missing)},
        ),
        Fact(_("主键"), _joined(version.key) or "—", _("同一主键只有一行") if version.key else _("没有声明主键")),
        Fact(_("有代码表的列"), str(sum(1 for c in columns if c.get("codes"))), _("代码与含义见数据字典")),
    ]
    what = _("目录 %(n)s 项齐全") if full else _("目录 %(n)s 项，缺说明 %(m)s 项")
    return Step(
        "catalogue",
        what % {"n": len(columns), "m": len(missing)},
        _("按数据契约"),
        facts,
        link=("#dictionary", _("数据字典")),
    )


def _classify(version: Version) -> Step:
    levels = Counter(c.get("level") or 1 for c in version.columns)
    known = sum(1 for c in version.columns if c.get("semantic_type"))
    if set(levels) <= {1}:
        what = _("公开 %(n)s 列均 1 级") % {"n": len(version.columns)}
    else:
        what = _("原为最高 %(level)s 级，%(n)s 列") % {"level": max(levels), "n": levels[max(levels)]}
    facts = [
        Fact(_("%(level)s 级") % {"level": level}, _columns(n), _level_note(level))
        for level, n in sorted(levels.items())
    ]
    facts.append(Fact(_("认出含义的列"), str(known), _("由程序按取值与列名识别，契约确认")))
    return Step(
        "classify",
        what,
        _("逐列定级"),
        facts[:3],
    )


def _level_note(level: int) -> str:
    return _("可向所有人公开") if level == 1 else _("保护之后才公开，见“护”")


def _check(version: Version) -> Step:
    quality = version.quality
    findings = sorted(quality.get("findings", []), key=lambda f: -(f.get("rows_total") or 0))
    kinds = len({f["kind"] for f in findings})
    total = terms.quality_total(quality)
    if total is None:
        what = _("未评分")
    else:
        what = _("质量 %(score)s，问题 %(n)s 类") if kinds else _("质量 %(score)s，无问题")
        what = what % {"score": score(total), "n": kinds}
    facts = [
        Fact(
            f"{f['column']} {words.FINDINGS.get(f['kind'], f['kind'])}"
            if f.get("column")
            else str(words.FINDINGS.get(f["kind"], f["kind"])),
            _rows(f.get("rows_total") or 0),
            words.local(f, "message"),
        )
        for f in findings[:3]
    ]
    return Step(
        "check",
        what,
        _("%(n)s 条规则") % {"n": quality.get("rules", 0)},
        facts or [Fact(_("没有发现问题"), "", _("全部规则通过"))],
        link=("#quality", _("全部问题与六个维度")),
    )


def _protect(version: Version) -> Step:
    treated = [c for c in version.columns if (c.get("protection") or {}).get("method", "keep") != "keep"]
    facts = [Fact(c["name"], "", words.protection(c)) for c in treated[:2]]
    if version.dropped:
        facts.insert(
            0, Fact(_("不公开的列"), str(version.dropped), _("列名与内容都不出现在任何公开文件、接口与检索里"))
        )
    if version.dropped and treated:
        what = _("%(n)s 列不公开，%(m)s 列处理") % {"n": version.dropped, "m": len(treated)}
    elif version.dropped:
        what = _("%(n)s 列不公开") % {"n": version.dropped}
    elif treated:
        what = _("%(n)s 列已处理") % {"n": len(treated)}
    else:
        what = _("无需保护")
    if share := version.reading.get("sample_share"):
        note = _("由密钥抽出，每一版抽中的是同样的行")
        facts.insert(0, Fact(_("只公开一部分行"), f"{share:.0%}", note))
    suppressed = version.reading.get("suppressed", 0)
    if suppressed:
        note = _("与它们同类的行数不到门限，怕认出具体的人")
        facts.insert(0, Fact(_("整行不公开"), _rows(suppressed), note))
    who = _joined(sorted({str(words.PROTECTIONS.get(c["protection"]["method"], "")) for c in treated})) or (
        _("已去除") if version.dropped else _("各列均可原样公开")
    )
    return Step(
        "protect",
        what,
        who,
        facts or [Fact(_("各列原样公开"), "", _("没有一列说的是具体的人"))],
    )


def _release(version: Version) -> Step:
    current = version.state == Version.State.PUBLISHED
    facts = [
        Fact(_("公开的行"), f"{version.rows:,}", _("%(n)s 列") % {"n": len(version.columns)}),
        Fact(_("湖快照"), "", version.snapshot),
    ]
    if agreed := history.approvals([version]).get(version.pk):
        facts.insert(1, Fact(_("审核"), "", _joined(agreed)))
    return Step(
        "release",
        _("第 %(n)s 版，已发布") % {"n": version.number}
        if current
        else _("第 %(n)s 版，已撤回") % {"n": version.number},
        _("版本不再改动"),
        facts,
        version.published_at,
        link=("#versions", _("全部版本")),
    )


def _use(version: Version) -> Step:
    name = version.dataset.name
    downloads = queries.uses([name], queries.DOWNLOAD).get(name, 0)
    calls = queries.uses([name], queries.QUERY).get(name, 0)
    total = downloads + calls
    return Step(
        "use",
        _("近 30 天 %(n)s 次") % {"n": f"{total:,}"} if total else _("近 30 天还没有人用"),
        _("下载 %(d)s，接口 %(c)s") % {"d": f"{downloads:,}", "c": f"{calls:,}"},
        [Fact(_("下载"), f"{downloads:,}", _("各种格式合计")), Fact(_("接口"), f"{calls:,}", _("行查询次数"))],
        state="done" if total else "now",
    )


def _account(version: Version, said: dict[str, Any]) -> Step:
    answered = said["reports"] - said["open"]
    ratings = _("%(n)s 人评分") % {"n": said["ratings"]}
    if said["mean"] is not None:
        ratings = _("%(mean)s 星，%(n)s 人评分") % {"mean": f"{said['mean']:.1f}", "n": said["ratings"]}
    what = _("报告 %(n)s 件，已答复 %(m)s 件") % {"n": said["reports"], "m": answered}
    return Step(
        "account",
        what if said["reports"] else (ratings if said["ratings"] else _("还没有意见")),
        ratings if said["reports"] and said["ratings"] else _("读者报告与评分"),
        [
            Fact(_("问题报告"), str(said["reports"]), _("待答复 %(n)s 件") % {"n": said["open"]}),
            Fact(_("评分"), str(said["ratings"]), _("满 3 人才显示平均分")),
        ],
        state="done" if said["reports"] or said["ratings"] else "todo",
        link=(reverse("problem_reports", args=[version.dataset.name]), _("问题报告")),
    )


def _rows(number: int) -> str:
    return _("%(n)s 行") % {"n": f"{number:,}"}


def _columns(number: int) -> str:
    return _("%(n)s 列") % {"n": number}


def _joined(names: list[str]) -> str:
    mark = ", " if words.english() else "、"
    return mark.join(names[:6]) + ("…" if len(names) > 6 else "")
