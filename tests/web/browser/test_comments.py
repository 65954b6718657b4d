"""Comments on the page: written, resolved, undone, and read by whoever comes next."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from oneclick.core.clips import ClipStage
from oneclick.editing.operations import CommentSpan, ResolveComment, Undo
from oneclick.storage import labels
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import (
    TIMEOUT,
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


def open_clip(open_page: OpenPage, site: ReviewSite, **options: object) -> Page:
    page = open_page(f"/clip/{site.clips[0].id}", **options)
    painted(page)
    return page


def write(page: Page, text: str) -> None:
    """Write a comment about what is marked."""
    press(page, "q")
    see(page.locator("dialog.chooser input"))
    page.keyboard.type(text)
    strike(page, "Enter")
    saved(page)


def test_comments_are_written_resolved_and_read_by_keyboard_alone(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    page, clip = open_clip(open_page, site), site.clips[0].id
    expect(page.locator("#comments")).to_be_hidden()
    select(page, 1)
    go_to(page, 6)
    press(page, "[", "f*4", "]")
    write(page, "is <b>this</b> the nurse?")
    press(page, "Escape")
    go_to(page, 20)
    write(page, "z undoes nothing while I write")
    items = page.locator("#comment-list li")
    expect(items).to_have_count(2)
    expect(items.nth(0)).to_contain_text("is <b>this</b> the nurse?")
    expect(items.nth(0)).to_contain_text("Track 1 · frames 6–10 · anna")
    expect(page.locator("#comments-scope")).to_have_text("0 / 2")
    # The next open one is that at frame 6: it is resolved; then only the other one is left.
    press(page, "Shift+C")
    assert frame(page) == 6
    see(page.locator("#comment-list [aria-current]", has_text="nurse"))
    press(page, "Shift+V", "Shift+C")
    assert frame(page) == 20
    expect(page.locator("#comments-scope")).to_have_text("1 / 2")
    press(page, "Shift+V", "z")
    saved(page)
    first, second, *rest = site.journal(clip)
    assert isinstance(first, CommentSpan)
    assert isinstance(second, CommentSpan)
    assert (first.start, first.stop, first.track) == (6, 11, 1)
    assert (second.start, second.stop, second.track) == (20, 21, 1)
    assert rest == [ResolveComment(first.id, True), ResolveComment(second.id, True), Undo()]
    page.reload()
    painted(page)
    expect(items.nth(0)).to_contain_text("✓ anna")
    expect(items.nth(1)).to_contain_text("anna")
    # What is open is said before the clip is accepted; the labels are as they were sent.
    press(page, "Enter")
    see(page.get_by_role("dialog")).get_by_text("1 comments are open").wait_for()
    strike(page, "Enter")
    page.wait_for_url(lambda url: clip not in url, timeout=TIMEOUT)
    wait_until(lambda: site.stage(clip) is ClipStage.ACCEPTED)
    accepted = labels.latest(site.workspace, clip)
    assert accepted is not None
    assert [track.origins for track in accepted.tracks] == ["u" * 40] * 3
    watch.expected = ["status of 404"]  # what was decided has no lease
    other = open_clip(open_page, site, name="bo")
    see(other.locator("#comment-list", has_text="z undoes nothing while I write"))
    expect(other.locator("#comment-list .plain")).to_have_count(0)


def test_a_comment_is_left_unwritten_and_resolved_by_a_click(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_clip(open_page, site, locale="de-DE")
    press(page, "q")
    see(page.locator("dialog.chooser input"))
    strike(page, "Enter")  # nothing to save
    strike(page, "Escape")
    expect(page.locator("dialog")).to_have_count(0)
    press(page, "Shift+C")
    expect(page.locator("#toast")).to_contain_text("Kein Kommentar ist offen")
    write(page, "wer ist das?")
    page.get_by_role("button", name="Erledigen: wer ist das?").click()
    saved(page)
    expect(page.locator("#comments-scope")).to_have_text("1 / 1")
    page.get_by_role("button", name="Wieder öffnen: wer ist das?").click()
    saved(page)
    resolutions = [op for op in site.journal(site.clips[0].id) if isinstance(op, ResolveComment)]
    assert [each.resolved for each in resolutions] == [True, False]
