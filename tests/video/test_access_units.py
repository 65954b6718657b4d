"""What packets of H.264 and HEVC tell without being decoded."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from oneclick import video
from oneclick.video import access_units
from oneclick.video.access_units import AccessUnits
from oneclick.video.bits import Bits
from oneclick.video.index import read_index
from tests.corpus import video_mutations
from tests.corpus.video_frames import Recorder, read_number, record

HEVC_WAYS = {
    "plain": "",
    "pyramid": "bframes=4:b-pyramid=1:b-adapt=0",
    "closed groups": "open-gop=0:bframes=3",
    "leading pictures that decode": "radl=2:open-gop=0:bframes=3",
    "many references": "ref=6:bframes=8:b-adapt=2",
    "layers in time": "temporal-layers=3:bframes=7:b-adapt=0",
    "one key": "intra-refresh=1",
    "scaling lists": "scaling-list=default",
    "few bits of order": "log2-max-poc-lsb=4:bframes=3",
    "parameters repeated": "repeat-headers=1:aud=1:hrd=1:vbv-maxrate=900:vbv-bufsize=900",
    "fields": "interlace=tff",
}
"""Ways of x265 to order pictures and refer to them."""


def record_hevc(path: Path, way: str) -> Path:
    options = {"preset": "medium", "x265-params": f"log-level=none:pools=1:frame-threads=1:{way}"}
    recorder = Recorder(codec="libx265", count=50, group=16, b_frames=3, options=options)
    return record(path, recorder)


@pytest.mark.parametrize("way", HEVC_WAYS)
def test_no_picture_of_a_healthy_hevc_video_counts_as_damaged(way: str, tmp_path: Path) -> None:
    index = read_index(record_hevc(tmp_path / "a.mkv", HEVC_WAYS[way]))
    assert not index.table.is_damaged.any()
    assert index.info.frames == 50


@pytest.mark.parametrize("way", HEVC_WAYS)
def test_after_a_lost_hevc_packet_no_picture_is_made_up(way: str, tmp_path: Path) -> None:
    path = record_hevc(tmp_path / "a.mkv", HEVC_WAYS[way])
    for seed in range(4):
        damaged = tmp_path / f"{seed}.mkv"
        video_mutations.drop_packets(path, damaged, np.random.default_rng(seed))
        seconds = read_index(damaged).seconds
        numbers = [read_number(image) for image in video.frames(damaged)]
        assert numbers == [numbers[0] + round(time * 25) for time in seconds]


@pytest.mark.parametrize(
    ("ways", "is_new"),
    [
        (("colorprim=bt709", "colorprim=bt470bg:fullrange=on"), False),
        (("ref=1", "ref=4"), True),
    ],
    ids=["in a note on its colours", "in what decoding needs"],
)
def test_parameters_that_differ(ways: tuple[str, str], is_new: bool, tmp_path: Path) -> None:
    parts = []
    for number, way in enumerate(ways):
        part = record(
            tmp_path / f"{number}.ts",
            Recorder(count=50, first=50 * number, options={"x264-params": way}),
        )
        later, shift = tmp_path / f"later{number}.ts", 2.0 * number

        def shifted(k: int, n: int, shift: float = shift) -> float:
            return shift

        video_mutations.rewrite_stamps(part, later, shifted)
        parts.append(later.read_bytes())
    path = tmp_path / "a.ts"
    path.write_bytes(video_mutations.counted_anew(b"".join(parts)))
    index = read_index(path)
    assert (index.table.is_new_format, index.is_decoded) == (is_new, is_new)
    assert [read_number(image) for image in video.frames(path)] == list(range(100))


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_noise_is_refused_without_a_traceback(codec: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        units = AccessUnits(codec, rng.bytes(int(rng.integers(0, 90))))
        for _ in range(4):
            head = b"\0\0\1" + bytes([int(rng.integers(0, 128))])
            units.follows(head + rng.bytes(int(rng.integers(0, 200))), False)


@pytest.mark.parametrize(
    ("content", "expected"), [(b"\x80", 0), (b"\x40", 1), (b"\x60", 2), (b"\x20", 3)]
)
def test_exp_golomb_numbers(content: bytes, expected: int) -> None:
    assert Bits(content).golomb() == expected
    signed = {0: 0, 1: 1, 2: -1, 3: 2}[expected]
    assert Bits(content).signed_golomb() == signed


def test_the_parameters_of_a_header_are_read(tmp_path: Path) -> None:
    path = record_hevc(tmp_path / "a.mp4", "")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        units = access_units.reader_of(stream)
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    assert units.follows(packets[0], True)
    assert units.can_start
    assert units.follows(packets[1], False)
    assert not units.can_start
