"""The figures of a preview in words: the risk, the groups, what is lost, and what other ways would bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gongshu.tables.contract import Contract
from gongshu.tables.identifiers import limits
from gongshu.web import drawing, words

STEPS = {
    "read": gettext_lazy("读取文件"),
    "check": gettext_lazy("质量检核"),
    "protect": gettext_lazy("字段保护"),
    "risk": gettext_lazy("计算风险"),
    "compare": gettext_lazy("比较别的做法"),
    "keep": gettext_lazy("存好结果"),
}
MOST_OFF = 0.0005  # a mean that is off by less reads as the same


@dataclass(frozen=True)
class Groups:
    """How many rows have how many alike: the drawing and its table."""

    picture: SafeString
    rows: list[tuple[str, float, float]]


def threshold() -> int:
    """The fewest rows that must be alike before they may be public."""
    return int(limits()["k"])


def groups(risk: dict[str, Any]) -> Groups | None:
    """The histogram before and after; None where no person could be recognised before."""
    before, after = risk.get("before"), risk.get("after")
    if not before or "histogram" not in before:
        return None
    bins = before["histogram"]
    shares = [_shares(each["histogram"]) if each else [0.0] * len(bins) for each in (before, after)]
    names = [_bin(each["from"], each["to"]) for each in bins]
    threshold = (after or before)["threshold"]
    mark = next((i for i, each in enumerate(bins) if each["from"] >= threshold), len(bins))
    label = _("每行有多少行与它同类：处理前与处理后各占全部行的百分比，门限 %(k)s") % {"k": threshold}
    picture = drawing.paired_bars(names, shares[0], shares[1], mark, label)
    return Groups(picture, list(zip(names, *shares, strict=True)))


def limits_in_words(risk: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Every measure that a release is held to: its name, its value, its limit, whether it is kept."""
    if not risk or "over" not in risk:
        return []
    most, over = limits(risk.get("scene")), {(one["measure"], one["column"]) for one in risk["over"]}
    found = [
        (_("最小同类行数 k"), str(risk["k"]), _("不少于 %(n)s") % {"n": most["k"]}, ("k", None)),
        (
            _("单人最大被认出概率"),
            f"{risk['prosecutor_max']:.2%}",
            _("不超过 %(n)s") % {"n": f"{most['prosecutor_max']:.0%}"},
            ("prosecutor_max", None),
        ),
        (
            _("平均被认出概率"),
            f"{risk['prosecutor_mean']:.2%}",
            _("不超过 %(n)s") % {"n": f"{most['prosecutor_mean']:.0%}"},
            ("prosecutor_mean", None),
        ),
    ]
    for column, value in risk.get("l", {}).items():
        limit = _("l 不少于 %(l)s，或 t 不超过 %(t)s") % {"l": most["l"], "t": most["t"]}
        said = _("l = %(l)s，t = %(t)s") % {"l": value, "t": round(risk["t"][column], 3)}
        found.append((_("“%(c)s”在一组里的分布") % {"c": column}, said, limit, ("l", column)))
    return [
        {"name": name, "value": value, "limit": limit, "kept": key not in over} for name, value, limit, key in found
    ]


