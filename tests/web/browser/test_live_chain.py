"""From a camera that speaks RTSP to the browser of who watches it: every part is the real one."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, ClipStage
from oneclick.stages import cut
from oneclick.storage import mutes
from tests.fakes import gstreamer
from tests.waits import wait_until
from tests.web import live_camera
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, see, strike
from tests.web.browser.lanes import choose_lane, settled
from tests.web.browser.live_canvas import READ_BITS, PaintedScene, held, read_scene
from tests.web.browser.live_site import CAMERA, LiveSite, Recorded, is_there

pytestmark = [pytest.mark.browser, pytest.mark.e2e]
NEAR = 3.0
"""Pixels from a side of the person to that of the box: H.264 has half as many of colours."""
EXACT = 1.0
"""Pixels between a stored box and the drawn one."""
LIT = 21
"""Pictures over which a lamp is looked for: in these the person is gone once."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    gstreamer.skip_where_missing()
    with LiveSite(tmp_path_factory.mktemp("live")).running() as site:
        yield site


@pytest.fixture(autouse=True)
def patience() -> None:
    """Let what is expected come late, on a busy machine."""
    expect.set_options(timeout=TIMEOUT)


@pytest.fixture
def watch(watch: Watch) -> Watch:
    watch.expected.append("willReadFrequently")  # what the tests do to see what is painted
    return watch


def tile(page: Page) -> Locator:
    """Return the only camera on the wall."""
    cameras = page.locator("#wall a")
    expect(cameras).to_have_count(1)
    return cameras


def open_camera(open_page: OpenPage, name: str = "anna") -> Page:
    """Open the page of the camera, and wait for a picture."""
    page = open_page(f"/live/{CAMERA}", name)
    expect(page.locator("#overlay")).to_have_attribute("data-painted", re.compile("ring/"))
    return page


def open_timeline(open_page: OpenPage, site: LiveSite, name: str) -> Page:
    """Open the timeline around the hit, and go to it in the lane of its trigger."""
    at = site.recorded.time_of(site.recorded.hit.span.start)
    page = open_page(f"/timeline/{CAMERA}?start={at - 4.9}&stop={at + 5.1}", name)
    settled(page)
    choose_lane(page, "flicker")
    return page


def is_close(box: tuple[float, ...], other: tuple[float, ...], distance: float) -> bool:
    return all(abs(a - b) <= distance for a, b in zip(box, other[:4], strict=True))


def check_truth(scene: PaintedScene) -> None:
    """Check that the box is where the person is in the picture of this number, or that none is."""
    assert (scene.box is not None) == is_there(scene.number), scene
    assert scene.box is None or is_close(scene.box, live_camera.box(scene.number), NEAR), scene


def check_stored(scene: PaintedScene, recorded: Recorded) -> None:
    """Check that the box is the one that is stored for the frame with this number."""
    rows = recorded.detections.rows(recorded.numbers.index(scene.number))
    boxes = recorded.detections.boxes[rows].tolist()
    assert len(boxes) == (scene.box is not None), scene
    assert scene.box is None or is_close(scene.box, boxes[0], EXACT), (scene, boxes)


def go_to(page: Page, time: float) -> PaintedScene:
    """Click on the line of time at unix seconds; return what is painted then."""
    strip = page.locator("#strip")
    start, stop = (float(strip.get_attribute(f"aria-value{end}") or 0) for end in ("min", "max"))
    place = strip.bounding_box()
    assert place is not None
    with page.expect_response("**/picture?time=*", timeout=TIMEOUT) as answer:
        page.mouse.click(
            place["x"] + place["width"] * (time - start) / (stop - start), place["y"] + 40
        )
    content = answer.value.body()
    (length,) = struct.unpack_from(">I", content)
    head = json.loads(content[4 : 4 + length])
    name = f"{head['source']}/{head['seq']}"
    expect(page.locator("#overlay")).to_have_attribute("data-painted", name)
    return read_scene(page)


def test_boxes_of_an_rtsp_camera_are_drawn_where_the_person_is(
    open_page: OpenPage, site: LiveSite
) -> None:
    page = open_page("/live")
    expect(tile(page)).to_contain_text(f"{CAMERA}▶ running")
    expect(page.locator("#count")).to_have_text("1 of 1 cameras run")
    expect(tile(page).locator("canvas").nth(1)).to_have_attribute("data-painted", re.compile(r"\d"))
    tile(page).click()
    expect(page).to_have_url(f"{site.origin}/live/{CAMERA}")
    expect(page.locator("#overlay")).to_have_attribute("data-painted", re.compile("ring/"))
    scenes = list[PaintedScene]()

    def see_next() -> bool:
        scenes.append(read_scene(page))
        return len({scene.number for scene in scenes}) == 20

    wait_until(see_next, site.log, pause=0.02)
    for scene in scenes:
        check_truth(scene)


