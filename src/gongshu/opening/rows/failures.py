"""What can be wrong with a question, as the interface says it: one shape of error, with what to do instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from gongshu.lake import serving
from gongshu.opening.rows.finding import NoDataset, StoppedError, WithdrawnError
from gongshu.opening.rows.values import BadQuestion
from gongshu.web.errors import envelope


class NotAllowed(Exception):
    """The address doesn't answer this method."""


class BodyTooLarge(Exception):
    """The question itself is too long."""


class TooOften(Exception):
    """The client asks more often than it may; carries after how many seconds it may again."""


@dataclass(frozen=True)
class Failure:
    """An answer that is an error."""

    status: int
    message: str
    code: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    retry_after: int | None = None

    @property
    def body(self) -> dict[str, Any]:
        """``{"error": {"code", "message", "where"}}``."""
        return envelope(self.status, self.message, code=self.code, where=self.where)


KNOWN = (
    BadQuestion, NoDataset, WithdrawnError, StoppedError, serving.ServingError, NotAllowed, BodyTooLarge, TooOften,
)  # fmt: skip


def failure(error: object) -> Failure:
    """The answer to one of the errors :data:`KNOWN`."""
    match error:
        case BadQuestion():
            return Failure(400, str(error), error.code, error.where)
        case NoDataset():
            return Failure(404, _("没有这个数据集或这一版"), where={"dataset": str(error)})
        case NotAllowed():
            return Failure(405, _("这个地址只回答 GET、HEAD 与 POST"))
        case WithdrawnError():
            return Failure(410, _("数据集已撤回：%(reason)s") % {"reason": error}, "withdrawn", {"dataset": error.name})
        case serving.CopyMissing():
            # the version is published, so its copy is on its way from the lake
            return Failure(503, _("这一版的服务副本正在重建，请稍后再试"), "rebuilding", retry_after=30)
        case serving.TooLarge():
            advice = _("一次给不了这么多：请减小 limit、用 select 少取几列，或用 dump 取全部")
            return Failure(413, advice, "too_large")
        case BodyTooLarge():
            return Failure(413, _("查询本身太长，最多 1 MB"), "too_large", {"parameter": "body"})
        case TooOften():
            seconds = int(str(error))
            message = _("请求太频繁了，请过 %(n)s 秒再来；要取全部请用 dump 或下载文件") % {"n": seconds}
            return Failure(429, message, retry_after=seconds)
        case StoppedError():
            return Failure(503, _("数据集已紧急停止提供，平台正在核查"), "stopped", {"dataset": str(error)})
        case serving.TooSlow():
            message = _("这个查询太慢，已经停下：请加筛选条件，或下载整个文件在本地查")
            return Failure(503, message, "too_slow", retry_after=30)
        case _:
            return Failure(503, _("同时查询的人太多，请过几秒再试"), "too_busy", retry_after=5)
