"""Videos from the field are understood exactly, or the line says why not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from oneclick import video
from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from oneclick.video import access_units
from oneclick.video.index import read_index
from tests.corpus import video_mutations
from tests.corpus.video_cases import CASES, MIRROR, VideoCase
from tests.corpus.video_frames import SIZE, Recorder, is_true, picture, read_number, record


def numbers_of(images: Any) -> list[int]:
    """Return the numbers that pictures carry, whatever their width."""
    return [read_number(cv2.resize(image, SIZE)) for image in images]


@pytest.mark.parametrize("name", CASES)
def test_a_case_from_the_field_is_understood(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = tmp_path / f"video{case.suffix}"
    case.build(path)
    info = video.probe(path)
    numbers = numbers_of(video.frames(path))
    assert len(numbers) == info.frames
    if case.numbers:
        check_values(case, info, numbers)
    else:
        assert len(numbers) >= 60
        assert numbers == sorted(set(numbers)), numbers
        assert min(numbers) >= 0
        seconds = [info.timing.seconds_at(k, info.fps) for k in range(info.frames)]
        expected = [(number - numbers[0]) / 25 for number in numbers]
        assert seconds == pytest.approx(expected, abs=0.002)
        assert info.fps == pytest.approx(25)
    check_cuts(path, numbers, tmp_path, is_damaged=not case.numbers)


def check_values(case: VideoCase, info: video.VideoInfo, numbers: list[int]) -> None:
    """Check what is understood against what is right."""
    assert numbers == list(case.numbers)
    assert info.fps == pytest.approx(case.fps, rel=1e-3)
    assert info.timing.breaks == case.breaks
    assert info.timing.seconds_at(info.frames - 1, info.fps) == pytest.approx(
        case.seconds, abs=0.01
    )
    assert (info.width, info.height) == case.size
    assert case.note in "; ".join(info.notes)


def check_cuts(path: Path, numbers: list[int], folder: Path, is_damaged: bool) -> None:
    """Check that clips, pictures and spans hold the same frames, or that a line says why not."""
    count = len(numbers)
    for start, stop in [(0, 7), (count // 2 - 3, count // 2 + 9), (count - 5, count)]:
        span = Span(start, stop)
        assert numbers_of(video.frames(path, span)) == numbers[start:stop]
        clip, stills = folder / f"{start}.mp4", folder / f"{start}"
        if not is_cut(path, span, clip):
            assert is_damaged
            continue
        assert numbers_of(video.frames(clip)) == numbers[start:stop]
        video.extract(clip, stills)
        images = [cv2.imread(str(still)) for still in sorted(stills.iterdir())]
        assert numbers_of(images) == numbers[start:stop]


def test_a_mirrored_camera_is_shown_as_players_show_it(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", Recorder(count=3, matrix=MIRROR))
    shown = next(video.frames(path))
    assert np.abs(shown.astype(int) - picture(0)[:, ::-1]).mean() < 12
    assert video.probe(path).notes == ("mirrored",)


def test_deep_grey_uses_the_whole_range(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    CASES["16-bit grey"].build(path)
    shown = next(video.frames(path, Span(63, 64)))
    assert shown.min() < 20
    assert shown.max() > 235


def test_pictures_of_another_size_are_fitted_without_stretching(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    wide = record(tmp_path / "wide.ts", Recorder(count=5, size=(384, 144)))
    video_mutations.rewrite_stamps(wide, tmp_path / "later.ts", lambda k, n: 2.0)
    first = record(tmp_path / "first.ts", Recorder(count=50))
    joined = first.read_bytes() + (tmp_path / "later.ts").read_bytes()
    path.write_bytes(video_mutations.counted_anew(joined))
    last: NDArray[np.uint8] = list(video.frames(path))[-1]
    assert last.shape == (144, 192, 3)
    assert last[:33].max() < 10  # half the height is black above and below
    assert last[-33:].max() < 10


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_pictures_that_a_camera_dropped_are_not_called_damage(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    recorder = Recorder(count=50, codec="mpeg4", group=250, times=lambda k: k + 3 * (k >= 40))
    (note,) = video.probe(record(path, recorder)).notes
    assert note.startswith("1 gap in time")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\0\0\1\xb6\x10" + bytes(40), True),
        (b"\0\0\1\xb6\x50" + bytes(40), False),
        (b"\0\0\1\xb6\x10\x60", False),
        (b"\0\0\1\xb0\xf5", False),
    ],
    ids=["intra", "predicted", "place of a packed picture", "no picture"],
)
def test_decoding_starts_at_whole_pictures_of_mpeg_4(content: bytes, expected: bool) -> None:
    assert access_units.is_start("mpeg4", content) is expected


INTERLACED = {"flags": "+ildct+ilme", "x264-params": "interlaced=1:tff=1"}
CONTAINERS = {
    "mp4": ("a.mp4", Recorder()),
    "mp4 reordered": ("a.mp4", Recorder(b_frames=3)),
    "mp4 one key": ("a.mp4", Recorder(group=250, b_frames=1)),
    "mov": ("a.mov", Recorder(b_frames=2)),
    "mkv": ("a.mkv", Recorder(b_frames=2)),
    "ts": ("a.ts", Recorder()),
    "ts reordered": ("a.ts", Recorder(b_frames=2)),
    "flv": ("a.flv", Recorder(b_frames=2)),
    "avi": ("a.avi", Recorder(codec="mjpeg", pixels="yuvj420p")),
    "avi reordered": ("a.avi", Recorder(b_frames=2)),
    "avi mpeg-4": ("a.avi", Recorder(codec="mpeg4")),
    "3gp": ("a.3gp", Recorder()),
    "m4v reordered": ("a.m4v", Recorder(b_frames=2)),
    "hevc mkv": ("a.mkv", Recorder(codec="libx265", b_frames=2)),
    "hevc": ("a.mp4", Recorder(codec="libx265", b_frames=2)),
    "hevc ts": ("a.ts", Recorder(codec="libx265")),
    "mpeg-2": ("a.mpg", Recorder(codec="mpeg2video", b_frames=2)),
    "interlaced": ("a.mp4", Recorder(b_frames=2, options=INTERLACED)),
    "interlaced ts": ("a.ts", Recorder(options=INTERLACED)),
    "intra refresh": ("a.ts", Recorder(options={"x264-params": "intra-refresh=1"})),
    "open groups": ("a.ts", Recorder(b_frames=3, options={"x264-params": "open-gop=1"})),
    "slices": ("a.ts", Recorder(options={"x264-params": "slices=4"})),
    "m2ts": ("a.m2ts", Recorder(b_frames=2)),
    "h264": ("a.h264", Recorder()),
    "hevc mov": ("a.mov", Recorder(codec="libx265", b_frames=2)),
    "hevc ts reordered": ("a.ts", Recorder(codec="libx265", b_frames=3)),
    "hevc 10 bits": ("a.mkv", Recorder(codec="libx265", pixels="yuv420p10le")),
    "hevc flv": ("a.flv", Recorder(codec="libx265")),
    "mjpeg mov": ("a.mov", Recorder(codec="mjpeg", pixels="yuvj420p")),
    "mjpeg mkv": ("a.mkv", Recorder(codec="mjpeg", pixels="yuvj420p")),
    "prores": ("a.mov", Recorder(codec="prores_ks", pixels="yuv422p10le")),
    "av1": ("a.mp4", Recorder(codec="libsvtav1")),
    "av1 webm": ("a.webm", Recorder(codec="libsvtav1")),
    "vp8": ("a.webm", Recorder(codec="libvpx")),
    "vp9": ("a.webm", Recorder(codec="libvpx-vp9")),
    "wmv": ("a.wmv", Recorder(codec="wmv2")),
    "mpeg-2 ts": ("a.ts", Recorder(codec="mpeg2video", b_frames=2)),
    "mpeg-2 mxf": ("a.mxf", Recorder(codec="mpeg2video", b_frames=2)),
    "mpeg-2 interlaced": ("a.ts", Recorder(codec="mpeg2video", options={"flags": "+ildct+ilme"})),
    "mpeg-4 ts": ("a.ts", Recorder(codec="mpeg4")),
}
DAMAGES = ("none", "cut_off", "spoil_patch", "drop_packets")
TELLING = {
    **dict.fromkeys(("libx264", "libx265"), ("cut_off", "spoil_patch", "drop_packets")),
    **dict.fromkeys(("mjpeg", "prores_ks"), ("cut_off", "drop_packets")),
    **dict.fromkeys(("libsvtav1", "libvpx", "libvpx-vp9", "wmv2"), ("cut_off",)),
}
"""Damages that are told, by codec; others conceal a part of what is spoilt."""
COMBINATIONS = [
    (container, damage)
    for container, damage in itertools.product(CONTAINERS, DAMAGES)
    if damage == "none" or damage in TELLING.get(CONTAINERS[container][1].codec, ())
]


@pytest.mark.parametrize(("container", "damage"), COMBINATIONS)
def test_clips_pictures_and_spans_agree_in_every_container(
    container: str, damage: str, tmp_path: Path
) -> None:
    name, recorder = CONTAINERS[container]
    if recorder.codec not in av.codecs_available:
        pytest.skip(f"this PyAV encodes no {recorder.codec}")
    path = record(
        tmp_path / name, replace(recorder, count=50, group=12 if recorder.group == 25 else 250)
    )
    if damage != "none":
        damaged = tmp_path / f"damaged{path.suffix}"
        rng = np.random.default_rng(COMBINATIONS.index((container, damage)))
        getattr(video_mutations, damage)(path, damaged, rng)
        path = damaged
    try:
        info = video.probe(path)
        numbers = numbers_of(video.frames(path))
    except BadVideo:
        assert damage != "none"
        return
    if damage == "none":
        assert numbers == list(range(50))
    for start in range(3, info.frames, 19):
        span = Span(start, min(start + 9, info.frames))
        clip = tmp_path / f"{start}.mp4"
        if is_cut(path, span, clip):
            check_clip(path, span, clip)
        else:
            assert damage != "none"


def is_cut(path: Path, span: Span, clip: Path) -> bool:
    """Cut a clip; return False where the line says that frames of it do not decode."""
    try:
        video.cut(path, span, clip, 25)
    except BadVideo as error:
        if "do not decode" not in str(error):
            raise
        return False
    return True


def check_clip(path: Path, span: Span, clip: Path) -> None:
    """Check that a clip holds true frames, each at its true time."""
    seconds = read_index(path).seconds[span.start : span.stop]
    images = list(video.frames(clip))
    numbers = [read_number(image) for image in images]
    if path.suffix in (".avi", ".h264"):  # whose times are counted, also past what is lost
        assert numbers == sorted(set(numbers))
    else:
        assert numbers == [numbers[0] + round((time - seconds[0]) * 25) for time in seconds]
    if read_index(path).codec == "h264":  # others do not tell all that they make up
        assert all(map(is_true, images, numbers))


def test_a_fragmented_file_is_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    recorder = Recorder(b_frames=2)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(recorder.codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = recorder.size
        stream.pix_fmt = recorder.pixels
        for k in range(60):
            frame = av.VideoFrame.from_ndarray(picture(k), format="rgb24").reformat(
                format=recorder.pixels
            )
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert numbers_of(video.frames(path)) == list(range(60))
