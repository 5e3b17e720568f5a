"""Forms that anybody may send: how often, how fast, and what only a program fills in. No script, no third party."""

from __future__ import annotations

from django.core import signing
from django.http import HttpRequest

from gongshu import clock
from gongshu.opening.visitors import POT, browser_of, too_often, within
from gongshu.tables.errors import TableError

SALT = "gongshu.form"
QUICKEST, LONGEST = 3, 24 * 3600  # seconds between the page and what is sent: nobody writes faster, pages get old
LIMITS = {  # how often one address on the net, one browser, and one e-mail address, may send
    "case": "20/h/ip",
    "report": "10/h/ip",
    "offer": "5/h/ip",
    "reuse": "10/h/ip",
    "support": "60/h/ip",
    "form_browser": "10/h/key",
    "form_mail": "5/d/key",
}


class TooOften(Exception):
    """Somebody sends more than anybody may; its words are for the page, with status 429."""


def stamp() -> str:
    """When the page was given out, signed: the form sends it back."""
    return signing.dumps(round(clock.now().timestamp(), 1), salt=SALT)


def is_program(request: HttpRequest) -> bool:
    """Whether the field was filled that no human sees."""
    return bool(request.POST.get(POT))


def check_human_pace(request: HttpRequest) -> None:
    """TableError when the form came back faster than anybody writes, or so late that its page must be loaded again."""
    try:
        passed = clock.now().timestamp() - float(signing.loads(request.POST.get("stamp", ""), salt=SALT))
    except (signing.BadSignature, ValueError, TypeError):
        passed = LONGEST + 1
    if passed < QUICKEST:
        raise TableError("form_quick", "提交得太快了。请核对一遍，过几秒再提交，写的内容都还在")
    if passed > LONGEST:
        raise TableError("form_old", "这一页打开得太久了。请再提交一次，写的内容都还在")


def check_rate(request: HttpRequest, action: str, email: str = "") -> None:
    """Count what is sent; TooOften when it is too much for the address on the net, the browser or the e-mail address."""
    browser, email = browser_of(request), email.strip().lower()
    allowed = within(request, LIMITS, action)
    allowed = allowed and (not browser or within(request, LIMITS, "form_browser", f"{action}:{browser}"))
    allowed = allowed and (not email or within(request, LIMITS, "form_mail", email))
    if not allowed:
        raise TooOften(too_often())
