"""What a device sees of its camera: the newest picture, at the time at which it was taken."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.core.errors import BadVideo
from oneclick.core.stream_addresses import parse
from oneclick.edge import source
from oneclick.video.streams.base import StreamPacket
from oneclick.video.streams.pictures import PictureDecoder
from oneclick.video.streams.reader import StreamOptions
from tests.fakes import certificates, coded_pictures, gstreamer, rtsp_server
from tests.fakes.rtsp_server import FakeCamera, RtspServer
from tests.live.cameras import QUICK

CAMERA_FPS = 20.0


def test_a_model_that_is_slower_than_the_camera_sees_the_newest_pictures() -> None:
    pictures = coded_pictures.encode("h264", 400)  # no number comes twice while a test waits
    camera = FakeCamera(
        codec="h264", script=rtsp_server.endless(pictures, CAMERA_FPS), header=pictures[0]
    )
    seen, stop = [], threading.Event()
    with (
        RtspServer(camera) as server,
        contextlib.closing(source.live_pictures(parse(server.url()), CAMERA_FPS, stop)) as live,
    ):
        for moment, picture in live:
            seen.append((moment, coded_pictures.number_in(picture)))
            if len(seen) == 8:
                break
            time.sleep(0.2)
    steps = np.diff([number for _, number in seen]) % len(pictures)
    assert steps.sum() >= 2 * len(steps)
    # The first ones waited while the connection was opened.
    taken = np.diff([moment for moment, _ in seen])[-4:]
    assert taken == pytest.approx(steps[-4:] / CAMERA_FPS, abs=1 / CAMERA_FPS)


def test_the_certificate_of_a_camera_is_checked_as_that_of_a_live_one(tmp_path: Path) -> None:
    gstreamer.skip_where_missing()
    own, other = (certificates.create(tmp_path, name) for name in ("own", "other"))
    with gstreamer.server("h264", own) as port:
        address = parse(f"rtsps://127.0.0.1:{port}/stream")
        for authority in (own, other):
            stop, lines = threading.Event(), list[str]()

            def tell(line: str, stop: threading.Event = stop, lines: list[str] = lines) -> None:
                lines.append(line)
                stop.set()

            access = StreamOptions(
                credentials=gstreamer.SECRET, authorities=str(authority), backoff=QUICK
            )
            pictures = source.live_pictures(address, CAMERA_FPS, stop, tell, access)
            with contextlib.closing(pictures):
                assert (next(pictures, None) is None) == (authority == other), lines
            if authority == other:
                assert "its certificate is not trusted" in lines[0]


def test_of_a_file_every_picture_is_seen_at_its_own_time(tmp_path: Path) -> None:
    film, stop = tmp_path / "film.mp4", threading.Event()
    video.write(film, iter(np.full((20, 64, 96, 3), 90, np.uint8)), 50.0)
    moments = []
    for moment, _ in source.live_pictures(parse(str(film)), 60, stop):
        moments.append(moment)
        time.sleep(0.03)
    assert np.diff(moments) == pytest.approx(np.full(19, 0.02), abs=1e-3)


@pytest.mark.parametrize("limit", [100, 3], ids=["now and then", "again and again"])
def test_a_decoder_that_fails_is_told_and_goes_on_or_ends_the_pictures(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, stop, lines, calls = tmp_path / "film.mp4", threading.Event(), list[str](), list[int]()
    video.write(film, (coded_pictures.picture(k) for k in range(40)), 50.0)
    decode_packet = PictureDecoder._decode

    def decode(self: PictureDecoder, packet: StreamPacket) -> None:
        calls.append(1)
        if len(calls) >= 5 and (limit == 3 or len(calls) < 9):
            raise MemoryError("out of memory")
        decode_packet(self, packet)

    monkeypatch.setattr(PictureDecoder, "_decode", decode)
    monkeypatch.setattr(source, "MOST_FAILURES", limit)
    pictures = source.live_pictures(parse(str(film)), 60, stop, lines.append)
    if limit == 3:
        with pytest.raises(BadVideo, match=r"cannot decode .*out of memory"):
            list(pictures)
    else:
        assert len(list(pictures)) >= 20
    assert all("out of memory" in line for line in lines)
    assert lines


def test_a_file_that_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no video")
    stop = threading.Event()
    with pytest.raises(BadVideo, match="film"):
        next(source.live_pictures(parse(str(tmp_path / "film.mp4")), 10, stop))
