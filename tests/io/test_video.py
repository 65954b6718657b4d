"""Frames keep their numbers, whatever the container, codec, damage or turn of the camera."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from oneclick.io import video
from oneclick.io.video import index

DATA = Path(__file__).parents[3] / "shared" / "data" / "video"
SIZE = (96, 64)


def scene(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> Iterator[np.ndarray]:
    """Blotches that stand still under a white bar that walks: every frame is another one."""
    width, height = size
    blotches = np.random.default_rng(seed).integers(0, 120, (height // 8 + 1, width // 8 + 1, 3))
    ground = np.kron(blotches, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)
    for number in range(count):
        picture = ground.copy()
        picture[:, number * 3 % width : number * 3 % width + 6] = 250
        picture[:8, :8] = number * 5 % 256
        yield picture


def record(
    path: Path,
    count: int = 60,
    codec: str = "libx264",
    gop: int = 12,
    b_frames: int = 0,
    times: Callable[[int], int] = lambda k: k,
    rate: int = 25,
    size: tuple[int, int] = SIZE,
    turn: int = 0,
    rgb_format: str = "yuv420p",
    **metadata: str,
) -> Path:
    """A video as a recorder would write it; `times` in frames of `rate`."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata)
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = rgb_format
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.thread_count = 1
        if turn:
            stream.set_display_rotation(turn)
        for number, picture in enumerate(scene(count, size)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=rgb_format)
            frame.pts, frame.time_base = times(number), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def jitter(number: int) -> int:
    """A camera that skips every fifth frame and stalls once."""
    return number + number // 5 + (20 if number > 30 else 0)


RECORDERS: dict[str, tuple[str, dict[str, object]]] = {
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
        found = list(video.frames(recorded, Span(start, stop)))
        assert len(found) == len(pictures[start:stop]), (start, stop)
        assert all(
            np.array_equal(a, b) for a, b in zip(found, pictures[start:stop], strict=True)
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
        found = [p[::8, ::8] for p in video.frames(path, Span(start, stop))]
        assert np.array_equal(np.stack(found), np.stack(pictures[start:stop]))


def test_frames_of_a_constant_rate_are_the_ones_that_were_written(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", b_frames=2)
    for found, written in zip(video.frames(path), scene(60), strict=True):
        assert np.abs(found.astype(int) - written).mean() < 12


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
    stored = next(iter(scene(1)))
    found = next(video.frames(path))
    upright = np.rot90(stored, TURNS[turn])
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 12
    video.cut(path, Span(0, 3), tmp_path / "clip.mp4", 25)
    clip = next(video.frames(tmp_path / "clip.mp4"))
    assert np.abs(clip.astype(int) - upright).mean() < 14


def test_the_turn_is_the_one_opencv_makes(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = record(tmp_path / "a.mp4", count=2, turn=-90)
    _, theirs = cv2.VideoCapture(str(path)).read()
    ours = next(video.frames(path))
    assert np.abs(theirs[..., ::-1].astype(int) - ours).mean() < 3


def test_the_start_that_the_recorder_wrote_is_read_in_utc(tmp_path: Path) -> None:
    path = record(tmp_path / "a.mp4", count=1, creation_time="2026-11-21T10:00:00+02:00")
    started_at = video.probe(path).started_at
    assert started_at is not None
    assert started_at.isoformat() == "2026-11-21T08:00:00+00:00"
    clockless = record(tmp_path / "b.mp4", count=1, creation_time="1970-01-01T00:00:00Z")
    assert video.probe(clockless).started_at is None


# --- damage


def text(path: Path) -> None:
    path.write_text("dear diary, today I was named .mp4\n" * 50)


def empty(path: Path) -> None:
    path.touch()


def header_only(path: Path) -> None:
    record(path, count=20)
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big") - 8
    path.write_bytes(data[:start] + bytes(size) + data[start + size :])


def no_frames(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        container.start_encoding()


def only_sound(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        stream.layout = "mono"
        for number in range(10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 8000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def without_index(path: Path) -> None:
    record(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def gone(path: Path) -> None:
    pass


def unknown_codec(path: Path) -> None:
    record(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    "make",
    [
        text,
        empty,
        header_only,
        no_frames,
        only_sound,
        without_index,
        unknown_codec,
        gone,
        dangling,
        folder,
    ],
    ids=lambda make: make.__name__,
)
def test_what_is_no_video_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(BadVideo, match=r"bad\.mp4") as caught:
        video.probe(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadVideo):
        list(video.frames(path))
    with pytest.raises(BadVideo, match=r"^[^\n]*ward\.mp4"):
        video.probe(path, "ward.mp4")


def test_a_file_that_may_not_be_read_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "a.mp4", count=1)

    def forbidden(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", forbidden)
    with pytest.raises(BadVideo, match=r"a\.mp4.*Permission denied"):
        video.probe(path)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.ts"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_video_has_the_frames_that_decode(
    tmp_path: Path, name: str, share: float
) -> None:
    codec = "mpeg4" if name == "a.avi" else "libx264"
    path = record(tmp_path / name, codec=codec, size=(320, 240))
    os.truncate(path, int(path.stat().st_size * share))
    pictures = list(video.frames(path))
    assert 1 <= len(pictures) < 60
    assert video.probe(path).frames == len(pictures)


def test_a_truncated_video_with_its_index_in_front_has_the_frames_that_decode(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.mp4"
    video.write(path, scene(60), 25)
    os.truncate(path, path.stat().st_size * 2 // 3)
    pictures = list(video.frames(path))
    assert 1 <= len(pictures) < 60
    assert video.probe(path).frames == len(pictures)
    video.cut(path, Span(1, len(pictures)), tmp_path / "clip.mp4", 25)
    assert video.probe(tmp_path / "clip.mp4").frames == len(pictures) - 1


@pytest.fixture(scope="module")
def sound_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sound")
    return {
        name: record(folder / name, codec=codec, b_frames=b, gop=10).read_bytes()
        for name, codec, b in [
            ("a.mp4", "libx264", 2),
            ("a.mkv", "libx264", 0),
            ("a.avi", "mpeg4", 0),
        ]
    }


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(["a.mp4", "a.mkv", "a.avi"]),
    at=st.floats(0.1, 0.8),
    length=st.integers(1, 6000),
    seed=st.integers(0, 5),
)
@example(name="a.mp4", at=0.3, length=4000, seed=0)
def test_damage_in_the_middle_moves_no_frame_number(
    tmp_path: Path,
    sound_files: dict[str, bytes],
    name: str,
    at: float,
    length: int,
    seed: int,
) -> None:
    data = bytearray(sound_files[name])
    start = int(len(data) * at)
    noise = np.random.default_rng(seed).integers(0, 256, length, np.uint8).tobytes()
    data[start : start + length] = noise if seed else bytes(length)
    path = tmp_path / f"{hashlib.sha256(data).hexdigest()}{name[1:]}"
    path.write_bytes(data[: len(sound_files[name])])
    try:
        count = video.probe(path).frames
    except BadVideo:
        return
    pictures = list(video.frames(path))
    assert len(pictures) == count
    for span in [Span(count // 2, count // 2 + 7), Span(count - 1, count)]:
        found = list(video.frames(path, span))
        assert len(found) == len(pictures[span.start : span.stop])


# --- writing


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
        stored = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert stored.shape == (16, 18, 3)
    assert stored.min() > 245


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
from oneclick.io import video
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("no space left to write") == 2, done.stderr
    assert not list(tmp_path.glob(".*"))
    assert not out.is_file()
