"""Decode + cut + extract of 1080p video, against the ffmpeg command line doing the same.

    python tests/bench/video.py [VIDEO]

Both cut the same spans with the same encoder settings and write the frames as JPEG. Without ffmpeg
the peer is OpenCV, which only decodes the spans and writes the JPEGs. Target: at least 0.85. The
ratio of CPU seconds stands beside it, because it holds on a busy machine too.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from oneclick import video
from oneclick.core.spans import Span

FRAMES, SIZE, FPS = 200, (1920, 1080), 25
SPANS = [Span(30, 80), Span(130, 180)]
ROUNDS = 3
TARGET = 0.85


def scene() -> Iterator[np.ndarray]:
    """A textured room with a little noise in which two boxes walk."""
    width, height = SIZE
    rng = np.random.default_rng(0)
    background = np.kron(
        rng.integers(40, 200, (135, 240, 3), np.uint8), np.ones((8, 8, 1), np.uint8)
    )
    noise = [rng.integers(0, 12, (height, width, 3), np.uint8) for _ in range(4)]
    for k in range(FRAMES):
        picture = background + noise[k % 4]
        picture[400:900, 3 * k : 3 * k + 180] = (200, 60, 40)
        picture[300:700, width - 2 * k - 150 : width - 2 * k] = (30, 90, 210)
        yield picture


def ours(source: Path, out: Path) -> None:
    for number, span in enumerate(SPANS):
        clip = out / f"{number}.mp4"
        video.cut(source, span, clip, FPS)
        video.extract(clip, out / str(number))


def ffmpeg(source: Path, out: Path) -> None:
    """Seek, cut and extract, as a shell script would."""
    for number, span in enumerate(SPANS):
        clip, folder = out / f"{number}.mp4", out / str(number)
        folder.mkdir()
        encoder = "-c:v libx264 -crf 18 -preset veryfast -g 25 -bf 0 -pix_fmt yuv420p -an"
        cut_options = f"-ss {span.start / FPS} -i {source} -frames:v {len(span)}"
        _run(f"ffmpeg -v error {cut_options} {encoder} -movflags +faststart {clip}")
        _run(f"ffmpeg -v error -i {clip} -q:v 3 -start_number 0 {folder}/%06d.jpg")


def opencv(source: Path, out: Path) -> None:
    import cv2

    for number, span in enumerate(SPANS):
        (out / str(number)).mkdir()
        reader = cv2.VideoCapture(str(source))
        reader.set(cv2.CAP_PROP_POS_FRAMES, span.start)
        for k in range(len(span)):
            cv2.imwrite(str(out / str(number) / f"{k:06d}.jpg"), reader.read()[1])


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL)


def seconds(work: Callable[[Path, Path], None], source: Path) -> tuple[float, float]:
    """(wall, CPU) seconds, child processes included."""
    with tempfile.TemporaryDirectory() as folder:
        start, before = time.perf_counter(), sum(os.times()[:4])
        work(source, Path(folder))
        spent = time.perf_counter() - start, sum(os.times()[:4]) - before
        pictures = len(list(Path(folder).glob("*/*.jpg")))
    assert pictures == sum(map(len, SPANS)), f"{work.__name__} wrote {pictures} pictures"
    return spent


def main() -> None:
    peer = ffmpeg if shutil.which("ffmpeg") else opencv
    if peer is opencv:
        print("ffmpeg is not installed: the peer is OpenCV, which does not cut")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "ward.mp4")
        if not source.exists():
            video.write(source, scene(), FPS)
        pairs = [(seconds(ours, source), seconds(peer, source)) for _ in range(ROUNDS)]
    frames = sum(map(len, SPANS))
    print(f"{'':9} {'frames/s':>9} {'CPU ms/frame':>13}")
    for name, times in zip(("oneclick", peer.__name__), zip(*pairs, strict=True), strict=True):
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:9} {frames / wall:9.1f} {1000 * cpu / frames:13.1f}")
    wall, cpu = (statistics.median(peer[k] / times[k] for times, peer in pairs) for k in (0, 1))
    print(f"{'ratio':9} {wall:9.2f} {cpu:13.2f}   (target {TARGET})")


if __name__ == "__main__":
    main()
