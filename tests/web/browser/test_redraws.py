"""Pages that draw their lists again while somebody presses a button or walks them by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.web.browser import timeline_site
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, see, strike
from tests.web.browser.lanes import settled
from tests.web.browser.review_site import ReviewSite
from tests.web.recordings import seconds

pytestmark = pytest.mark.browser
REFRESHES = 65_000
"""Milliseconds in which the queue is read three times."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReviewSite]:
    with timeline_site.served(tmp_path / "home") as site:
        yield site


def test_a_press_during_which_the_lanes_are_loaded_is_a_click(open_page: OpenPage) -> None:
    window = f"start={seconds(-10):.0f}&stop={seconds(80):.0f}"
    page = open_page(f"/timeline?{window}")
    settled(page)
    button = see(page.get_by_role("button", name="see").first)
    button.hover()
    page.mouse.down()
    strike(page, "w")
    expect(page.locator("#range")).to_contain_text("7 d", timeout=TIMEOUT)
    settled(page)
    page.mouse.up()
    expect(page.locator("#picture")).to_have_attribute("data-frame", "0", timeout=TIMEOUT)


def test_a_clip_that_is_not_ranked_yet_stands_in_the_queue(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page("/login")
    page.clock.install()
    figures = iter([(None, None), (4, 3.5)])

    def rank(route: Route) -> None:
        document = route.fetch().json()
        doubts, expected = next(figures, (4, 3.5))
        document["clips"][0] |= {"doubts": doubts, "expected": expected}
        route.fulfill(json=document)

    page.route("**/api/queue", rank)
    page.goto(site.origin)
    cells = page.locator("tbody tr").first.locator("td.number")
    expect(cells.nth(1)).to_have_text("…")
    expect(cells.nth(2)).to_have_text("…")
    page.clock.run_for(REFRESHES)
    expect(cells.nth(1)).to_have_text("4")
    expect(cells.nth(2)).to_have_text("3.5")
    page.unroute_all(behavior="wait")


def test_the_queue_comes_right_by_itself(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = ["error: "]
    page = open_page("/login")
    page.clock.install()
    page.route("**/api/queue", lambda route: route.fulfill(json={"clips": None}), times=1)
    page.goto(site.origin)
    expect(page.locator("#who")).to_contain_text("anna")
    page.clock.run_for(REFRESHES)
    see(page.locator("tbody a"))
    assert len(watch.complaints) == 1
    watch.complaints.clear()


def test_the_queue_keeps_the_focus_when_it_is_read_again(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page()
    page.clock.install()
    page.reload()
    row = page.locator("tbody a")
    expect(page.locator("#next")).to_be_focused()
    strike(page, "ArrowDown")
    expect(row).to_be_focused()
    open_page(f"/clip/{site.clips[0].id}", "bo").locator("#overlay[data-painted]").wait_for()
    page.clock.run_for(REFRESHES)
    see(page.locator("tbody").get_by_text("bo"))
    expect(row).to_be_focused()
