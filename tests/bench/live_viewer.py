"""How far a browser lags behind a live camera: `python -m tests.bench.live_viewer [--seconds N]`.

A process writes pictures of 1280×720 px with a dozen boxes of each of two models into a ring; the
page of the camera shows them in real Chromium, headless, at its full speed and slowed down 20
times. The lag of a picture is the time from its taking to its painting, both by the clock of this
machine. The share of a core is that of the server, which runs in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from oneclick.storage import live_state
from oneclick.storage.live_ring import RingBox, RingFrame, RingWriter
from tests.web import live_camera
from tests.web.browser.conftest import FLAGS, chromium_path
from tests.web.browser.review_site import ReviewSite

CAMERA, WIDTH, HEIGHT = "ward", 1280, 720
RATES, SLOWDOWNS = (10, 15), (1, 20)
MOST_LAG = 600.0
"""ms: what the issue allows a viewer who is slowed down 20 times."""
WATCH = """() => {
  window.lags = [];
  const overlay = document.getElementById("overlay");
  new MutationObserver(() => {
    const [, seq] = overlay.dataset.painted.split("/");
    requestAnimationFrame(() => setTimeout(() => window.lags.push([Number(seq), Date.now()])));
  }).observe(overlay, { attributeFilter: ["data-painted"] });
}"""
"""Notes each picture with the time after it was painted."""


def write(home: Path, rate: int, ready: Connection) -> None:
    """Write pictures in real time until the process is ended."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (45, 80, 3), np.uint8)
    noise = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    jpeg = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    corners = [(60.0 + 90 * k, 100.0 + 20 * k) for k in range(12)]
    boxes: list[RingBox] = [(x, y, x + 60, y + 200, 0.8, 0) for x, y in corners]
    live_camera.write_state(home, CAMERA)
    ready.send(len(jpeg))
    start = time.time()
    with RingWriter(live_state.ring_folder(home, CAMERA)) as ring:
        for number in itertools.count():
            at = start + number / rate
            time.sleep(max(0.0, at - time.time()))
            now = time.time()
            models = {live_camera.A: boxes, live_camera.B: boxes[:10]}
            ring.append(
                RingFrame(time=now, width=WIDTH, height=HEIGHT, boxes=models, signals={}, jpeg=jpeg)
            )
            if number % rate == 0:
                live_camera.write_state(home, CAMERA)


def serve(home: Path, address: Connection) -> None:
    """Serve the pages until told to end; answer every other message with the CPU time so far."""
    with ReviewSite(home, 0).served() as site:
        address.send(site.origin)
        while address.recv() != "end":
            address.send(sum(os.times()[:2]))


def watch(page: Page, home: Path, seconds: float) -> tuple[np.ndarray, float]:
    """Return the lags of the pictures that were painted in ms, and how many came a second."""
    from oneclick.storage.live_ring import RingReader

    page.evaluate(WATCH)
    page.wait_for_timeout(1000 * seconds)
    painted = page.evaluate("() => window.lags")
    headers = RingReader(live_state.ring_folder(home, CAMERA)).headers(0, time.time() + 60)
    times = {header.seq: header.time for header in headers}
    lags = [at - 1000 * times[seq] for seq, at in painted if seq in times]
    return np.array(lags), len(lags) / seconds


def main() -> None:
    """Print a row for each rate and slowdown; exit with 1 where the lag is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    context = multiprocessing.get_context("spawn")
    is_late = False
    print("kB  asked/s  slowed  shown/s  lag median  p95  max ms  server % of a core")
    for rate in RATES:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            home = Path(folder) / "home"
            ready, ready_end = context.Pipe()
            address, address_end = context.Pipe()
            server = context.Process(target=serve, args=(home, address_end))
            server.start()
            origin = address.recv()
            writer = context.Process(target=write, args=(home, rate, ready_end))
            writer.start()
            kilobytes = ready.recv() / 1000
            chromium = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS])
            browser = chromium.new_context(viewport={"width": 1366, "height": 768})
            login = {"name": "anna", "password": ReviewSite.password}
            assert browser.request.post(f"{origin}/api/login", data=login).ok
            for slowdown in SLOWDOWNS:
                page = browser.new_page()
                page.goto(f"{origin}/live/{CAMERA}")
                page.wait_for_selector("#overlay[data-painted^=ring]")
                tools = browser.new_cdp_session(page)
                tools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
                page.wait_for_timeout(3000)
                address.send("cpu")
                before = address.recv()
                lags, pace = watch(page, home, seconds)
                address.send("cpu")
                share = 100 * (address.recv() - before) / seconds
                is_late |= slowdown == max(SLOWDOWNS) and lags.max(initial=0) > MOST_LAG
                figures = [np.median(lags), np.percentile(lags, 95), lags.max()]
                text = "  ".join(f"{figure:6.0f}" for figure in figures)
                row = (
                    f"{kilobytes:3.0f} {rate:7} {slowdown:6}× {pace:8.1f}    {text}  {share:18.1f}"
                )
                print(row, flush=True)
                page.close()
            chromium.close()
            address.send("end")
            writer.kill()
            server.join()
    sys.exit(bool(is_late))


if __name__ == "__main__":
    main()
