"""Two reviews of one clip, side by side: a lead compares and decides by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from oneclick.core.review import Verdict
from oneclick.stages import review, second_looks
from oneclick.storage import labels
from oneclick.storage.second_looks import SecondLooks
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage
from tests.web.browser.keyboard import TIMEOUT, see, strike
from tests.web.browser.review_site import NOON, ReviewSite

pytestmark = pytest.mark.browser


def looked_twice(site: ReviewSite) -> str:
    """Let anna accept a clip, and bo remove a person from it."""
    clip, home = site.clips[0].id, site.home
    review.give_verdict(home, [clip], "accept", "anna")
    review.collect_own(home, 1.0)
    queue = second_looks.queue_of(site.workspace)
    tracks = tuple(track for track in queue.task_labels(clip).tracks if track.id != 3)
    queue.submit(Verdict(clip=clip, decision="accept", by="bo", at=NOON, tracks=tracks))
    assert review.collect_own(home).failed == {}
    return clip


def test_a_lead_compares_two_reviews_and_lets_the_second_stand(
    open_page: OpenPage, site: ReviewSite, tmp_path: Path
) -> None:
    clip = looked_twice(site)
    page = open_page("/", name="lea")
    see(page.get_by_role("heading", name="Two reviews differ"))
    link = page.get_by_role("link", name=clip)
    link.focus()
    strike(page, "Enter")
    page.wait_for_url(f"**/look/{clip}", timeout=TIMEOUT)
    for side, boxes in ((0, 3), (1, 2)):
        overlay = page.locator(f"#overlay-{side}")
        expect(overlay).to_have_attribute("data-painted", f"0/{boxes}", timeout=TIMEOUT)
    see(page.get_by_role("button", name="only bo removed boxes"))
    strike(page, "f")
    expect(page.locator("#frame-number")).to_have_text("frame 1 / 39")
    strike(page, "n")
    expect(page.locator("#frame-number")).to_have_text("frame 0 / 39")
    page.locator("#keep-second").focus()
    strike(page, "Enter")
    see(page.get_by_text("Say why the clip is reopened."))
    page.keyboard.type("a shadow")
    page.locator("#keep-second").focus()
    strike(page, "Enter")
    see(page.get_by_text(f"{clip} is settled"))

    def newest() -> tuple[str, list[int]]:
        label_set = labels.latest(site.workspace, clip)
        assert label_set is not None
        return label_set.made_by, [track.id for track in label_set.tracks]

    wait_until(lambda: newest() == ("lea", [1, 2]), newest)
    assert SecondLooks(site.workspace).unsettled() == []


def test_an_annotator_sees_no_comparison(open_page: OpenPage, site: ReviewSite) -> None:
    clip = looked_twice(site)
    page = open_page("/", name="anna")
    see(page.locator("#next"))
    expect(page.locator("#looks")).to_be_hidden()
    assert page.request.get(f"{site.origin}/api/looks/{clip}").status == 403
