"""The timeline in a real browser: a hit opened, a clip made, a trigger muted, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy
from oneclick.storage import incidents, mutes
from oneclick.storage.mutes import Mute
from tests.waits import wait_until
from tests.web import recordings
from tests.web.browser import timeline_site
from tests.web.browser.conftest import SHOTS, OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, see, strike
from tests.web.browser.lanes import choose_lane, settled
from tests.web.browser.review_site import ReviewSite
from tests.web.recordings import START, seconds
from tests.web.site import PASSWORDS

pytestmark = pytest.mark.browser
WINDOW = f"start={seconds(-10):.0f}&stop={seconds(80):.0f}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ReviewSite]:
    with timeline_site.served(tmp_path / "home") as site:
        yield site


def shoot(page: Page, name: str) -> None:
    """Write a picture of the page for people to look at, where they ask for it."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def shown_frame(page: Page) -> int:
    """Return the frame number that is burnt into the picture of the moment."""
    data = page.evaluate(
        "() => { const c = document.getElementById('picture'); const p = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height); return [c.width, c.height, [...p.data]]; }"
    )
    width, height, values = data
    image = np.array(values, np.uint8).reshape(height, width, 4)[..., :3]
    return recordings.number_of(image)


def test_a_hit_is_opened_by_keyboard_at_its_frame_with_its_reason(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page(f"/timeline/hall?{WINDOW}")
    settled(page)
    choose_lane(page, "jump")
    strike(page, "Enter")
    picture = page.locator("#picture")
    expect(picture).to_have_attribute("data-frame", "300", timeout=TIMEOUT)
    see(page.locator("#moment-hits").get_by_text("the box jumps 80 px"))
    assert shown_frame(page) == 300
    strike(page, "f")
    expect(picture).to_have_attribute("data-frame", "301", timeout=TIMEOUT)
    shoot(page, "timeline_camera")


def test_the_link_of_a_hit_leads_to_its_frame(open_page: OpenPage, site: ReviewSite) -> None:
    from oneclick import report

    newest = report.hits(site.home, camera="hall", limit=1)[0]
    page = open_page(newest.link)
    expect(page.locator("#picture")).to_have_attribute("data-frame", "300", timeout=TIMEOUT)
    see(page.locator("#moment-hits").get_by_text(newest.why))


def test_a_link_keeps_its_window_though_the_extent_of_all_recordings_comes_late(
    open_page: OpenPage, site: ReviewSite
) -> None:
    from oneclick import report

    newest = report.hits(site.home, camera="hall", limit=1)[0]
    page, held = open_page("/"), list[Route]()
    page.route("**/api/timeline/extent", lambda route: held.append(route))
    page.goto(site.origin + newest.link)
    expect(page.locator("#range")).to_contain_text("10 min")
    with page.expect_response("**/api/timeline/extent"):
        held[0].continue_()
    page.evaluate("() => new Promise(requestAnimationFrame)")
    settled(page)
    expect(page.locator("#range")).to_contain_text("10 min")


def test_a_click_goes_to_the_frame_and_a_hover_tells_the_reason(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page(f"/timeline/hall?{WINDOW}")
    settled(page)
    box = page.locator(".lanes-canvas").bounding_box()
    assert box is not None
    # The gutter is 168 px wide; the camera's row is 30 px high, below an axis of 30 px.
    x = box["x"] + 168 + (box["width"] - 168) * (30.1 + 10) / 90
    y = box["y"] + 30 + 30 + 18 + 9
    page.mouse.move(x, y)
    expect(page.locator(".lanes-tip")).to_contain_text("the box jumps 80 px")
    page.mouse.click(x, y)
    expect(page.locator("#picture")).to_have_attribute("data-frame", "300", timeout=TIMEOUT)
    page.mouse.wheel(0, -400)
    expect(page.locator("#range")).to_contain_text("33", timeout=TIMEOUT)


def test_a_span_becomes_a_clip_in_the_catalog(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected.append("409")
    page = open_page(f"/timeline/hall?{WINDOW}")
    settled(page)
    choose_lane(page, "flicker")
    strike(page, "c")
    see(page.get_by_text("is selected; the next run cuts it"))
    with Catalog.open(site.home) as catalog:
        (clip,) = catalog.selections()
    assert (clip.camera, clip.chosen_by) == ("hall", ChosenBy.VIEWER)
    assert clip.span.start <= 140 < clip.span.stop
    for _ in range(2):  # away from the hit: another span, which touches the clip
        strike(page, "ArrowRight")
    strike(page, "c")
    see(page.get_by_text(f"the clip {clip.id} is there already"))


def test_a_lead_mutes_a_trigger_and_lifts_it(open_page: OpenPage, site: ReviewSite) -> None:
    long = Mute(
        id="hall-long",
        camera="hall",
        trigger="jump",
        since=START,
        until=START.replace(year=2100),
        reason="the door swings",
        by="lea",
        at=START,
    )
    mutes.add(site.workspace, long)
    page = open_page(f"/timeline/hall?{WINDOW}", name="lea")
    settled(page)
    choose_lane(page, "flicker")
    strike(page, "m")
    see(page.get_by_text("For how long is flicker muted on hall?"))
    strike(page, "2")
    see(page.get_by_role("heading", name="Why is flicker muted on hall?"))
    page.keyboard.type("the lamp is broken")
    strike(page, "Enter")
    see(page.locator("#mute-list").get_by_text("the lamp is broken"))
    (mute,) = (each for each in mutes.load(site.workspace).all if each.id != long.id)
    assert (mute.camera, mute.trigger, mute.by) == ("hall", "flicker", "lea")
    assert (mute.until - mute.since).total_seconds() == 8 * 3600
    shoot(page, "timeline_muted")
    page.get_by_role("button", name="lift").click()  # there is one: the other has ended
    wait_until(lambda: mutes.find(site.workspace, long.id).lifted_by == "lea")


def test_an_incident_is_marked(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_page(f"/timeline/hall?{WINDOW}")
    settled(page)
    choose_lane(page, "jump")
    strike(page, "[")
    for _ in range(4):
        strike(page, "ArrowRight")
    strike(page, "]")
    expect(page.locator("#range")).to_contain_text("marked")
    strike(page, "i")
    page.keyboard.type("somebody fell")
    strike(page, "Enter")
    see(page.locator("#incident-list").get_by_text("somebody fell"))
    (incident,) = incidents.load(site.workspace)
    assert 2 < (incident.until - incident.since).total_seconds() < 5
    shoot(page, "timeline_incident")


def test_a_viewer_sees_blurred_frames_and_no_buttons_that_change(
    open_page: OpenPage, site: ReviewSite
) -> None:
    site_users(site)
    page = open_page(f"/timeline/hall?{WINDOW}", name="vera")
    settled(page)
    choose_lane(page, "jump")
    strike(page, "Enter")
    expect(page.locator("#picture")).to_have_attribute("data-frame", "300", timeout=TIMEOUT)
    assert page.get_by_role("button", name="make a clip").count() == 0
    assert page.get_by_role("button", name="mute here").count() == 0
    strike(page, "c")
    see(page.get_by_text("This needs another role than viewer"))
    with Catalog.open(site.home) as catalog:
        assert catalog.selections() == []
    pixels = page.evaluate(
        "() => { const c = document.getElementById('picture'); return [...c.getContext('2d')"
        ".getImageData(0, 0, c.width, 4).data]; }"
    )
    rows = np.array(pixels, int).reshape(4, recordings.WIDTH, 4)[..., 0]
    blocks = rows.reshape(4, -1, 4)
    assert blocks.std(axis=2).mean() < 6, "the bits of the number are not 10 px wide any more"
    shoot(page, "timeline_viewer")


def site_users(site: ReviewSite) -> None:
    """Add a viewer."""
    from oneclick.web.accounts.users import Users

    Users(site.workspace).add("vera", "viewer", None, PASSWORDS.hash(site.password))


def test_all_cameras_are_one_page_in_both_languages_and_themes(
    open_page: OpenPage, site: ReviewSite
) -> None:
    page = open_page(f"/timeline?{WINDOW}", locale="de-DE")
    settled(page)
    see(page.get_by_role("heading", name="Alle Kameras"))
    strike(page, "Space")
    strike(page, "ArrowDown")
    shoot(page, "timeline_all_light")
    strike(page, "Shift+N")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    strike(page, "Shift+L")
    see(page.get_by_role("heading", name="All cameras"))
    shoot(page, "timeline_all_dark")
    strike(page, "w")
    expect(page.locator("#range")).to_contain_text("7 d", timeout=TIMEOUT)
    settled(page)
    shoot(page, "timeline_week")
    strike(page, "?")
    see(page.get_by_role("dialog").get_by_text("The next hit of the lane."))
    shoot(page, "timeline_keys")
    strike(page, "Escape")
    page.get_by_role("button", name="see").first.click()
    expect(page.locator("#picture")).to_have_attribute("data-frame", "0", timeout=TIMEOUT)


def test_a_picture_of_the_moment_is_a_jpeg_of_the_recording(site: ReviewSite) -> None:
    """The fixture's recordings carry their frame number, or the tests above prove nothing."""
    path = next(site.home.glob("videos/hall/*.mp4"))
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_POS_FRAMES, 37)
    has_frame, frame = reader.read()
    assert has_frame
    assert recordings.number_of(frame) == 37
