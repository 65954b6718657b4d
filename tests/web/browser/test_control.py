"""A whole picture is a doubt of its own, answered by one key, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oneclick.storage import control_outcomes
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage
from tests.web.browser.keyboard import doubt_text, press, saved, see, strike
from tests.web.browser.review_site import FRAMES, ReviewSite

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReviewSite]:
    share = 1 / FRAMES
    with ReviewSite(tmp_path / "home", 1, local={"control": share}).served() as served:
        yield served


def test_a_whole_picture_is_answered_by_one_key(open_page: OpenPage, site: ReviewSite) -> None:
    clip = site.clips[0].id
    page = open_page(f"/clip/{clip}")
    for _ in range(20):
        if "Is everything right in this picture?" in doubt_text(page):
            break
        press(page, "n")
    assert "Is everything right in this picture?" in doubt_text(page)
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
