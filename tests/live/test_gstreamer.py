"""A real RTSP server, GStreamer's of the system: an implementation that is not ours."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from oneclick import video
from oneclick.core.stream_addresses import Credentials
from tests.fakes import certificates, gstreamer
from tests.fakes.gstreamer import SECRET, server
from tests.live.cameras import read
from tests.waits import wait_until


@pytest.fixture(scope="module", autouse=True)
def _needed() -> None:
    gstreamer.skip_where_missing()


@pytest.mark.parametrize("scheme", ["rtsp", "rtsp+udp"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_its_pictures_are_seen_and_recorded(codec: str, scheme: str, tmp_path: Path) -> None:
    with (
        server(codec) as port,
        read(f"{scheme}://127.0.0.1:{port}/stream", tmp_path, SECRET) as watched,
    ):
        wait_until(lambda: len(watched.pictures) >= 25, lambda: watched.statuses)
    (segment,) = tmp_path.glob("*.mkv")
    info = video.probe(segment)
    assert (info.width, info.height) == (160, 96)
    assert info.frames >= 20
    assert abs(info.fps - 20) < 1
    assert not info.notes
    assert all(a.time <= b.time for a, b in pairwise(watched.pictures))
    assert [status for status, _ in watched.statuses] == ["connecting", "running"]


def test_its_refusal_of_a_password_is_told() -> None:
    wrong = Credentials(user=SECRET.user, password="another")
    with server("h264") as port:
        url = f"rtsp://127.0.0.1:{port}/stream"
        with read(url, credentials=wrong) as watched:
            wait_until(lambda: watched.saw("refused"))
    assert "401" in watched.statuses[1][1]
    assert "another" not in repr(watched.statuses)


def test_over_tls_it_is_seen_where_its_certificate_is_known(tmp_path: Path) -> None:
    own, other = (certificates.create(tmp_path, name) for name in ("own", "other"))
    with server("h264", own) as port:
        url = f"rtsps://127.0.0.1:{port}/stream"
        for authorities in (str(own), "any", str(other), ""):
            is_known = authorities in (str(own), "any")
            with read(url, credentials=SECRET, authorities=authorities) as watched:
                wait_until(partial(watched.saw, "running" if is_known else "refused"))
                if is_known:
                    continue
            (_, (_, line), *_) = watched.statuses
            assert "its certificate is not trusted" in line
            assert "live.certificates" in line
            assert not watched.pictures
