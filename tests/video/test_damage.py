"""A broken video gives the frames that decode, under steady numbers, or one clear line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from oneclick import video
from oneclick.core.errors import BadVideo
from oneclick.core.spans import Span
from tests.video.recorders import SIZE, record, scene


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
    with pytest.raises(BadVideo, match=r"bad\.mp4") as excinfo:
        video.probe(path)
    assert "\n" not in str(excinfo.value)
    with pytest.raises(BadVideo):
        list(video.frames(path))
    with pytest.raises(BadVideo, match=r"^[^\n]*ward\.mp4"):
        video.probe(path, "ward.mp4")


def test_spoilt_parameters_that_claim_what_nothing_decodes_cost_only_their_pictures(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "a.ts")
    content = bytearray(path.read_bytes())
    content[content.index(b"\0\0\1\x68") + 4] = 0xD1  # slices in any order
    path.write_bytes(content)
    assert 1 <= len(list(video.frames(path))) <= 60


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
        decoded = list(video.frames(path, span))
        assert len(decoded) == len(pictures[span.start : span.stop])
