"""Findings in words: the title of a kind (for lists) and a sentence with counts and column names, never with values."""

from __future__ import annotations

from collections.abc import Sequence

from gongshu.i18n import gettext

_TITLES = {
    "not_null": "空值",
    "placeholder": "占位空值",
    "whitespace": "首尾空白",
    "full_width": "全角数字字母",
    "mojibake": "乱码",
    "masked": "已脱敏的值",
    "pattern": "不合格式",
    "length": "长度不对",
    "type": "不合类型",
    "in_set": "不在常见取值内",
    "constant_broken": "常量列有别的值",
    "range": "超出范围",
    "format": "写法不合或不一",
    "check_digit": "校验位不对",
    "cross_field": "先后颠倒",
    "agrees": "与证件号码不符",
    "swapped_axes": "经纬度互换",
    "out_of_bounds": "坐标越界",
    "outlier": "离群值",
    "unique": "应唯一而重复",
    "row_duplicate": "整行重复",
    "near_duplicate": "近似重复行",
    "inconsistent": "区划与坐标不符",
    "retired": "用了停用的代码",
    "date_format": "不是所写格式的日期",
    "reference": "别的表里没有",
    "row_count": "行数不对",
    "freshness": "过了更新期",
    "coverage_time": "缺时段",
    "coverage_division": "缺区划",
    "drift": "分布变了",
    "equality": "与别的表对不上",
    "sql": "不合 SQL 规则",
    "condition": "不合条件",
    "header_empty": "空表头",
    "header_repeated": "重复表头",
    "not_finite": "非有限数",
}
_RULES = {
    "not_null": "不为空",
    "placeholder": "不写占位的字",
    "whitespace": "首尾无空白",
    "full_width": "数字字母用半角",
    "mojibake": "没有乱码",
    "masked": "查已脱敏的值",
    "pattern": "合格式",
    "length": "长度对",
    "type": "合类型",
    "in_set": "在取值表内",
    "constant_broken": "全列一值",
    "range": "在范围内",
    "format": "写法一致",
    "check_digit": "校验位对",
    "cross_field": "先后有序",
    "agrees": "与证件号码相符",
    "swapped_axes": "经纬度不互换",
    "out_of_bounds": "坐标在界内",
    "outlier": "查离群值",
    "unique": "唯一",
    "row_duplicate": "行不重复",
    "near_duplicate": "行不近似重复",
    "inconsistent": "区划与坐标相符",
    "retired": "不用停用的代码",
    "date_format": "是日期且照格式写",
    "reference": "在别的表里有",
    "row_count": "行数",
    "freshness": "按承诺更新",
    "coverage_time": "时段齐全",
    "coverage_division": "区划齐全",
    "drift": "分布没有大变",
    "equality": "与别的表相等",
    "sql": "SQL 规则",
    "condition": "条件成立",
    "foreign": "别家引擎的规则",
}
# what a rule of the whole table says of its measure
_MEASURES = {
    "row_count": "表有 {measured} 行，不合规则",
    "freshness": "最新的数据是 {measured} 天前的，过了承诺的更新频率",
    "coverage_time": "「{column}」缺 {measured} 个时段",
    "coverage_division": "「{column}」缺 {measured} 个区划",
    "drift": "「{column}」的分布与上一版相比变了（PSI {measured}）",
    "equality": "与别的表相差 {measured}",
    "sql": "SQL 规则得 {measured}，不合规则",
}
_SENTENCES = {
    "not_null": "「{column}」有 {count} 格为空",
    "placeholder": "「{column}」有 {count} 格写着占位的字，视为空",
    "whitespace": "「{column}」有 {count} 格首尾有空白",
    "full_width": "「{column}」有 {count} 格写成全角数字或字母",
    "mojibake": "「{column}」有 {count} 格是乱码，多半转错过编码",
    "masked": "「{column}」有 {count} 格已经掩去一部分",
    "pattern": "「{column}」有 {count} 格不合格式",
    "length": "「{column}」有 {count} 格长度不对",
    "type": "「{column}」有 {count} 格不合类型",
    "in_set": "「{column}」有 {count} 格不在常见取值内",
    "constant_broken": "「{column}」几乎全列一值，{count} 格不同",
    "range": "「{column}」有 {count} 格超出范围",
    "format": "「{column}」有 {count} 格写法不合或与全列不一",
    "check_digit": "「{column}」有 {count} 格校验位不对",
    "cross_field": "「{columns}」有 {count} 行先后颠倒",
    "agrees": "「{columns}」有 {count} 行说的不一样",
    "swapped_axes": "「{columns}」有 {count} 行经纬度写反",
    "out_of_bounds": "「{column}」有 {count} 格坐标为零或远离其余",
    "outlier": "「{column}」有 {count} 格远离其余",
    "unique": "「{columns}」应唯一，{count} 行有重复",
    "retired": "「{column}」有 {count} 格用了停用的代码",
    "date_format": "「{column}」有 {count} 格不是所写格式的日期",
    "reference": "「{columns}」有 {count} 行的值在别的表里没有",
    "condition": "{count} 行不合条件",
    "row_duplicate": "{count} 行与别的行完全相同（不计编号列）",
    "near_duplicate": "{count} 行与别的行只差空格、标点或宽窄",
    "inconsistent": "「{columns}」有 {count} 行的区划与周围的点不符",
}


def kind_title(kind: str) -> str:
    """The short name of a kind of finding."""
    return gettext(_TITLES.get(kind, kind))


def rule_title(kind: str) -> str:
    """What a rule of this kind asks for, in a few words."""
    return gettext(_RULES.get(kind, kind))


def finding_message(
    kind: str,
    column: str | None,
    columns: tuple[str, ...],
    total: int,
    failed: int,
    *,
    groups: int | None = None,
    measured: float | None = None,
    missing: Sequence[str] = (),
) -> str:
    """The sentence for ``total`` rows of a finding; ``failed`` of them too many, where that differs.

    ``groups``: how many values repeat. ``measured``: what a rule of the whole table measured. ``missing``: what it missed, named.
    """
    said = {"column": column or "", "columns": gettext("」与「").join(columns), "count": f"{total:,}"}
    sentence = gettext(_SENTENCES.get(kind, "「{columns}」有 {count} 处不合规则"), **said)
    if measured is not None:
        sentence = gettext(_MEASURES.get(kind, "量得 {measured}，不合规则"), **said, measured=f"{measured:,.10g}")
    if groups:
        sentence += gettext(
            "（{groups} 个值重复，除每个值的第一行外 {excess} 行）", groups=f"{groups:,}", excess=f"{total - groups:,}"
        )
    if missing:
        sentence += gettext("：{missing}", missing=gettext("、").join(missing))
    return sentence
