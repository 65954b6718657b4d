"""Frames keep their numbers, whatever the container, codec, damage or turn of the camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from oneclick import video
from oneclick.core.spans import Span
from oneclick.video import index
from tests.video.recorders import jitter, record, scene

DATA = Path(__file__).parents[3] / "shared" / "data" / "video"

RECORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "constant rate": ("a.mp4", {}),
    "variable rate": ("a.mp4", {"times": jitter}),
    "long groups with B-frames": ("a.mp4", {"gop": 250, "b_frames": 3}),
    "groups with B-frames": ("a.mp4", {"b_frames": 2}),
    "matroska with B-frames": ("a.mkv", {"b_frames": 2}),
    "transport stream with B-frames": ("a.ts", {"b_frames": 2}),
    "motion JPEG in AVI": ("a.avi", {"codec": "mjpeg", "rgb_format": "yuvj420p"}),
    "H.264 with B-frames in AVI": ("a.avi", {"b_frames": 2}),
    "MPEG-4 in AVI": ("a.avi", {"codec": "mpeg4"}),
    "MPEG-2 with B-frames": ("a.mpg", {"codec": "mpeg2video", "b_frames": 2}),
    "VP8 with hidden frames": ("a.webm", {"codec": "libvpx"}),
    "HEVC": ("a.mp4", {"codec": "libx265"}),
    "turned": ("a.mp4", {"turn": 90}),
    "one frame": ("a.mp4", {"count": 1}),
}


@pytest.fixture(scope="module", params=RECORDERS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, options = RECORDERS[request.param]
    if options.get("codec") not in {None, *av.codecs_available}:
        pytest.skip(f"this PyAV encodes no {options['codec']}")
    return record(tmp_path_factory.mktemp("recorded") / name, **options)


def test_every_recorder_is_counted_as_it_decodes(recorded: Path) -> None:
    pictures = list(video.frames(recorded))
    info = video.probe(recorded)
    assert (
        info.frames == len(pictures) == (len(pictures) if "webm" in recorded.name else info.frames)
    )
    assert {p.shape for p in pictures} == {(info.height, info.width, 3)}


SPANS = [(0, 60), (1, 3), (11, 14), (23, 49), (31, 32), (59, 60), (50, 99)]


def test_a_span_holds_the_same_frames_as_a_slice(recorded: Path) -> None:
    pictures = list(video.frames(recorded))
    for start, stop in SPANS:
        decoded = list(video.frames(recorded, Span(start, stop)))
        assert len(decoded) == len(pictures[start:stop]), (start, stop)
        assert all(
            np.array_equal(a, b) for a, b in zip(decoded, pictures[start:stop], strict=True)
        ), (start, stop)


@pytest.mark.parametrize("name", ["vtest.avi", "TUD-Campus.mp4"])
def test_a_span_of_a_real_video_holds_the_same_frames_as_a_slice(name: str) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path.name} of the shared data is not here")
    pictures = [p[::8, ::8].copy() for p in video.frames(path)]
    count = video.probe(path).frames
    assert count == len(pictures)
    for start, stop in [(0, 2), (17, 40), (count - 5, count + 5)]:
        decoded = [p[::8, ::8] for p in video.frames(path, Span(start, stop))]
        assert np.array_equal(np.stack(decoded), np.stack(pictures[start:stop]))


def test_frames_of_a_constant_rate_are_the_ones_that_were_written(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", b_frames=2)
    for decoded, original in zip(video.frames(path), scene(60), strict=True):
        assert np.abs(decoded.astype(int) - original).mean() < 12


def test_the_rate_of_an_uneven_video_is_its_average(tmp_path: Path) -> None:
    even = video.probe(record(tmp_path / "a.mp4"))
    uneven = video.probe(record(tmp_path / "b.mp4", times=jitter))
    assert (even.fps, even.variable) == (25.0, False)
    assert uneven.variable
    assert uneven.fps == pytest.approx(59 / (jitter(59) / 25))


def test_a_rate_that_cannot_be_true_becomes_25(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", count=3, rate=1, times=lambda k: k * 100)
    assert video.probe(path).fps == index.DEFAULT_FPS


TURNS = {90: 1, 180: 2, -90: 3}


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_camera_gives_upright_pictures(tmp_path: Path, turn: int) -> None:
    path = record(tmp_path / "a.mp4", count=3, turn=turn)
    turned = next(iter(scene(1)))
    decoded = next(video.frames(path))
    upright = np.rot90(turned, TURNS[turn])
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).mean() < 12
    video.cut(path, Span(0, 3), tmp_path / "clip.mp4", 25)
    clip = next(video.frames(tmp_path / "clip.mp4"))
    assert np.abs(clip.astype(int) - upright).mean() < 14


def test_the_turn_is_the_one_opencv_makes(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = record(tmp_path / "a.mp4", count=2, turn=-90)
    _, reference = cv2.VideoCapture(str(path)).read()
    decoded = next(video.frames(path))
    assert np.abs(reference[..., ::-1].astype(int) - decoded).mean() < 3


def test_the_start_that_the_recorder_wrote_is_read_in_utc(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", count=1, creation_time="2026-11-21T10:00:00+02:00")
    started_at = video.probe(path).started_at
    assert started_at is not None
    assert started_at.isoformat() == "2026-11-21T08:00:00+00:00"
    clockless = record(tmp_path / "b.mp4", count=1, creation_time="1970-01-01T00:00:00Z")
    assert video.probe(clockless).started_at is None