def test_scrubbed_pictures_have_the_boxes_that_are_stored_for_their_frame(
    open_page: OpenPage, site: LiveSite
) -> None:
    recorded = site.recorded
    page = held(open_camera(open_page))

    def is_recorded() -> bool:
        # The ring grows meanwhile, and the line of time with it.
        at = recorded.time_of(recorded.hit.span.start)
        return go_to(page, at).number in recorded.numbers

    wait_until(is_recorded, site.log)
    scenes = list[PaintedScene]()
    while len(scenes) < 11 and (scene := read_scene(page)).number in recorded.numbers:
        scenes.append(scene)
        strike(page, ".")
        expect(page.locator("#overlay")).not_to_have_attribute("data-painted", scene.name)
    for scene in scenes:
        check_truth(scene)
        check_stored(scene, recorded)
    assert len({scene.number for scene in scenes}) == len(scenes)


def test_a_hit_is_opened_from_the_timeline_and_becomes_a_clip_in_the_catalog(
    open_page: OpenPage, site: LiveSite
) -> None:
    recorded = site.recorded
    hit = recorded.hit
    page = open_timeline(open_page, site, "anna")
    strike(page, "Enter")
    expect(page.locator("#picture")).to_have_attribute("data-frame", str(hit.span.start))
    see(page.locator("#moment-hits").get_by_text(hit.why))
    assert page.evaluate(READ_BITS) == recorded.numbers[hit.span.start]
    strike(page, "c")
    see(page.get_by_text("is selected; the next run cuts it"))
    assert not cut.cut(site.home, "cut").failed
    with Catalog.open(site.home) as catalog:
        (clip,) = catalog.clips(stage=ClipStage.CUT)
    assert (clip.clip.camera, clip.clip.chosen_by) == (CAMERA, ChosenBy.VIEWER)
    span = clip.clip.span
    assert span.start < hit.span.start < hit.span.stop < span.stop
    images = video.frames(site.workspace.clip_file(clip.clip.id))
    numbers = [live_camera.number_in(image) for image in images]
    assert numbers == recorded.numbers[span.start : span.stop]
    assert ("anna", "pick", clip.clip.id, "ok") in site.acts()


def test_a_muted_trigger_goes_out_on_the_wall_and_stands_in_the_audit_log(
    open_page: OpenPage, site: LiveSite
) -> None:
    wall = open_page("/live", "lea")
    expect(tile(wall)).to_contain_text("● flicker")
    page = open_timeline(open_page, site, "lea")
    strike(page, "m")
    see(page.get_by_text(f"For how long is flicker muted on {CAMERA}?"))
    strike(page, "2")
    see(page.get_by_role("heading", name=f"Why is flicker muted on {CAMERA}?"))
    page.keyboard.type("the lamp is broken")
    strike(page, "Enter")
    see(page.locator("#mute-list").get_by_text("the lamp is broken"))
    (mute,) = mutes.load(site.workspace).all
    assert (mute.camera, mute.trigger, mute.by) == (CAMERA, "flicker", "lea")
    assert ("lea", "mute", CAMERA, "ok") in site.acts()
    wait_until(lambda: not any(frame.lamps for frame in site.newest(LIT)), site.log)
    expect(tile(wall)).not_to_contain_text("flicker")


def test_each_role_sees_and_does_what_it_may(open_page: OpenPage, site: LiveSite) -> None:
    with Catalog.open(site.home) as catalog:
        before = [*catalog.clips(), *catalog.selections()]
    muted = mutes.load(site.workspace).all
    live = open_camera(open_page, "vic")
    expect(live.locator("#live-models")).to_contain_text("People are blurred for your role")
    check_truth(read_scene(held(live)))
    at = site.recorded.time_of(0)
    clip = {"start": at, "stop": at + 2}
    mute = {"key": "12345678", "trigger": "flicker", "start": at, "seconds": 60, "reason": "why"}
    for name, role, bodies in (
        ("vic", "viewer", {"clip": clip, "mute": mute}),
        ("anna", "annotator", {"mute": mute}),
    ):
        page = open_timeline(open_page, site, name)
        strike(page, "m")
        see(page.get_by_text(f"This needs another role than {role}"))
        for act, body in bodies.items():
            answer = page.request.post(f"{site.origin}/api/timeline/{act}/{CAMERA}", data=body)
            assert answer.status == 403, answer.text()
    with Catalog.open(site.home) as catalog:
        assert [*catalog.clips(), *catalog.selections()] == before
    assert mutes.load(site.workspace).all == muted


def test_who_has_not_the_camera_in_scope_sees_nothing_of_it(
    open_page: OpenPage, site: LiveSite, watch: Watch
) -> None:
    assert site.recorded
    page = open_page("/live", "otto")
    see(page.locator("#empty"))
    assert page.locator("#wall a").count() == 0
    watch.expected.append("404")
    for path in (f"/live/{CAMERA}", f"/timeline/{CAMERA}"):
        page.goto(site.origin + path)
        expect(page.locator("#notice")).to_have_text("there is no such camera")
    page.goto(f"{site.origin}/timeline")
    settled(page)
    assert "flicker" not in page.content()
    for path in ("live", "timeline/extent"):
        assert CAMERA not in page.request.get(f"{site.origin}/api/{path}").text()
    for path in (f"live/{CAMERA}/newest", f"timeline/moment/{CAMERA}?at=0"):
        assert page.request.get(f"{site.origin}/api/{path}").status == 404
