"""The pages by which people, their rights and their work are looked after, for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import WINDOWS, Visitor
from tests.browser.test_browser import look, sign_in

SPORTS = "/account/people/sports"
PAGES = {
    "organisation-people": "/account/people",
    "organisation-new": "/account/people/new",
    "people": SPORTS,
    "organisation-edit": f"{SPORTS}/edit",
    "leave": f"{SPORTS}/walk-steward/leave",
    "remove-factors": f"{SPORTS}/walk-steward/factors",
    "tokens": "/account/tokens",
    "permissions": "/account/permissions",
    "inbox": "/account/inbox",
    "stops": "/stops",
    "synonyms": "/synonyms",
    "submissions": "/submissions",
}


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_pages_of_people_are_accessible_and_fit(
    visitor: Visitor, width: int, language: str, shots: Path | None
) -> None:
    page, tail, wrong = visitor.page(width=width, language=language), f"{width}-{language[:2]}", []
    sign_in(page)
    for name, address in PAGES.items():
        answer = page.goto(address)
        assert answer is not None and answer.status == 200, address
        wrong += look(page, shots, f"{name}-{tail}")
    page.goto(SPORTS)
    page.locator("input[name=display_name]").fill("王一")
    page.locator("input[name=email]").fill(f"w{tail}@example.org".lower())
    page.get_by_role("button", name="发出邀请" if language == "zh-CN" else "Send invitation").click()
    link = page.locator(".said .mono").inner_text()
    wrong += look(page, shots, f"invited-{tail}")
    stranger = visitor.page(width=width, language=language)
    stranger.goto(link[link.index("/account/") :])
    wrong += look(stranger, shots, f"invitation-{tail}")
    assert not wrong, "\n".join(wrong)
