"""A lead opens what was published, by keyboard alone, and corrects it in another round."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.editing import operations
from oneclick.editing.history import History
from oneclick.editing.state import EditState, track_document
from oneclick.platforms.local.desk_records import DeskRecord
from oneclick.stages import publish, reopen
from oneclick.storage import datasets, labels, reopenings
from tests.waits import wait_until
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, go_to, painted, press, saved, see, select, strike
from tests.web.browser.review_site import ATTRIBUTES, CLASSES, FPS, ReviewSite, faulty_labels

pytestmark = pytest.mark.browser
NO_LEASE = "status of 404"
"""What the console says about a clip that does not wait."""


def accept(page: Page, site: ReviewSite, clip: str) -> None:
    """Accept the clip that is shown."""
    press(page, "Enter")
    see(page.get_by_role("dialog"))
    strike(page, "Enter")
    page.wait_for_url(lambda url: clip not in url, timeout=TIMEOUT)
    wait_until(lambda: site.stage(clip) is ClipStage.ACCEPTED)


def documents(state: EditState) -> object:
    return json.loads(json.dumps([track_document(track) for track in state.tracks]))


def test_a_published_clip_is_corrected_in_another_round_by_keyboard_alone(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = [NO_LEASE]
    clip = site.clips[0].id
    first = open_page(f"/clip/{clip}")
    painted(first)
    accept(first, site, clip)
    published = publish.publish(site.home, [clip], "", CLASSES)
    assert published.result.done == [clip]

    page = open_page(f"/clip/{clip}", name="")
    see(page.locator("#name"))
    page.keyboard.type("lea")
    strike(page, "Tab")
    page.keyboard.type(site.password)
    strike(page, "Enter")
    page.wait_for_url(f"**/clip/{clip}", timeout=TIMEOUT)
    painted(page)
    expect(page.locator("#notice")).to_contain_text("it was accepted and published")
    select(page, 3)
    press(page, "e")  # nothing begins while the clip is only shown
    press(page, "Shift+R")
    see(page.locator("dialog.chooser"))
    with page.expect_navigation(timeout=TIMEOUT):
        strike(page, "1")
    painted(page)
    expect(page.locator("#notice")).to_be_hidden(timeout=TIMEOUT)
    reopening = reopenings.find(site.workspace.review_dir(), clip)
    assert reopening is not None
    assert (reopening.round, reopening.by, reopening.reason) == (2, "lea", "Somebody is missing")
    assert site.stage(clip) is ClipStage.IN_REVIEW

    select(page, 3)
    go_to(page, 30)
    press(page, "e", "ArrowRight*6", "Alt+ArrowDown*2", "Enter")
    saved(page)
    accept(page, site, clip)
    original = EditState.from_labels(faulty_labels(clip), FPS, ATTRIBUTES)
    box = original.tracks[2].boxes[30].astype(float).tolist()
    moved = operations.MoveBox(3, 30, (box[0] + 6, box[1], box[2] + 6, box[3] + 2))
    corrected = labels.latest(site.workspace, clip)
    assert corrected is not None
    assert (corrected.made_by, corrected.revision, corrected.parent) == ("lea", 3, 2)
    found = json.loads(json.dumps([track_document(track) for track in corrected.tracks]))
    assert found == documents(History(original, [moved]).state)
    # The version of before stays as it is; the next one has the correction.
    version = datasets.find(site.workspace)
    assert version is not None
    assert [each.revision for each in version.clips] == [2]
    publish.publish(site.home, [clip], "", CLASSES)
    version = datasets.find(site.workspace)
    assert version is not None
    assert [each.revision for each in version.clips] == [3]
    with Catalog.open(site.home) as catalog:
        assert [row.by for row in catalog.verdicts()] == ["anna", "lea"]


def test_the_reviewer_sees_why_and_what_is_still_open(
    open_page: OpenPage, site: ReviewSite
) -> None:
    clip = site.clips[0].id
    first = open_page(f"/clip/{clip}")
    painted(first)
    expect(first.locator("#reopened")).to_be_hidden()
    press(first, "q")
    see(first.locator("dialog.chooser input"))
    first.keyboard.type("is this the nurse?")
    strike(first, "Enter")
    saved(first)
    accept(first, site, clip)
    reopen.reopen(site.home, clip, "lea", "<img src=x onerror=alert(1)> is missing")
    page = open_page(f"/clip/{clip}", name="bo")
    painted(page)
    line = page.locator("#reopened")
    expect(line).to_have_text("Reviewed again for lea: <img src=x onerror=alert(1)> is missing")
    expect(line.locator("*")).to_have_count(0)
    expect(page.locator("#comments-scope")).to_have_text("0 / 1")
    expect(page.locator("#comment-list li")).to_contain_text("anna")
    press(page, "Shift+C", "Shift+V")
    saved(page)
    assert site.stage(clip) is ClipStage.IN_REVIEW
    accept(page, site, clip)
    record = DeskRecord.load(site.workspace.review_dir() / "desk" / f"{clip}.2.json")
    assert record is not None
    assert [(each.by, each.resolved_by) for each in record.comments] == [("anna", "bo")]


def test_who_does_not_lead_cannot_reopen(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = [NO_LEASE]
    clip = site.clips[0].id
    page = open_page(f"/clip/{clip}")
    painted(page)
    accept(page, site, clip)
    other = open_page(f"/clip/{clip}", name="bo", locale="de-DE")
    painted(other)
    expect(other.locator("#notice")).to_contain_text("er wurde angenommen")
    expect(other.locator("#notice button")).to_have_count(0)
    press(other, "Shift+R")
    expect(other.locator("#toast")).to_contain_text("Wer leitet")
    expect(other.locator("dialog")).to_have_count(0)
    # A lead leaves the question unanswered: nothing is begun.
    lead = open_page(f"/clip/{clip}", name="lea")
    painted(lead)
    lead.locator("#notice button").click()
    see(lead.locator("dialog.chooser"))
    strike(lead, "Escape")
    expect(lead.locator("dialog")).to_have_count(0)
    assert reopenings.find(site.workspace.review_dir(), clip) is None
    assert site.stage(clip) is ClipStage.ACCEPTED
