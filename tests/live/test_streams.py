"""Live sources: what is good is recorded and seen, what is not is told, and it is tried again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from oneclick.core.stream_addresses import Credentials
from oneclick.video.streams.connection import StreamTimeouts
from tests.fakes import coded_pictures, rtsp_server
from tests.fakes.coded_pictures import CodedPicture
from tests.fakes.rtsp_server import Action, FakeCamera, Hang, Pause, RtspServer, SendBytes, play
from tests.live.cameras import PATIENT, is_run, read, recorded
from tests.waits import wait_until

SECRET = Credentials(user="nurse b", password="p@:/ss%wörd")


def good_camera(codec: str = "h264", **fields: Any) -> FakeCamera:
    pictures = coded_pictures.encode(codec)
    return FakeCamera(
        codec=codec, script=rtsp_server.endless(pictures), header=pictures[0], **fields
    )


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("scheme", ["rtsp", "rtsp+udp"])
def test_every_picture_of_a_camera_is_seen_and_recorded(
    codec: str, scheme: str, tmp_path: Path
) -> None:
    camera = good_camera(codec)
    with RtspServer(camera) as server, read(server.url(scheme), tmp_path) as watched:
        wait_until(lambda: len(watched.numbers) >= 15)
    (numbers,) = recorded(tmp_path)
    assert is_run(numbers)
    assert numbers[0] % 10 == 0
    assert set(watched.numbers) <= set(numbers) | {numbers[-1] + 1}
    assert [status for status, _ in watched.statuses] == ["connecting", "running"]
    assert camera.connections == 1


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_credentials_open_a_camera_and_stand_nowhere(auth: str, tmp_path: Path) -> None:
    camera = good_camera(auth=auth, user=SECRET.user, password=SECRET.password)
    with RtspServer(camera) as server, read(server.url(), tmp_path, SECRET) as watched:
        wait_until(lambda: len(watched.numbers) >= 3)
        told = repr(watched.statuses) + repr(SECRET)
    assert "ss%w" not in told
    assert "nurse" not in told


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_wrong_password_is_refused_and_not_shown(auth: str) -> None:
    camera = good_camera(auth=auth, user=SECRET.user, password="another")
    with RtspServer(camera) as server, read(server.url(), credentials=SECRET) as watched:
        wait_until(lambda: watched.saw("refused"))
    message = next(message for status, message in watched.statuses if status == "refused")
    assert message.startswith(f"{server.url()}: ")
    assert "401" in message
    assert "ss%w" not in repr(watched.statuses)
    assert "%C3%B6" not in repr(watched.statuses)
    assert camera.connections == 0


@dataclass(frozen=True)
class Trouble:
    """A camera that misbehaves in its first connection, and what must come of it."""

    actions: Iterable[Action]
    told: tuple[str, ...] = ()
    """Statuses, in this order."""
    stretches: int = 2
    """Segments at least."""
    size: tuple[int, int] = (160, 96)
    """Of the pictures of later connections."""
    timeouts: StreamTimeouts = PATIENT


def pictures(first: int = 0, size: tuple[int, int] = (160, 96)) -> tuple[CodedPicture, ...]:
    return coded_pictures.encode("h264", size=size, first=first)


def trouble(name: str) -> Trouble:
    """The table of what cameras do; made when asked for, since actions are used up."""
    start = list(play(pictures()[:10]))
    after = list(play(pictures()[10:], start=100.5))
    garbage = [SendBytes(bytes(range(1, 200)), 100.5 + k / 20) for k in range(10)]
    torn = [SendBytes(b"\x7c\x05" + bytes(range(90)), 100.5 + k / 20) for k in range(5)]
    endless = play(itertools.cycle(pictures()), start=101)
    cases = {
        "hangs up": Trouble(start, ("running", "ended the connection", "running")),
        "stalls": Trouble(
            [*start, Hang()],
            ("running", "sends nothing any more", "running"),
            timeouts=replace(PATIENT, read=0.6),
        ),
        "sends garbage": Trouble([*start, *garbage, *after], ("running", "running"), 1),
        "sends torn units": Trouble([*start, *torn, *after], ("running", "running"), 1),
        "sends garbage alone": Trouble(garbage, ("connecting", "running"), 1),
        "jumps ahead": Trouble(
            itertools.chain(start, play(itertools.cycle(pictures()), start=5000)), ("running",)
        ),
        "jumps back": Trouble(
            itertools.chain(start, play(itertools.cycle(pictures()), start=20)), ("running",)
        ),
        "pauses": Trouble(itertools.chain(start, [Pause(0.3)], endless), ("running",), 1),
        "changes size": Trouble(
            itertools.chain(start, play(itertools.cycle(pictures(size=(240, 144))), start=100.5)),
            ("running",),
            size=(240, 144),
        ),
    }
    return cases[name]


NAMES = (
    "hangs up", "stalls", "sends garbage", "sends torn units", "sends garbage alone",
    "jumps ahead", "jumps back", "pauses", "changes size",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_camera_in_trouble_harms_no_other(name: str, tmp_path: Path) -> None:
    case = trouble(name)
    later = rtsp_server.endless(pictures(size=case.size))
    bad = FakeCamera(
        codec="h264",
        header=pictures()[0],
        script=lambda connection: later(connection) if connection else case.actions,
    )
    good = good_camera()
    with (
        RtspServer(bad) as bad_server,
        RtspServer(good) as good_server,
        read(bad_server.url(), tmp_path / "bad", timeouts=case.timeouts) as watched,
        read(good_server.url(), tmp_path / "good") as neighbour,
    ):
        wait_until(lambda: watched.saw(*case.told), lambda: watched.statuses)
        seen = len(watched.numbers)
        wait_until(lambda: len(watched.numbers) >= max(seen, 10) + 15)
        wait_until(lambda: len(neighbour.numbers) >= 30)
    segments = recorded(tmp_path / "bad")
    assert len(segments) >= case.stretches
    assert all(numbers and numbers[0] % 10 == 0 for numbers in segments), segments
    if name != "sends garbage alone":
        # The parser of the stream joins garbage to the picture before it.
        assert segments[0][:9] == list(range(9))
    if case.stretches > 1:
        assert all(is_run(numbers) for numbers in segments), segments
    assert not list((tmp_path / "bad").glob("*.part"))
    (whole,) = recorded(tmp_path / "good")
    assert is_run(whole)
    assert good.connections == 1


def test_a_camera_that_is_not_there_is_tried_until_it_comes(tmp_path: Path) -> None:
    server = RtspServer(good_camera())
    server.close()
    with read(server.url(), tmp_path) as watched:
        wait_until(lambda: len(watched.statuses) >= 4)
    assert {status for status, _ in watched.statuses} == {"connecting"}
    assert "refused" in watched.statuses[1][1]
    assert not list(tmp_path.iterdir())
