"""Edits are never lost: offline, over reloads, with two pages on one clip."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from oneclick.editing.operations import MoveBox
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import (
    TIMEOUT,
    doubt_text,
    frame,
    go_to,
    painted,
    press,
    saved,
    see,
    select,
    strike,
)
from tests.web.browser.review_site import ReviewSite

pytestmark = pytest.mark.browser
OFFLINE = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_CONNECTION")


def open_clip(open_page: OpenPage, site: ReviewSite, **options: object) -> Page:
    page = open_page(f"/clip/{site.clips[0].id}", **options)
    painted(page)
    return page


def move(page: Page, track: int, at: int) -> None:
    """Move a box one px to the right."""
    select(page, track)
    go_to(page, at)
    press(page, "e", "ArrowRight", "Enter")


def test_edits_made_offline_arrive_when_the_network_is_back(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = [*OFFLINE]
    page, clip = open_clip(open_page, site), site.clips[0].id
    go_to(page, 9)
    go_to(page, 5)
    page.context.set_offline(True)
    move(page, 3, 5)
    press(page, "Shift+X")  # a dialog opens without the server too
    strike(page, "Escape")
    press(page, "z", "Shift+Z")
    expect(page.locator("#saved")).to_contain_text("offline, 3 kept here", timeout=TIMEOUT)
    assert site.journal(clip) == []
    page.context.set_offline(False)
    saved(page)
    assert [type(each).__name__ for each in site.journal(clip)] == ["MoveBox", "Undo", "Redo"]
    see(page.locator("#saved.ok"))


def test_a_reload_keeps_edits_place_and_undo(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = [*OFFLINE]
    page, clip = open_clip(open_page, site), site.clips[0].id
    move(page, 3, 5)
    saved(page)
    first = site.state(clip)
    move(page, 3, 12)
    press(page, "z")
    saved(page)
    # One more that never arrives before the page is closed.
    page.context.set_offline(True)
    move(page, 1, 12)
    expect(page.locator("#saved")).to_contain_text("offline", timeout=TIMEOUT)
    page.context.set_offline(False)
    page.reload()
    painted(page)
    saved(page)
    assert frame(page) == 12
    see(page.locator("#track-list [aria-current][data-track='1']"))
    assert [type(each).__name__ for each in site.journal(clip)] == [
        "MoveBox",
        "MoveBox",
        "Undo",
        "MoveBox",
    ]
    press(page, "z")
    saved(page)
    assert site.state(clip).to_document() == first.to_document()
    press(page, "z")
    saved(page)
    assert site.state(clip).tracks[2].origins == "u" * 40
    press(page, "Shift+Z*2")
    saved(page)
    assert isinstance(site.journal(clip)[-3], MoveBox) is False
    assert site.state(clip).tracks[0].keyframes == (12,)


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_two_pages_on_one_clip_show_both_versions(
    open_page: OpenPage, site: ReviewSite, watch: Watch, choice: str
) -> None:
    watch.expected = ["status of 409"]
    clip = site.clips[0].id
    page = open_clip(open_page, site)
    other = open_page(f"/clip/{clip}", name="bo")
    see(other.locator("#notice")).get_by_role("button").click()
    expect(other.locator("#notice")).to_be_hidden(timeout=TIMEOUT)
    move(other, 1, 5)
    saved(other)
    move(page, 3, 8)
    dialog = see(page.locator("dialog.conflict"))
    expect(dialog.locator("canvas")).to_have_count(2)
    expect(dialog).to_contain_text("move 3 @ 8")
    buttons = dialog.locator(".buttons button")
    buttons.nth(0 if choice == "mine" else 1).click()
    expect(dialog).to_have_count(0, timeout=TIMEOUT)
    saved(page)
    tracks = {"mine": [1, 3], "theirs": [1]}[choice]
    assert [each.track for each in site.journal(clip) if isinstance(each, MoveBox)] == tracks
    # Both versions are shown, whichever stands: the page agrees with the server.
    keys = [track.id for track in site.state(clip).tracks if track.keyframes]
    assert keys == tracks


def test_a_closed_tab_sends_its_last_edit(open_page: OpenPage, site: ReviewSite) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    move(page, 3, 5)
    page.close(run_before_unload=True)
    wait_until(lambda: len(site.journal(clip)) == 1)


def test_verdict_keys_do_not_repeat(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site)
    while "Check this" not in doubt_text(page):
        press(page, "n")
    hold_space = """() => {
      for (let k = 0; k < 5; k++) {
        const event = { key: " ", repeat: k > 0, bubbles: true, cancelable: true };
        document.getElementById("stage").dispatchEvent(new KeyboardEvent("keydown", event));
      }
    }"""
    painted(page)
    page.evaluate(hold_space)
    saved(page)
    assert len(site.journal(site.clips[0].id)) == 1