def losses(checked: dict[str, Any], means: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What the public could ask of the rows as they came, and what is left of it: question, answer, note."""
    found = [_loss(entry) for entry in checked["lost"]]
    if checked["suppressed"]:
        share = checked["suppressed"] / checked["rows_before"]
        note = _("少计 %(n)s 行（%(share)s）") % {"n": f"{checked['suppressed']:,}", "share": f"{share:.2%}"}
        found.append({"ask": _("全部有多少行"), "left": _("少计"), "note": note})
    for each in means:
        off = abs(each["after"] - each["before"]) / abs(each["before"]) if each["before"] else 0.0
        note = _("偏差 %(share)s") % {"share": f"{off:.1%}"} if off >= MOST_OFF else _("没有偏差")
        if each.get("deviation_before"):
            ratio = each["deviation_after"] / each["deviation_before"]
            note += _("；标准差为原来的 %(share)s") % {"share": f"{ratio:.0%}"}
        found.append({"ask": _("“%(c)s”的平均") % {"c": each["column"]}, "left": _("能"), "note": note})
    return found


def cost(checked: dict[str, Any]) -> dict[str, Any] | None:
    """What the protections cost in figures: the loss in the mean and by column, the worst first."""
    found = checked.get("utility")
    if not found or found["loss"] is None:
        return None
    return {**found, "columns": sorted(found["columns"].items(), key=lambda one: -one[1])}


def ways(variants: list[dict[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """The other ways to protect, each in words; the first is the present one. ``kept``: columns that it would publish as they
    are although their level does not allow it."""
    found = []
    for number, each in enumerate(variants):
        methods = {f.name: each["changes"].get(f.name, vars(f.protection))["method"] for f in contract.fields}
        kept = [f for f in contract.fields if methods[f.name] == "keep" and f.open_type != "unconditional"]
        found.append({**each, "number": number, "name": _way(each), "kept": len(kept)})
    return found


def _way(variant: dict[str, Any]) -> str:
    plain = {
        "own": _("现在的选择"),
        "proposals": _("全部用提议"),
        "suppress": _("过小的组整行不公开，其余相同"),
        "show": _("过小的组也公开，其余相同"),
    }
    if variant["kind"] in plain:
        return plain[variant["kind"]]
    if variant["kind"] == "best":
        changes = [
            _("“%(c)s”%(how)s") % {"c": name, "how": words.protection({"protection": protection}) or _("原样公开")}
            for name, protection in variant["changes"].items()
        ]
        return _("达到门槛而损失最小：%(changes)s") % {"changes": _("，").join(changes) or _("只调整过小的组")}
    if variant["kind"] == "partition":
        return _("把%(c)s一起划分，每组够数") % {"c": _("、").join(f"“{name}”" for name in variant["changes"])}
    name, protection = next(iter(variant["changes"].items()))
    if variant["kind"] == "without":
        return _("不公开“%(c)s”，其余相同") % {"c": name}
    return _("“%(c)s”改为%(how)s，其余相同") % {"c": name, "how": words.protection({"protection": protection})}


def _loss(entry: dict[str, Any]) -> dict[str, str]:
    method, params, column = entry["method"], entry["params"], {"c": entry["column"]}
    note = _("%(n)s 种取值剩 %(m)s 种") % {"n": entry["before"], "m": entry["after"]} if entry["before"] else ""
    cannot = _("不能")
    if method == "drop":
        if entry["identifies"]:
            return {"ask": _("同一“%(c)s”的多条记录") % column, "left": cannot, "note": _("无法相连，有意如此")}
        return {"ask": _("按“%(c)s”查找或统计") % column, "left": cannot, "note": _("这一列不公开")}
    if method == "keyed_hash":
        return {"ask": _("“%(c)s”本来是什么") % column, "left": cannot, "note": _("取值相同的记录仍能相连")}
    if method == "mask":
        return {"ask": _("按完整的“%(c)s”查找") % column, "left": cannot, "note": note}
    if method == "generalise_date":
        to = {
            "decade": _("只到十年"),
            "year": _("只到年"),
            "half": _("只到半年"),
            "quarter": _("只到季度"),
            "month": _("只到月"),
            "day": _("只到日"),
        }[params["to"]]
        return {"ask": _("按“%(c)s”逐日看变化") % column, "left": to, "note": note}
    if method == "generalise_division":
        to = {"district": _("只到区"), "city": _("只到市"), "province": _("只到省")}[params["to"]]
        return {"ask": _("“%(c)s”里更小的地方") % column, "left": to, "note": note}
    if method == "generalise_address":
        to = {"road": _("只到路"), "street": _("只到街道")}[params["to"]]
        return {"ask": _("“%(c)s”里的门牌") % column, "left": to, "note": note}
    if method == "generalise_industry":
        to = {"section": _("只到门类"), "division": _("只到大类"), "group": _("只到中类")}[params["to"]]
        return {"ask": _("“%(c)s”的细类") % column, "left": to, "note": note}
    if method == "partition":
        return {"ask": _("按准确的“%(c)s”统计") % column, "left": _("只到同组的范围"), "note": note}
    if method == "tokenise":
        kept = _("取值相同的记录仍能相连；有还原权的安全员可以还原，会留记录")
        return {"ask": _("“%(c)s”本来是什么") % column, "left": cannot, "note": kept}
    if method == "shuffle":
        return {
            "ask": _("某一行的“%(c)s”是多少") % column,
            "left": cannot,
            "note": _("只有整列的分布是真的，与别的列不再对应"),
        }
    if method == "noise":
        left = _("大致") + (f" ±{params['scale']}" if "scale" in params else "")
        return {"ask": _("“%(c)s”的准确数值") % column, "left": left, "note": _("合计与平均大致不变")}
    if method == "microaggregate":
        left = _("每 %(least)s 个的平均") % {"least": params["least"]}
        return {"ask": _("“%(c)s”的准确数值") % column, "left": left, "note": note}
    if method == "generalise_number":
        to = _("每档 %(width)s") % {"width": params["width"]} if "width" in params else _("只到档")
        return {"ask": _("“%(c)s”的准确数值与合计") % column, "left": to, "note": note}
    if method == "generalise_map":
        return {"ask": _("“%(c)s”的细类") % column, "left": _("只到大类"), "note": note}
    if method == "merge_rare":
        return {"ask": _("“%(c)s”里少见的值") % column, "left": _("只说“其他”"), "note": note}
    left = _("界限以内") if method == "clip" else _("取整")
    return {"ask": _("“%(c)s”的准确数值") % column, "left": left, "note": note}


def _shares(histogram: list[dict[str, Any]]) -> list[float]:
    total = sum(each["rows"] for each in histogram) or 1
    return [each["rows"] / total for each in histogram]


def _bin(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else str(low) if low == high else f"{low}–{high}"
