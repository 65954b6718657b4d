"""Predictions of edge cameras at the door: what is taken, and what is refused with which reason."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from fastapi.testclient import TestClient

from oneclick.core.edge_messages import EdgeBatch, IntakeAnswer
from oneclick.storage import intake_counts, intake_log
from oneclick.web.intake import bodies
from oneclick.web.intake.desk import IntakeDesk
from tests.edge import batches
from tests.waits import HANG_SECONDS
from tests.web.site import Site

NAN, INF = float("nan"), float("inf")
GOOD = batches.frame(0).boxes[0]


class Device:
    """An edge camera that posts to a site, by a clock that stands still."""

    def __init__(self, site: Site, **settings: Any) -> None:
        self.site, self.desk = site, site.app.state.intake
        assert isinstance(self.desk, IntakeDesk)
        self.desk._worker = None
        self.desk._clock = lambda: batches.START + 60
        self.desk.settings = self.desk.settings.model_copy(update=settings)
        self.token = self.desk.tokens.make("ward", [batches.MODEL])
        self.browser: TestClient = site.client()

    def post(
        self, batch: EdgeBatch | bytes, kind: str = bodies.MESSAGE_PACK, **headers: str
    ) -> Any:
        body = batch if isinstance(batch, bytes) else msgspec.msgpack.encode(batch)
        fields = {"Authorization": f"Bearer {self.token}", "Content-Type": kind} | headers
        return self.browser.post("/api/predictions", content=body, headers=fields)

    def stored(self) -> list[int]:
        return [
            frame.seq
            for path in intake_log.segments(self.site.workspace.intake_dir / "ward")
            for record in intake_log.records(path)
            for frame in record.batch.frames
        ]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(Site(tmp_path))


def test_both_formats_say_the_same(device: Device) -> None:
    first = device.post(batches.batch(batches.frames(5)))
    assert first.json() == {"next": 5, "stored": 5, "replayed": 0, "quarantined": {}, "spans": 0}
    second = device.post(batches.ndjson(batches.batch(batches.frames(5, 5))), bodies.NDJSON)
    assert second.json()["next"] == 10
    packed = gzip.compress(msgspec.msgpack.encode(batches.batch(batches.frames(5, 10))), mtime=0)
    assert device.post(packed, **{"Content-Encoding": "gzip"}).json()["next"] == 15
    assert device.stored() == list(range(15))
    headers = {"Authorization": f"Bearer {device.token}"}
    assert device.browser.get("/api/predictions", headers=headers).json()["next"] == 15


def test_a_batch_sent_twice_is_stored_once(device: Device) -> None:
    device.post(batches.batch(batches.frames(5)))
    again = device.post(batches.batch(batches.frames(8)))
    assert (again.json()["stored"], again.json()["replayed"]) == (3, 5)
    assert device.post(batches.batch(batches.frames(8))).json()["stored"] == 0
    assert device.stored() == list(range(8))


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"frames": tuple(batches.frames(3, 7)), "oldest": 0}, 409, "5 is wanted next"),
        ({"frames": tuple(batches.frames(3, 1 << 40)), "oldest": 1 << 40}, 409, "5 is wanted next"),
        ({"frames": tuple(batches.frames(3, start=batches.START + 30))}, 409, "begin anew"),
        ({"frames": tuple(reversed(batches.frames(3, 5)))}, 422, "not consecutive"),
        ({"frames": (batches.frame(5), batches.frame(7))}, 422, "not consecutive"),
        ({"sent_at": batches.START + 200}, 422, "clock of the device differs by 140 s"),
        ({"sent_at": batches.START - 7200}, 422, "clock of the device differs"),
        ({"sent_at": NAN}, 422, "clock of the device differs"),
        ({"source": msgspec.structs.replace(batches.SOURCE, camera="hall")}, 403, "not that of"),
        ({"source": msgspec.structs.replace(batches.SOURCE, model="gpt")}, 422, "not known"),
        ({"source": msgspec.structs.replace(batches.SOURCE, model="../../x")}, 400, "broken"),
        ({"source": msgspec.structs.replace(batches.SOURCE, classes=())}, 400, "broken"),
        ({"source": msgspec.structs.replace(batches.SOURCE, fps=0)}, 400, "broken"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(
    device: Device, changes: dict[str, Any], status: int, text: str
) -> None:
    device.post(batches.batch(batches.frames(5)))
    batch = batches.batch(batches.frames(3, 5), sent_at=batches.START + 60)
    answer = device.post(msgspec.structs.replace(batch, **changes))
    assert (answer.status_code, text in answer.json()["error"]) == (status, True), answer.text
    assert device.stored() == list(range(5))
    assert device.post(batch).json()["next"] == 8


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"boxes": ((NAN, *GOOD[1:]),)}, "a box has NaN or infinity"),
        ({"boxes": ((*GOOD[:4], INF, 0),)}, "a box has NaN or infinity"),
        ({"boxes": ((*GOOD[:2], 900.0, *GOOD[3:]),)}, "a box lies outside the picture"),
        ({"boxes": ((200.0, 0.0, 100.0, 50.0, 0.5, 0),)}, "a box lies outside the picture"),
        ({"boxes": ((*GOOD[:4], 1.5, 0),)}, "a score is not in"),
        ({"boxes": ((*GOOD[:5], 3),)}, "a class has no name"),
        ({"boxes": (GOOD,) * 301}, "more than 300 boxes"),
        ({"signals": {"blur": NAN}}, "a signal is no finite number"),
        ({"time": NAN}, "the time is no number"),
        ({"time": batches.START + 900}, "the time lies in the future"),
        ({"time": batches.START - 9e5}, "the picture is too old"),
        ({"time": batches.START}, "time goes back"),
    ],
)
def test_a_picture_that_cannot_be_is_quarantined_and_the_others_are_stored(
    device: Device, changes: dict[str, Any], reason: str
) -> None:
    pictures = batches.frames(5)
    pictures[2] = msgspec.structs.replace(pictures[2], **changes)
    batch = batches.batch(pictures)
    answer = device.post(batch).json()
    assert (answer["next"], answer["stored"]) == (5, 4)
    ((name, count),) = answer["quarantined"].items()
    assert (reason in name, count) == (True, 1)
    assert device.post(batch).json()["quarantined"] == {}
    assert device.stored() == [0, 1, 3, 4]
    assert device.desk._counts["ward"].quarantined == {name: 1}


@pytest.mark.parametrize(
    "token", ["", "Bearer ", "Bearer ward.x", "Bearer nobody.abc", "Basic abc"]
)
def test_without_a_valid_token_nothing_is_read(device: Device, token: str) -> None:
    answer = device.post(batches.batch(batches.frames(3)), Authorization=token)
    assert answer.status_code == 401
    assert device.stored() == []
    assert device.desk._counts[intake_counts.STRANGERS].refused == {"401 no valid token": 1}


def test_a_revoked_token_and_the_one_before_a_new_one_are_refused_at_once(device: Device) -> None:
    old = device.token
    device.token = device.desk.tokens.make("ward", [batches.MODEL])
    assert (
        device.post(batches.batch(batches.frames(3)), Authorization=f"Bearer {old}").status_code
        == 401
    )
    assert device.post(batches.batch(batches.frames(3))).status_code == 200
    device.desk.tokens.revoke("ward")
    assert device.post(batches.batch(batches.frames(3, 3))).status_code == 401
    assert (device.site.workspace.intake_dir / "tokens.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * ((1 << 20) + 1), {}, 413),
        (gzip.compress(b"\0" * (64 << 20), mtime=0), {"Content-Encoding": "gzip"}, 413),
        (gzip.compress(b"\0" * 100, mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"\x91" * 100_000, {}, 400),
        (b"", {}, 400),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"\xff\xfe", {"Content-Type": bodies.NDJSON}, 400),
        (b"[" * 100_000, {"Content-Type": bodies.NDJSON}, 400),
        (b'{"source": NaN}', {"Content-Type": bodies.NDJSON}, 400),
    ],
)
def test_a_body_that_is_no_batch_is_refused(
    device: Device, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = device.post(body, **headers)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert device.stored() == []


def test_too_many_batches_in_a_minute_are_refused_until_it_is_over(tmp_path: Path) -> None:
    device = Device(Site(tmp_path), requests_per_minute=2)
    statuses = [device.post(batches.batch(batches.frames(1, k))).status_code for k in range(3)]
    assert statuses == [200, 200, 429]
    device.desk._cameras["ward"]._clock = lambda: batches.START + 120
    assert device.post(batches.batch(batches.frames(1, 2))).status_code == 200


def test_what_a_device_had_to_drop_is_counted_and_it_goes_on(device: Device) -> None:
    device.post(batches.batch(batches.frames(5)))
    answer = device.post(batches.batch(batches.frames(5, 20)))
    assert (answer.json()["next"], answer.json()["stored"]) == (25, 5)
    assert device.desk._counts["ward"].lost == 15


def test_a_new_server_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    device = Device(Site(tmp_path))
    device.post(batches.batch(batches.frames(5)))
    device.desk._save_counts()
    device.desk._only.close()
    other = Device.__new__(Device)
    other.site, other.token = device.site, device.token
    other.desk = device.site.app.state.intake = IntakeDesk(
        device.site.workspace, device.desk.settings, clock=lambda: batches.START + 60
    )
    other.browser = device.browser
    assert other.post(batches.batch(batches.frames(8))).json()["stored"] == 3
    assert other.stored() == list(range(8))
    assert other.desk._counts["ward"].stored == 8


def test_broken_counts_are_put_aside_and_begin_anew(device: Device) -> None:
    path = intake_counts.counts_file(device.site.workspace)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"cameras": {')
    assert device.post(batches.batch(batches.frames(5))).json()["stored"] == 5
    device.desk._save_counts()
    assert intake_counts.load(device.site.workspace)["ward"].stored == 5
    assert path.with_name("counts.json.broken").read_bytes() == b'{"cameras": {'


def test_a_body_that_comes_slowly_ends_with_its_connection_and_harms_no_other(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = msgspec.msgpack.encode(batches.batch(batches.frames(5)))
    with device.site.served() as client:
        address = ("127.0.0.1", client.base_url.port or 0)
        with (
            socket.create_connection(address, HANG_SECONDS) as earlier,
            socket.create_connection(address, HANG_SECONDS) as slow,
        ):
            head = (
                f"POST /api/predictions HTTP/1.1\r\nHost: 127.0.0.1:8321\r\n"
                f"Authorization: Bearer {device.token}\r\nContent-Type: application/msgpack\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            earlier.sendall(head.encode() + body[:20])
            headers = {"Authorization": f"Bearer {device.token}"}
            fields = {**headers, "Content-Type": bodies.MESSAGE_PACK}
            answer = client.post("/api/predictions", content=body, headers=fields)
            assert answer.json()["stored"] == 5
            monkeypatch.setattr("oneclick.web.server.BODY_SECONDS", 0.2)
            slow.sendall(head.encode() + body[:20])
            with contextlib.suppress(ConnectionResetError):
                assert slow.recv(100) == b""
    assert device.stored() == list(range(5))


def test_a_second_server_takes_nothing(device: Device) -> None:
    device.post(batches.batch(batches.frames(5)))
    device.site.app.state.intake = IntakeDesk(
        device.site.workspace, device.desk.settings, clock=lambda: batches.START + 60
    )
    assert device.post(batches.batch(batches.frames(3, 5))).status_code == 503
    assert device.stored() == list(range(5))


@pytest.mark.parametrize("kind", [bodies.MESSAGE_PACK, bodies.NDJSON])
def test_a_damaged_batch_is_refused_or_harmless_wherever_it_is_damaged(
    device: Device, kind: str
) -> None:
    random = np.random.default_rng(7)
    for first in range(0, 120, 3):
        batch = batches.batch(batches.frames(3, first), sent_at=batches.START + 60)
        body = bytearray(
            batches.ndjson(batch) if kind == bodies.NDJSON else msgspec.msgpack.encode(batch)
        )
        for place in random.integers(0, len(body), int(random.integers(1, 4))):
            body[place] = int(random.integers(0, 256))
        answer = device.post(
            bytes(body[: int(random.integers(len(body) // 2, len(body) + 1))]), kind
        )
        assert answer.status_code in (200, 400, 403, 409, 422), answer.text
        wanted = device.post(batch, **{"Content-Type": bodies.MESSAGE_PACK})
        assert wanted.status_code in (200, 409), wanted.text
        assert answer.json().keys() <= {
            "error",
            "next",
            *msgspec.structs.asdict(IntakeAnswer(next=0)),
        }
    numbers = device.stored()
    assert numbers == sorted(set(numbers))


def test_a_camera_whose_segment_is_broken_keeps_no_other_from_being_looked_after(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.post(batches.batch(batches.frames(5)))
    broken = device.site.workspace.intake_dir / "attic" / f"{0:020d}{intake_log.SUFFIX}"
    broken.parent.mkdir()
    broken.write_bytes(b"what a disk made of it")
    device.desk._clock = lambda: batches.START + 6000
    for _ in range(2):
        asyncio.run(device.desk.tick())
    assert len(intake_log.segments(device.site.workspace.intake_dir / "ward")) == 2
    assert intake_counts.load(device.site.workspace)["ward"].stored == 5
    assert [text.split(":")[0] for text in caplog.messages] == ["intake of attic"]
