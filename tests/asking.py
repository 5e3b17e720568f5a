"""What the tests ask: cases and forms as a person sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from gongshu import clock
from gongshu.feedback import cases
from gongshu.feedback.models import Case
from gongshu.opening import guards


def stamped() -> str:
    """The stamp of a form that was opened ten seconds ago."""
    with clock.at(clock.now() - timedelta(seconds=10)):
        return guards.stamp()


def send(client: Client, where: str, /, **fields: str) -> Any:
    """Send a form as somebody who read its page first."""
    return client.post(where, {"stamp": stamped(), **fields})


def demand(title: str = "公交到站时间", **more: Any) -> Case:
    """A demand that somebody made."""
    asked = {"text": "每条线路每站的到站时间", "purpose": "做换乘提醒", "asker": "person"} | more
    return cases.ask(Case.Kind.DEMAND, cases.Asked(title=title, **asked))[0]
