"""A live camera without a camera: its state and a ring of pictures that carry their number.

`python -m tests.web.live_camera HOME CAMERA SECONDS` is its process: it fills the ring and goes on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2
import numpy as np

from oneclick.storage import live_state
from oneclick.storage.live_ring import Lamp, RingBox, RingFrame, RingWriter
from oneclick.storage.live_state import CameraState, LiveModel, LiveStatus

WIDTH, HEIGHT = 320, 240
STEP = 0.1
"""Seconds between two pictures."""
DIGITS, CELL = 12, 20
"""Bits of the number along the lower edge, and the side of their squares in px."""
A, B = "nano", "tiny"
DOUBT = 10
"""A doubts every tenth picture."""
MODELS = (
    LiveModel(A, "model:nano", ("person", "wheelchair")),
    LiveModel(B, "model:tiny", ("person",)),
)


def draw(number: int, is_there: bool = True) -> np.ndarray:
    """Return a picture with its number as bright and dark squares, and somebody who walks."""
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for bit in range(DIGITS):
        shade = 235 if number >> bit & 1 else 20
        corner = (bit * CELL, HEIGHT - CELL)
        cv2.rectangle(picture, corner, (corner[0] + CELL - 1, HEIGHT - 1), (shade,) * 3, -1)
    if is_there:
        x1, y1, x2, y2 = (round(side) for side in box(number)[:4])
        cv2.rectangle(picture, (x1, y1), (x2, y2), (60, 90, 210), -1)
    return picture


def number_in(picture: np.ndarray) -> int:
    """Return the number that a picture carries."""
    row = HEIGHT - CELL // 2
    bits = [int(picture[row, bit * CELL + CELL // 2].mean() > 128) for bit in range(DIGITS)]
    return sum(bit << k for k, bit in enumerate(bits))


def box(number: int, shift: float = 0.0) -> RingBox:
    """Return where somebody is in a picture."""
    left = 20.0 + number % 80 * 3 + shift
    return (left, 60.0, left + 40.0, 180.0, 0.9, 0)


def frame(number: int, at: float) -> RingFrame:
    """Return a picture: both models see who walks (A doubts every tenth), only B a second one."""
    is_success, jpeg = cv2.imencode(".jpg", draw(number))
    assert is_success
    x1, y1, x2, y2, _, cls = box(number)
    score = 0.4 if number % DOUBT == 0 else 0.9
    lamps = (Lamp("flicker", 0.8, "the person is gone for 3 frames"),) if number % 40 < 8 else ()
    return RingFrame(
        time=at,
        width=WIDTH,
        height=HEIGHT,
        boxes={
            A: [(x1, y1, x2, y2, score, cls)],
            B: [(x1 + 2, y1, x2 + 2, y2, 0.8, 0), (260.0, 10.0, 300.0, 90.0, 0.6, 0)],
        },
        signals={"blur": 0.1},
        lamps=lamps,
        jpeg=jpeg.tobytes(),
    )


def write_state(home: Path, camera: str, status: LiveStatus = "running", message: str = "") -> None:
    """Write that a camera runs, since a minute."""
    now = time.time()
    state = CameraState(
        camera=camera,
        status=status,
        message=message,
        since=now - 60,
        written_at=now,
        fps_in=25.0,
        fps_detected=10.0,
        dropped=3,
        lag_ms=84.0,
        models=MODELS,
        width=WIDTH,
        height=HEIGHT,
    )
    live_state.write(home, state)


def fill(home: Path, camera: str, frames: int, end: float | None = None) -> float:
    """Write a ring whose last picture was taken at `end`; return when its first was."""
    start = (time.time() if end is None else end) - (frames - 1) * STEP
    with RingWriter(live_state.ring_folder(home, camera)) as ring:
        for number in range(frames):
            ring.append(frame(number, start + number * STEP))
    return start


def main() -> None:
    """Write the pictures of some seconds, then go on in real time until the process is killed."""
    home, camera, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    number = round(seconds / STEP)
    start = fill(home, camera, number)
    write_state(home, camera)
    sys.stdout.write("running\n")
    sys.stdout.flush()
    with RingWriter(live_state.ring_folder(home, camera)) as ring:
        while True:
            at = start + number * STEP
            time.sleep(max(0.0, at - time.time()))
            ring.append(frame(number, at))
            number += 1
            if number % 10 == 0:
                write_state(home, camera)


if __name__ == "__main__":
    main()
