"""Videos as recorders, phones and networks leave them, each with its right value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from tests.corpus import edit_lists, video_frames, video_mutations
from tests.corpus.video_frames import Recorder, record

Build = Callable[[Path], object]
MIRROR = (-65536, 0, 0, 0, 65536, 0, 192 * 65536, 0, 1 << 30)


@dataclass(frozen=True, kw_only=True)
class VideoCase:
    """A video and what must be understood of it."""

    suffix: str
    build: Build
    numbers: tuple[int, ...] = tuple(range(100))
    """Numbers that the frames carry, in order."""
    fps: float = 25.0
    breaks: tuple[int, ...] = ()
    seconds: float = 3.96
    """True time of the last frame."""
    size: tuple[int, int] = video_frames.SIZE
    note: str = ""
    """Part of what is said about it."""


def stream_with(shift: Callable[[int, int], float]) -> Build:
    """Return the maker of a transport stream whose stamps are moved by seconds."""

    def build(path: Path) -> None:
        whole = record(path.with_name("whole.ts"))
        video_mutations.rewrite_stamps(whole, path, shift)

    return build


def with_patch(start: float, length: int, noise: bool) -> Build:
    """Return the maker of a transport stream with an unreadable patch."""

    def build(path: Path) -> None:
        data = bytearray(record(path).read_bytes())
        at = int(len(data) * start)
        patch = np.random.default_rng(3).integers(0, 256, length, np.uint8).tobytes()
        path.write_bytes(data[:at] + (patch if noise else bytes(length)) + data[at:])

    return build


def cut_off(path: Path) -> None:
    """Write a transport stream that ends within a packet."""
    data = record(path).read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])


def beside_cover(path: Path) -> None:
    """Write a video whose first stream is cover art."""
    two_streams(path, (72, 72), Disposition.attached_pic, Disposition.default)


def second_is_default(path: Path) -> None:
    """Write a video whose second stream is marked default."""
    two_streams(path, (96, 72), Disposition(0), Disposition.default)


def none_is_default(path: Path) -> None:
    """Write a video of two streams, the second the larger one."""
    two_streams(path, (96, 72), Disposition(0), Disposition(0))


def two_streams(
    path: Path, small: tuple[int, int], first: Disposition, second: Disposition
) -> None:
    """Write a stream of single-coloured pictures before the numbered ones."""
    with av.open(str(path), "w") as container:
        codec = "mjpeg" if first & Disposition.attached_pic else "libx264"
        pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        count = 1 if codec == "mjpeg" else 100
        other = Recorder(codec=codec, pixels=pixels, size=small, count=count)
        numbered = Recorder()
        streams = [video_frames.add_stream(container, r) for r in (other, numbered)]
        for stream, disposition in zip(streams, (first, second), strict=True):
            stream.disposition = disposition
        plain = np.full((small[1], small[0], 3), 90, np.uint8)
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(plain, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(streams[0].encode(frame))
        container.mux(streams[0].encode(None))
        for packet in video_frames.encoded(streams[1], numbered):
            container.mux(packet)


def other_size_midway(path: Path) -> None:
    """Write a transport stream in which the camera changes to smaller pictures."""
    parts = [
        record(path.with_name("a.ts"), Recorder(count=50)),
        record(path.with_name("b.ts"), Recorder(count=50, first=50, size=(384, 288))),
    ]
    later = path.with_name("c.ts")
    video_mutations.rewrite_stamps(parts[1], later, lambda number, count: 2.0)
    path.write_bytes(video_mutations.counted_anew(parts[0].read_bytes() + later.read_bytes()))


def lying_header(path: Path) -> None:
    """Write a video whose stream states 25 frames a second and has 12.5."""
    record(path, Recorder(times=lambda k: 2 * k, b_frames=2))


def thermal(path: Path) -> None:
    """Write 16-bit grey of which only a small range is in use."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = video_frames.SIZE
        stream.pix_fmt = "gray16le"
        for k in range(100):
            grey = video_frames.picture(k).mean(axis=2)
            levels = (29_000 + grey * 4).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(levels, format="gray16le")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def pause(k: int) -> float:
    """Return the time of a frame of a camera that records an hour later again."""
    return k + (k >= 50) * 90_000


def slower(k: int) -> float:
    """Return the time of a frame of a phone that goes from 25 to 5 frames a second."""
    return k if k < 50 else 50 + (k - 50) * 5


def skipping(k: int) -> float:
    """Return the time of a frame where every fifth is left out."""
    return k + k // 4


def stalling(k: int) -> float:
    """Return the time of a frame of a camera that once drops three pictures."""
    return k + 3 * (k >= 40)


