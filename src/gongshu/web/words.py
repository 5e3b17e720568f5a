"""What codes of the data plane are called on pages: storage and semantic types, protections, kinds of findings."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from gongshu.tables.errors import TableError

STORAGE = {
    "string": gettext_lazy("文本"),
    "int64": gettext_lazy("整数"),
    "float64": gettext_lazy("小数"),
    "decimal": gettext_lazy("定点小数"),
    "boolean": gettext_lazy("是否"),
    "date": gettext_lazy("日期"),
    "timestamp": gettext_lazy("时间"),
    "time": gettext_lazy("时刻"),
    "geometry": gettext_lazy("几何图形"),
}
OPEN_TYPES = {
    "unconditional": gettext_lazy("无条件开放"),
    "conditional": gettext_lazy("有条件开放"),
    "none": gettext_lazy("非开放"),
}
SUBJECTS = {
    "person": gettext_lazy("个人"),
    "organisation": gettext_lazy("组织"),
    "object": gettext_lazy("客体"),
    "mixed": gettext_lazy("组织与个人"),
}
PROTECTIONS = {
    "keep": gettext_lazy("原样公开"),
    "drop": gettext_lazy("不公开"),
    "mask": gettext_lazy("遮盖"),
    "keyed_hash": gettext_lazy("密钥哈希"),
    "tokenise": gettext_lazy("换成可还原的代号"),
    "generalise_date": gettext_lazy("日期概化"),
    "generalise_number": gettext_lazy("数值分档"),
    "generalise_division": gettext_lazy("区划概化"),
    "generalise_address": gettext_lazy("地址概化"),
    "generalise_industry": gettext_lazy("行业概化"),
    "generalise_map": gettext_lazy("按层次归并"),
    "merge_rare": gettext_lazy("少见的值并为“其他”"),
    "microaggregate": gettext_lazy("相近的数取平均"),
    "partition": gettext_lazy("多列一起划分"),
    "clip": gettext_lazy("截尾"),
    "round": gettext_lazy("取整"),
    "noise": gettext_lazy("加噪声"),
    "shuffle": gettext_lazy("打乱次序"),
}
FINDINGS = {
    "not_null": gettext_lazy("空值"),
    "unique": gettext_lazy("值重复"),
    "pattern": gettext_lazy("写法不合规则"),
    "in_set": gettext_lazy("不在代码表"),
    "range": gettext_lazy("超出范围"),
    "format": gettext_lazy("格式不一"),
    "length": gettext_lazy("长度不符"),
    "check_digit": gettext_lazy("校验码不符"),
    "cross_field": gettext_lazy("列间不合逻辑"),
    "agrees": gettext_lazy("与证件号码不符"),
    "reference": gettext_lazy("引用不到"),
    "row_duplicate": gettext_lazy("完全重复行"),
    "near_duplicate": gettext_lazy("近似重复行"),
    "placeholder": gettext_lazy("占位空值"),
    "full_width": gettext_lazy("全角数字"),
    "whitespace": gettext_lazy("首尾空白"),
    "mojibake": gettext_lazy("乱码"),
    "out_of_bounds": gettext_lazy("坐标越界"),
    "swapped_axes": gettext_lazy("经纬度互换"),
    "inconsistent": gettext_lazy("前后不一致"),
    "constant_broken": gettext_lazy("常量列被改"),
    "outlier": gettext_lazy("离群值"),
    "masked": gettext_lazy("来源已遮盖"),
    "coverage": gettext_lazy("覆盖不全"),
    "type": gettext_lazy("类型不符"),
}
SEVERITIES = {
    "error": gettext_lazy("错误"),
    "warning": gettext_lazy("警告"),
    "info": gettext_lazy("提示"),
}
FLOW = {
    "gather": ("聚", gettext_lazy("汇聚")),
    "catalogue": ("编", gettext_lazy("编目")),
    "classify": ("识", gettext_lazy("分级")),
    "check": ("验", gettext_lazy("检核")),
    "protect": ("护", gettext_lazy("保护")),
    "release": ("放", gettext_lazy("开放")),
    "use": ("用", gettext_lazy("使用")),
    "account": ("评", gettext_lazy("评价")),
}
FLOW_PLAIN = {
    "gather": gettext_lazy("部门交来的原始文件原样存进湖里，一行不丢，以后随时可以核对。"),
    "catalogue": gettext_lazy("写明每一列是什么意思、什么单位、多久更新、由谁负责。"),
    "classify": gettext_lazy("逐列判断说的是谁、泄露了会怎样；级别最高的一列决定怎么保护。"),
    "check": gettext_lazy("用规则逐行核对：空值、重复、校验码、代码、坐标。发现的问题照实写出来。"),
    "protect": gettext_lazy("会伤害到人的内容在公开之前去掉或改粗，去掉的不再出现在任何地方。"),
    "release": gettext_lazy("一个版本发布后就不再改动；更正会成为下一个版本，旧版仍可核对。"),
    "use": gettext_lazy("每一次下载与调用都记入防篡改日志，只记次数，不记是谁看了哪一行。"),
    "account": gettext_lazy("读者提出的问题、异议与更正都会列在这里，连同答复的时间。"),
}
CONTRACT = {
    "title": gettext_lazy("名称"),
    "summary": gettext_lazy("摘要"),
    "topic": gettext_lazy("专题"),
    "licence": gettext_lazy("使用许可"),
    "update_frequency": gettext_lazy("更新频率"),
}
JOB_STEPS = {
    "read": gettext_lazy("读取文件"),
    "raw": gettext_lazy("原始数据入湖"),
    "check": gettext_lazy("质量检核"),
    "protect": gettext_lazy("字段保护"),
    "commit": gettext_lazy("写入公开表"),
    "serve": gettext_lazy("生成服务副本"),
    "release": gettext_lazy("发布"),
    "index": gettext_lazy("更新检索"),
    "type": gettext_lazy("判断类型"),
    "recognise": gettext_lazy("识别含义"),
    "count": gettext_lazy("统计各列"),
    "risk": gettext_lazy("计算个人风险"),
    "compare": gettext_lazy("比较其他做法"),
    "keep": gettext_lazy("保存预览"),
    "fetch": gettext_lazy("读取目录"),
    "match": gettext_lazy("逐条核对"),
    "missing": gettext_lazy("查缺"),
}
JOB_KINDS = {  # the steps of each kind of job, in their order
    "publish": ("read", "raw", "check", "protect", "commit", "serve", "release", "index"),
    "inspect": ("read", "type", "recognise", "count", "check"),
    "preview": ("read", "check", "protect", "risk", "compare", "keep"),
    "figures": ("read", "count"),
    "harvest": ("fetch", "match", "missing"),
}


def english() -> bool:
    """Whether the reader reads English."""
    return (get_language() or "").startswith("en")


def message_of(error: TableError) -> str:
    """What was wrong, in the reader's language."""
    return error.text(get_language() or "zh-hans")


