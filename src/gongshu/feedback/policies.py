"""What the state of a case allows, and how long what is written may be."""

from __future__ import annotations

from gongshu.feedback.models import Case
from gongshu.parties.models import Organisation
from gongshu.tables.errors import TableError

TITLE_LIMIT, TEXT_LIMIT, ANSWER_LIMIT, NOTE_LIMIT = 120, 2000, 4000, 500
OPEN = (Case.State.RECEIVED, Case.State.HANDLING)
# who can be asked: public bodies, neither users of data nor those who give data of their own
ASKED = (
    Organisation.Kind.DEPARTMENT,
    Organisation.Kind.DISTRICT,
    Organisation.Kind.PLATFORM,
    Organisation.Kind.REGULATOR,
)
PUBLIC_KINDS = (Case.Kind.DEMAND, Case.Kind.QUESTION)  # what the public may read once it was let
SAME_DAYS = 30  # the same words are not taken in a second time within


def check_open(row: Case) -> None:
    """TableError when the case has its answer already."""
    if row.state not in OPEN:
        raise TableError("answered_already", "这件事已有答复，请看最新状态")


def check_answered(row: Case) -> None:
    """TableError unless the case has an answer that nobody has judged yet."""
    if row.state != Case.State.ANSWERED:
        raise TableError("answer_first", "先答复，才能办结")


def can_judge(row: Case) -> bool:
    """Whether the asker may say what the answer was worth: while it waits for that, or when it was closed without."""
    return row.state == Case.State.ANSWERED or (row.state == Case.State.CLOSED and row.satisfied is None)


def text_within(text: str, limit: int, *, missing: str = "") -> str:
    """``text`` without blanks around it; TableError when it is too long, or with the words ``missing`` when there is none."""
    text = text.replace("\0", "").strip()  # PostgreSQL takes no zero byte
    if missing and not text:
        raise TableError("text_required", missing)
    if len(text) > limit:
        raise TableError("text_long", "说明请不超过 {limit} 字", limit=limit)
    return text
