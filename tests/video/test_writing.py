"""Clips and pictures: right frames, right shape, same bytes, whole or absent."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from oneclick import video
from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from tests.video.recorders import jitter, record, scene
from tests.waits import HANG_SECONDS


def test_a_clip_has_a_constant_rate_a_key_frame_a_second_and_no_sound(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", times=jitter)
    out = tmp_path / "clip.mp4"
    video.cut(path, Span(5, 55), out, 12.5)
    with av.open(str(out)) as container:
        assert [s.type for s in container.streams] == ["video"]
        stream = container.streams.video[0]
        shape = stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate
        assert shape == ("h264", "yuv420p", Fraction(25, 2))
        packets = [p for p in container.demux(stream) if p.size]
    assert [k for k, p in enumerate(packets) if p.is_keyframe] == [0, 12, 24, 36, 48]
    assert all(p.pts == p.dts for p in packets), "B-frames"
    data = out.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_cutting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", b_frames=2)
    digests = set()
    for name in ("one.mp4", "two.mp4"):
        video.cut(path, Span(7, 40), tmp_path / name, 25)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_cut_shows_the_frames_of_its_span(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", b_frames=2)
    video.cut(path, Span(7, 40), tmp_path / "clip.mp4", 25)
    clip = list(video.frames(tmp_path / "clip.mp4"))
    source = list(video.frames(path, Span(7, 40)))
    assert len(clip) == 33
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(clip, source, strict=True)) < 4


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (33, 17), (1, 1), (2, 2)])
def test_an_odd_size_survives_writing_cutting_and_extracting(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    cv2 = pytest.importorskip("cv2")
    path, clip = tmp_path / "a.mp4", tmp_path / "clip.mp4"
    video.write(path, scene(6, size), 10)
    video.cut(path, Span(2, 5), clip, 10)
    for each in (path, clip):
        info = video.probe(each)
        assert (info.width, info.height) == size
        assert {p.shape for p in video.frames(each)} == {(size[1], size[0], 3)}
        with av.open(str(each)) as container:
            codec = container.streams.video[0].codec_context
            assert (codec.width % 2, codec.height % 2) == (0, 0)
    assert video.extract(clip, tmp_path / "frames") == 3
    assert cv2.imread(str(tmp_path / "frames" / "000002.jpg")).shape == (size[1], size[0], 3)


def test_padding_repeats_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    white = np.full((15, 17, 3), 255, np.uint8)
    video.write(path, [white], 10)
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (16, 18, 3)
    assert picture.min() > 245


def test_extracted_pictures_are_the_frames(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "a.mp4"
    video.write(path, scene(20), 10)
    assert video.extract(path, tmp_path / "frames", quality=95) == 20
    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == [f"{k:06d}.jpg" for k in range(20)]
    for name, frame in zip(names, video.frames(path), strict=True):
        picture = cv2.imread(str(tmp_path / "frames" / name))[..., ::-1]
        assert np.abs(picture.astype(int) - frame).mean() < 8


def test_a_span_past_the_end_cannot_be_cut(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", count=10)
    with pytest.raises(BadVideo, match=r"a\.mp4 has 10 frames"):
        video.cut(path, Span(5, 11), tmp_path / "clip.mp4", 25)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_no_frames_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadVideo, match="at least one"):
        video.write(tmp_path / "a.mp4", [], 25)
    assert not list(tmp_path.iterdir())


WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from oneclick.core.errors import NoSpace
from oneclick.core.spans import Span
from oneclick import video
source, out = map(Path, sys.argv[1:])
video.probe(source)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
for work in (lambda: video.cut(source, Span(0, 50), out, 25), lambda: video.extract(source, out)):
    try:
        work()
    except NoSpace as error:
        print(error)
"""


def test_a_full_device_is_told_and_leaves_no_half_clip(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    video.write(source, scene(60, (320, 240)), 25)
    out = tmp_path / "out"
    command = [sys.executable, "-c", WITHOUT_ROOM, str(source), str(out)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert process.stdout.count("no space left to write") == 2, process.stderr
    assert not list(tmp_path.glob(".*"))
    assert not out.is_file()
