"""A whole picture is a doubt of its own, answered by one key, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from oneclick.editing.operations import AnswerQuestion
from oneclick.storage import control_outcomes
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage
from tests.web.browser.keyboard import doubt_text, press, saved, see, strike
from tests.web.browser.review_site import FRAMES, ReviewSite

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReviewSite]:
    share = 4 / FRAMES
    with ReviewSite(tmp_path / "home", 1, local={"control": share}).served() as served:
        yield served


def open_picture(open_page: OpenPage, site: ReviewSite) -> Page:
    """Open the clip at the first picture that is looked at as a whole."""
    page = open_page(f"/clip/{site.clips[0].id}")
    for _ in range(20):
        if "Is everything right in this picture?" in doubt_text(page):
            break
        press(page, "n")
    assert "Is everything right in this picture?" in doubt_text(page)
    return page


def test_a_picture_is_wrong_where_something_was_changed_in_it_alone(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_picture(open_page, site)
    press(page, "Space")
    saved(page)  # the labels are those of the server from here on, not those of before
    press(page, "ArrowDown", "e", "ArrowRight", "Enter", "Space")
    saved(page)
    press(page, "ArrowDown", "e", "ArrowRight", "Enter", "z", "Space")
    saved(page)
    press(page, "Space")
    saved(page)
    operations = site.journal(site.clips[0].id)
    answers = [each.answer for each in operations if isinstance(each, AnswerQuestion)]
    assert answers == ["right", "wrong", "right", "right"]


def test_a_whole_picture_is_answered_by_one_key(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_picture(open_page, site)
    press(page, "Space")
    saved(page)
    press(page, "Enter")
    see(page.get_by_role("dialog"))
    strike(page, "Enter")
    root = site.workspace.review_dir()
    wait_until(lambda: control_outcomes.read_all(root))
    (outcome,) = control_outcomes.read_all(root)
    assert (outcome.by, len(outcome.frames), outcome.missed) == ("anna", 1, 0)
    assert outcome.boxes >= 1
