"""What codes of harvesting are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

TROUBLES = {
    "no_identifier": gettext_lazy("没有标识：下次认不出是不是同一个"),
    "no_title": gettext_lazy("没有名称"),
    "unreadable": gettext_lazy("这条记录读不懂"),
    "twice": gettext_lazy("同一个标识在目录里出现两次，只收第一条"),
    "not_open": gettext_lazy("来源标明它不对公众开放"),
    "ours_address": gettext_lazy("它的地址指回本门户：是我们的数据绕了一圈回来"),
    "ours_title": gettext_lazy("与本市的数据集同名、同发布者"),
    "ours_alike": gettext_lazy("名称与列几乎和本市的数据集一样"),
    "listed_elsewhere": gettext_lazy("另一个门户已经列出同一个页面"),
    "not_text": gettext_lazy("该是文字，来的不是；照字面收下"),
    "too_long": gettext_lazy("太长：文字截短，网址不用"),
    "too_many": gettext_lazy("太多：只留前面的"),
    "bad_date": gettext_lazy("不是日期，或在将来；不用"),
    "bad_address": gettext_lazy("不是能用的网址；不用"),
}
NOTES = {
    "cut": gettext_lazy("目录没有读完，所以这次不把任何数据集标为缺。"),
    "few": gettext_lazy("少了一半以上的数据集，多半是来源出了差错，所以这次不把任何数据集标为缺。"),
}
FIELDS = {
    "title": gettext_lazy("名称"),
    "title_en": gettext_lazy("英文名称"),
    "summary": gettext_lazy("摘要"),
    "summary_en": gettext_lazy("英文摘要"),
    "publisher": gettext_lazy("发布者"),
    "licence": gettext_lazy("使用许可"),
    "language": gettext_lazy("语言"),
    "spatial": gettext_lazy("地域"),
    "keyword": gettext_lazy("关键词"),
    "column": gettext_lazy("列"),
    "issued": gettext_lazy("首次发布"),
    "modified": gettext_lazy("最近更新"),
    "landing_page": gettext_lazy("来源页面"),
    "distribution": gettext_lazy("文件地址"),
    "distributions": gettext_lazy("文件"),
    "remote_id": gettext_lazy("来源编号"),
}
