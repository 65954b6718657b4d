"""Latency of the review page in a real Chromium: `python -m tests.bench.review_page`.

Key to painted picture at 1280×720 with 20 tracks, next doubt, and the timeline with 50,000 boxes.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from oneclick.core.labels import LabelSet, LabelTrack
from tests.web.browser import conftest, review_site
from tests.web.browser.keyboard import painted
from tests.web.browser.review_site import ReviewSite

WIDTH, HEIGHT = 1280, 720
PRESSES = 200
PRESS = """async ([key, count, wait]) => {
  const overlay = document.getElementById("overlay");
  const times = [];
  for (let k = 0; k < count; k++) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    const before = performance.now();
    const painted = new Promise((resolve) => {
      const watch = new MutationObserver(() => {
        if (!overlay.dataset.painted) return;
        watch.disconnect();
        resolve(performance.now());
      });
      watch.observe(overlay, { attributes: true });
    });
    const event = { key, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", event));
    times.push((await painted) - before);
  }
  return times;
}"""
SCROLL = """async (folder) => {
  const { Timeline } = await import(`${folder}/timeline.js`);
  const canvas = document.getElementById("timeline");
  const tracks = Array.from({ length: 50 }, (_, id) => {
    const frames = Array.from({ length: 1000 }, (_, k) => k);
    return {
      id, class: "person", frames, boxes: frames.map(() => [0, 0, 9, 9]),
      scores: frames.map((k) => ((k * 7 + id) % 13) / 13),
      origins: frames.map((k) => "duirh"[(k + id) % 5]).join(""),
      keyframes: frames.filter((k) => k % 5 === 4), attributes: {},
    };
  });
  const state = {
    clip: "x", frames: 1000, fps: 10, width: 9, height: 9, classes: [], attributes: {}, tracks,
    answers: {}, comments: [],
  };
  const rest = { doubts: [], doubt: 0, selected: null, marks: { start: null, stop: null } };
  const timeline = new Timeline(canvas, { onFrame() {}, onTrack() {}, onChange() {} });
  const costs = [];
  for (let k = 0; k < 200; k++) {
    const before = performance.now();
    timeline.zoom = 1 + (k % 4);
    timeline.y = (k * 9) % 700;
    timeline.draw({ state, frame: (k * 5) % 1000, ...rest });
    timeline.shown.getImageData(0, 0, 1, 1);
    costs.push(performance.now() - before);
  }
  return costs;
}"""


def crowd(clip_id: str) -> LabelSet:
    """Return labels of 20 people, some boxes of each in doubt."""
    frames = np.arange(review_site.FRAMES)
    tracks = []
    for number in range(20):
        x, y = 60 + 110 * (number % 10), 80 + 300 * (number // 10)
        box = np.array([x, y, x + 60, y + 180], np.float32)
        scores = np.full(len(frames), 0.95, np.float32)
        scores[number : number + 3] = 0.4
        tracks.append(
            LabelTrack(
                id=number,
                cls="person",
                frames=frames.astype(np.int32),
                boxes=(box + frames[:, None]).astype(np.float32),
                scores=scores,
                origins="u" * len(frames),
            )
        )
    first = review_site.faulty_labels(clip_id)
    return LabelSet(**{**vars(first), "width": WIDTH, "height": HEIGHT, "tracks": tuple(tracks)})


def draw(frame: int) -> np.ndarray:
    """Return a picture with the detail of a real one."""
    noise = np.random.default_rng(frame).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


@contextmanager
def opened() -> Iterator[Page]:
    """Serve a clip and open it."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = ReviewSite(
            Path(folder) / "home", 1, labels_of=crowd, picture=draw, size=(WIDTH, HEIGHT)
        )
        with site.served():
            browser = playwright.chromium.launch(
                executable_path=conftest.chromium_path(), args=[*conftest.FLAGS]
            )
            context = browser.new_context(viewport={"width": 1366, "height": 768})
            login = {"name": "anna", "password": site.password}
            context.request.post(f"{site.origin}/api/login", data=login)
            page = context.new_page()
            page.goto(f"{site.origin}/clip/{site.clips[0].id}")
            painted(page)
            yield page
            browser.close()


def line(name: str, times: list[float], gate: str) -> None:
    """Print median and 95th percentile in ms."""
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{name:<44} median {statistics.median(times):6.1f} ms   p95 {p95:6.1f} ms   ({gate})")


def main() -> None:
    """Measure and print."""
    with opened() as page:
        page.wait_for_timeout(1500)
        steps: list[float] = []
        for key in ("f", "d") * 4:
            steps += page.evaluate(PRESS, [key, PRESSES // 8, 120])
        line("key to painted frame, 20 tracks, 1280×720", steps, "p95 < 50")
        doubts = page.evaluate(PRESS, ["n", 38, 200])
        line("next doubt", doubts, "p95 < 100")
        folder = page.locator("link[rel=stylesheet]").get_attribute("href") or ""
        costs = page.evaluate(SCROLL, folder.rsplit("/", 1)[0])
        line("timeline of 50,000 boxes, one redraw", costs, "< 20, that is 50 a second")


if __name__ == "__main__":
    main()