def local(thing: Any, name: str) -> str:
    """The words ``name`` of a row or a dict in the reader's language; Chinese where there is no English."""

    def get(key: str) -> str:
        return str((thing.get(key) if isinstance(thing, dict) else getattr(thing, key, "")) or "")

    return (get(f"{name}_en") if english() else "") or get(name)


def protection(column: dict[str, Any]) -> str:
    """What was done to a column before it became public, in words; empty when nothing was."""
    done = column.get("protection") or {}
    method, params = done.get("method", "keep"), done.get("params") or {}
    if method == "keep":
        return ""
    words = str(PROTECTIONS.get(method, method))
    if method == "mask" and "kind" in params:
        kept = {
            "phone": _("留区号，手机留前 3 后 4 位"),
            "person_name": _("留第一个字"),
            "resident_id": _("留区划与出生年"),
            "bank_card": _("留后 4 位"),
            "email": _("留域名"),
            "plate": _("留省份与发牌机关"),
            "ip": _("留前两段"),
        }
        return f"{words}{_('，')}{kept.get(params['kind'], '')}"
    if method == "mask":
        return _("%(words)s，留前 %(first)s 位、后 %(last)s 位") % {
            "words": words,
            "first": params.get("keep_first", 0),
            "last": params.get("keep_last", 0),
        }
    to = {
        "decade": _("到十年"),
        "year": _("到年"),
        "half": _("到半年"),
        "quarter": _("到季度"),
        "month": _("到月"),
        "day": _("到日"),
        "province": _("到省"),
        "city": _("到市"),
        "district": _("到区"),
        "street": _("到街道"),
        "road": _("到路"),
        "section": _("到门类"),
        "division": _("到大类"),
        "group": _("到中类"),
    }.get(str(params.get("to", "")))
    if to:
        return f"{words}（{to}）" if not english() else f"{words} ({to})"
    if method == "merge_rare":
        return _("%(words)s，不足 %(least)s 行的") % {"words": words, "least": params.get("least", "")}
    if method == "microaggregate":
        return _("%(words)s，每 %(least)s 个") % {"words": words, "least": params.get("least", "")}
    if method == "partition":
        return _("%(words)s，每组不少于 %(k)s 行") % {"words": words, "k": params.get("k", "")}
    if method == "noise":
        return _("%(words)s，幅度 %(scale)s") % {"words": words, "scale": params.get("scale", "")}
    if "base" in params:
        return _("%(words)s，到 %(base)s 的倍数") % {"words": words, "base": params["base"]}
    if "edges" in params:
        return _("%(words)s，界限 %(edges)s") % {"words": words, "edges": ", ".join(map(str, params["edges"]))}
    if "width" in params:
        return _("%(words)s，每档 %(width)s") % {"words": words, "width": params["width"]}
    if method == "keyed_hash" and params.get("algorithm") == "sm3":
        return f"{words} (SM3)" if english() else f"{words}（SM3）"
    if method == "clip":
        ends = "–".join(str(params.get(name, "…")) for name in ("lowest", "highest"))
        return _("%(words)s，限于 %(ends)s") % {"words": words, "ends": ends}
    if "digits" in params:
        return _("%(words)s，保留 %(digits)s 位小数") % {"words": words, "digits": params["digits"]}
    return words