CASES: dict[str, VideoCase] = {
    "plain": VideoCase(suffix=".mp4", build=record),
    "one stamp in 50 hours off": VideoCase(
        suffix=".ts",
        build=stream_with(lambda k, n: 37_600.0 if k % 50 == 30 else 0.0),
        note="2 time stamps repaired",
    ),
    "stamps of a few frames seconds early": VideoCase(
        suffix=".ts",
        build=stream_with(lambda k, n: -2.5 if 40 <= k < 43 else 0.0),
        note="3 time stamps repaired",
    ),
    "stamps jump back": VideoCase(
        suffix=".ts",
        build=stream_with(lambda k, n: -1.0 * (k // 30)),
        breaks=(30, 60, 90),
        note="4 stretches",
    ),
    "stamps start anew": VideoCase(
        suffix=".ts",
        build=stream_with(lambda k, n: -2.0 if k >= 50 else 0.0),
        breaks=(50,),
        note="2 stretches",
    ),
    "no stamps": VideoCase(suffix=".h264", build=record, note="no usable time stamps"),
    "a pause of an hour": VideoCase(
        suffix=".mp4",
        build=lambda path: record(path, Recorder(times=pause)),
        breaks=(50,),
        seconds=3603.96,
        note="2 stretches",
    ),
    "a pause among reordered frames": VideoCase(
        suffix=".mp4",
        build=lambda path: record(path, Recorder(times=pause, b_frames=2)),
        breaks=(50,),
        seconds=3603.96,
        note="2 stretches",
    ),
    "a phone that slows down": VideoCase(
        suffix=".mp4",
        build=lambda path: record(path, Recorder(times=slower)),
        fps=99 / 11.8,
        seconds=11.8,
    ),
    "every fifth frame left out": VideoCase(
        suffix=".mp4",
        build=lambda path: record(path, Recorder(times=skipping)),
        fps=99 / 4.92,
        seconds=4.92,
    ),
    "three pictures dropped by the camera": VideoCase(
        suffix=".mkv",
        build=lambda path: record(path, Recorder(codec="mpeg4", times=stalling, group=250)),
        seconds=4.08,
    ),
    "empty chunks for dropped pictures": VideoCase(
        suffix=".avi",
        build=lambda path: record(path, Recorder(codec="mpeg4", times=stalling, group=250)),
        seconds=4.08,
    ),
    "a header that lies": VideoCase(suffix=".mkv", build=lying_header, fps=12.5, seconds=7.92),
    "cover art first": VideoCase(suffix=".mp4", build=beside_cover, note="cover art left out"),
    "second stream default": VideoCase(
        suffix=".mkv", build=second_is_default, note="stream 1 of 2 video streams (marked default)"
    ),
    "larger stream second": VideoCase(
        suffix=".mkv", build=none_is_default, note="stream 1 of 2 video streams"
    ),
    "an edit list hides start and end": VideoCase(
        suffix=".mp4",
        build=lambda path: edit_lists.record_edited(path, [(30, 25)]),
        numbers=tuple(range(30, 55)),
        seconds=0.96,
        note="an edit list hides 75 of 100 pictures",
    ),
    "an edit list hides a middle": VideoCase(
        suffix=".mp4",
        build=lambda path: edit_lists.record_edited(path, [(0, 25), (60, 25)]),
        numbers=(*range(25), *range(60, 85)),
        seconds=1.96,
        note="an edit list hides 50 of 100 pictures",
    ),
    "anamorphic": VideoCase(
        suffix=".mp4",
        build=lambda path: record(path, Recorder(aspect=Fraction(4, 3))),
        size=(256, 144),
        note="pixels of 4/3",
    ),
    "other size midway": VideoCase(
        suffix=".ts", build=other_size_midway, breaks=(50,), note="size of pictures changes"
    ),
    "16-bit grey": VideoCase(suffix=".mkv", build=thermal, note="grey levels"),
    "10 bits": VideoCase(
        suffix=".mp4", build=lambda path: record(path, Recorder(pixels="yuv420p10le"))
    ),
    "a patch of noise": VideoCase(
        suffix=".ts", build=with_patch(0.4, 20_000, noise=True), numbers=(), seconds=-1.0
    ),
    "a patch of zeros": VideoCase(
        suffix=".ts", build=with_patch(0.4, 20_000, noise=False), numbers=(), seconds=-1.0
    ),
    "cut off": VideoCase(suffix=".ts", build=cut_off, numbers=(), seconds=-1.0),
}
"""Cases by name; without numbers, any ascending ones are right, less those that are lost."""
