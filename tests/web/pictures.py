"""Draws the pictures of the docs over the synthetic ward: `python -m tests.web.pictures`."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import expect, sync_playwright

from oneclick import ward
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.review import Verdict
from oneclick.stages import review, second_looks
from oneclick.ward import truth
from tests.web.browser import conftest, review_site
from tests.web.browser.keyboard import go_to, painted, press, saved, select
from tests.web.browser.review_site import ReviewSite

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SHIFT = ward.Shift(
    camera=0,
    seed=3,
    seconds=review_site.FRAMES / review_site.FPS,
    fps=review_site.FPS,
    width=960,
    height=540,
)


def blemish(track: LabelTrack, number: int) -> LabelTrack:
    """Return a track as labellers find it: some boxes are in doubt, some filled in."""
    scores = np.full(len(track.frames), 0.95, np.float32)
    scores[3 + 7 * number : 7 + 7 * number] = 0.55
    letters = ["u"] * len(track.frames)
    for row in range(14, min(18, len(letters))):
        letters[row] = "i"
    return replace(track, scores=scores, origins="".join(letters), attributes={})


def look_twice(site: ReviewSite) -> str:
    """Let anna accept a clip as it is, and bo remove somebody from it."""
    clip, queue = site.clips[1].id, second_looks.queue_of(site.workspace)
    review.give_verdict(site.home, [clip], "accept", "anna")
    review.collect_own(site.home, 1.0)
    tracks = queue.task_labels(clip).tracks[:-1]
    at = review_site.NOON
    queue.submit(Verdict(clip=clip, decision="accept", by="bo", at=at, tracks=tracks))
    review.collect_own(site.home)
    return clip


def main() -> None:
    """Write the pictures."""
    frames, people = zip(*ward.frames(SHIFT), strict=True)
    ground_truth = truth.from_frames(people, SHIFT.fps, SHIFT.width, SHIFT.height)
    true_labels = truth.as_labels(ground_truth, "ward", review_site.NOON)

    def labels_of(clip_id: str) -> LabelSet:
        tracks = tuple(blemish(track, k) for k, track in enumerate(true_labels.tracks))
        first = review_site.faulty_labels(clip_id)
        return replace(first, width=SHIFT.width, height=SHIFT.height, tracks=tracks)

    def picture(frame: int) -> np.ndarray:
        return np.asarray(cv2.cvtColor(frames[frame], cv2.COLOR_RGB2BGR))

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        size = (SHIFT.width, SHIFT.height)
        home = Path(folder) / "home"
        site = ReviewSite(home, 2, labels_of=labels_of, picture=picture, size=size)
        with site.served():
            browser = playwright.chromium.launch(
                executable_path=conftest.chromium_path(), args=[*conftest.FLAGS]
            )
            context = browser.new_context(
                viewport={"width": 1366, "height": 768}, color_scheme="dark", locale="en-GB"
            )
            login = {"name": "anna", "password": site.password}
            context.request.post(f"{site.origin}/api/login", data=login)
            page = context.new_page()
            page.goto(f"{site.origin}/clip/{site.clips[0].id}")
            painted(page)
            press(page, "l")
            select(page, true_labels.tracks[-1].id)
            go_to(page, 29)
            press(page, "v", "1")
            saved(page)
            page.wait_for_timeout(5000)  # the line at the bottom goes
            FOLDER.mkdir(exist_ok=True)
            page.screenshot(path=FOLDER / "review_page.jpg", type="jpeg", quality=88)
            clip = look_twice(site)
            context.request.post(f"{site.origin}/api/login", data=login | {"name": "lea"})
            page.goto(f"{site.origin}/look/{clip}")
            expect(page.locator("#overlay-1")).to_have_attribute("data-painted", re.compile("/"))
            page.keyboard.press("End")
            for _ in range(10):
                page.keyboard.press("d")
            page.wait_for_timeout(1000)
            page.screenshot(path=FOLDER / "two_reviews.jpg", type="jpeg", quality=85)
            browser.close()


if __name__ == "__main__":
    main()
