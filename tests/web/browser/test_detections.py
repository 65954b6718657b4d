"""What models saw: drawn beside the labels, and what boxes set by pointer snap to."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from oneclick import design
from oneclick.core.detections import Detections
from oneclick.editing.operations import Box, DrawTrack, MoveBox
from oneclick.storage import predictions
from tests.web.browser.conftest import OpenPage, Watch
from tests.web.browser.keyboard import TIMEOUT, go_to, painted, press, saved, select
from tests.web.browser.review_site import CLASSES, FPS, FRAMES, PEOPLE, ReviewSite
from tests.web.browser.screen import on_screen

pytestmark = pytest.mark.browser
AT = 5
SHIFT = 4.0
"""px by which the rival sees people further to the right."""
COLOURED = """(colour) => {
  const canvas = document.getElementById("overlay");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const near = (k) => colour.every((value, c) => Math.abs(data[k + c] - value) < 12);
  let count = 0;
  for (let k = 0; k < data.length; k += 4) if (data[k + 3] > 150 && near(k)) count++;
  return count;
}"""
"""Counts pixels of a colour on the canvas of the boxes."""


def store(site: ReviewSite, model: str, person: int, shift: float = 0.0) -> None:
    """Store what a model saw of one person in every frame."""
    boxes = PEOPLE[person].boxes + np.array([shift, 0, shift, 0], np.float32)
    seen = Detections(
        frames=np.arange(FRAMES, dtype=np.int32),
        boxes=boxes,
        scores=np.full(FRAMES, 0.6, np.float32),
        classes=np.zeros(FRAMES, np.int16),
        length=FRAMES,
        fps=FPS,
        names=CLASSES,
    )
    path = site.workspace.clip_predictions(site.clips[0].id, model)
    predictions.save(path, seen, model, 0.5)


def seen(person: int, shift: float = 0.0) -> list[float]:
    """Return where a person is seen in the frame of the test."""
    box = PEOPLE[person].boxes[AT].astype(float).tolist()
    return [box[0] + shift, box[1], box[2] + shift, box[3]]


def open_clip(open_page: OpenPage, site: ReviewSite) -> Page:
    page = open_page(f"/clip/{site.clips[0].id}")
    painted(page)
    go_to(page, AT)
    return page


def pixels(page: Page, kind: str) -> int:
    """Count the pixels in the colour of a kind of boxes."""
    colour = design.load().box[kind]
    count: int = page.evaluate(COLOURED, [int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    return count


def drag(page: Page, start: tuple[float, float], stop: tuple[float, float]) -> None:
    """Drag from one point of the picture to another."""
    page.mouse.move(*on_screen(page, *start))
    page.mouse.down()
    page.mouse.move(*on_screen(page, *stop), steps=5)
    page.mouse.up()


def boxes_set(site: ReviewSite) -> list[Box]:
    """Return the boxes that were drawn or moved."""
    return [
        each.box for each in site.journal(site.clips[0].id) if isinstance(each, MoveBox | DrawTrack)
    ]


def test_a_key_shows_the_labellers_then_the_others_then_none(
    open_page: OpenPage, site: ReviewSite, watch: Watch
) -> None:
    watch.expected = ["willReadFrequently"]
    store(site, "x", 3)  # `faulty_labels` are by hindsight from x
    store(site, "y", 3, SHIFT)
    page = open_clip(open_page, site)
    caption, before = (
        page.locator("#models"),
        {kind: pixels(page, kind) for kind in ("own", "rival")},
    )
    shown: dict[str, dict[str, int]] = {}
    for side, text in (("own", "x"), ("rival", "y"), ("none", "")):
        press(page, "Shift+M")
        expect(caption).to_contain_text(text, timeout=TIMEOUT)
        expect(caption).to_have_class(side.replace("none", ""), timeout=TIMEOUT)
        painted(page)
        shown[side] = {kind: pixels(page, kind) - before[kind] for kind in before}
    expect(caption).to_have_text("")
    assert shown["own"]["own"] > 50 > abs(shown["own"]["rival"])
    assert shown["rival"]["rival"] > 50 > abs(shown["rival"]["own"])
    assert shown["none"] == {"own": 0, "rival": 0}
    # What is drawn of models cannot be taken hold of.
    assert site.journal(site.clips[0].id) == []


def test_without_stored_detections_the_key_says_so(open_page: OpenPage, site: ReviewSite) -> None:
    page = open_clip(open_page, site)
    press(page, "Shift+M")
    expect(page.locator("#toast")).to_contain_text("No detections of this clip are stored")
    expect(page.locator("#models")).to_have_text("")


def test_a_drawn_box_snaps_to_what_a_model_saw_unless_alt_is_held(
    open_page: OpenPage, site: ReviewSite
) -> None:
    store(site, "y", 3)
    store(site, "opencv-motion", 3, 1.0)  # nearer to what is drawn, and no outline of a person
    page = open_clip(open_page, site)
    x1, y1, x2, y2 = seen(3)
    roughly = (x1 + 2, y1 + 2), (x2 + 2, y2 + 1)
    press(page, "Shift+A")
    drag(page, *roughly)
    saved(page)
    press(page, "z", "Shift+A")
    page.keyboard.down("Alt")
    drag(page, *roughly)
    page.keyboard.up("Alt")
    saved(page)
    press(page, "z", "Shift+A")
    drag(page, (x1 + 12, y1 + 20), (x2 + 9, y2 + 5))  # overlaps too little
    saved(page)
    snapped, free, far = boxes_set(site)
    assert list(snapped) == seen(3)
    assert list(free) == pytest.approx([*roughly[0], *roughly[1]], abs=1)
    assert far[0] == pytest.approx(x1 + 12, abs=1)


def test_a_dragged_box_snaps_only_to_what_it_comes_nearer_to(
    open_page: OpenPage, site: ReviewSite
) -> None:
    store(site, "x", 2)  # where the labels are
    store(site, "y", 2, SHIFT)
    page = open_clip(open_page, site)
    select(page, 3)
    x1, y1, x2, y2 = seen(2)
    middle = ((x1 + x2) / 2, (y1 + y2) / 2)
    # To the right comes nearer to the rival; to the left away from both, by a hair as it should.
    drag(page, middle, (middle[0] + SHIFT - 1, middle[1] + 1))
    saved(page)
    press(page, "z")
    saved(page)
    drag(page, middle, (middle[0] - 2, middle[1]))
    saved(page)
    right, left = boxes_set(site)
    assert list(right) == seen(2, SHIFT)
    assert list(left) == pytest.approx([x1 - 2, y1, x2 - 2, y2], abs=0.7)
