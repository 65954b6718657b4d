"""Live cameras for browsers: who may see what, which picture comes, and when a stream ends."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection
from websockets.typing import Origin

from oneclick.storage import alert_log, live_state
from oneclick.storage.alert_log import Alert, AlertLog, AlertRecord
from oneclick.storage.live_ring import RingFrame, RingWriter
from oneclick.storage.workspace import Workspace
from oneclick.web.live import stream
from tests.waits import HANG_SECONDS, wait_until
from tests.web import live_camera
from tests.web.site import ORIGIN, PASSWORD, Site

FRAMES = 60


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(live_state, "STALE_SECONDS", HANG_SECONDS)
    site = Site(tmp_path, blur_for=["viewer"])
    site.add("ada")
    site.add("lea", "lead", ["hall"])
    site.add("vic", "viewer")
    for camera in ("ward", "hall"):
        live_camera.write_state(tmp_path, camera)
    live_camera.fill(tmp_path, "ward", FRAMES)
    return site


@pytest.fixture
def ring(site: Site) -> Iterator[RingWriter]:
    with RingWriter(live_state.ring_folder(site.home, "ward")) as writer:
        yield writer


def parse(content: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """Return what a message says, and its picture."""
    (length,) = struct.unpack(">I", content[:4])
    picture = cv2.imdecode(np.frombuffer(content[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return json.loads(content[4 : 4 + length]), picture


def get(client: TestClient, path: str, **params: object) -> tuple[dict[str, Any], np.ndarray]:
    answer = client.get(f"/api/live/ward/{path}", params=params)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return parse(answer.content)


@pytest.fixture
def served(site: Site) -> Iterator[Server]:
    with site.served() as client:
        yield Server(client)


class Server:
    """The pages on a real socket, and streams of users who are signed in."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def sign_in(self, name: str) -> dict[str, str]:
        """Return the headers of a user's browser."""
        self.client.cookies.clear()
        self.client.post("/api/login", json={"name": name, "password": PASSWORD}).raise_for_status()
        return {"Cookie": "; ".join(f"{k}={v}" for k, v in self.client.cookies.items())}

    def stream(
        self, headers: dict[str, str] | None, camera: str = "ward", origin: str = ORIGIN
    ) -> ClientConnection:
        """Open a stream; headers are those of a browser."""
        url = self.client.base_url
        return connect(
            f"{ORIGIN.replace('http', 'ws', 1)}/live/{camera}/stream",
            sock=socket.create_connection((url.host, url.port or 0)),
            origin=Origin(origin) if origin else None,
            additional_headers=headers,
            proxy=None,
            open_timeout=HANG_SECONDS,
            close_timeout=HANG_SECONDS,
        )


def message(connection: Connection) -> tuple[dict[str, Any], np.ndarray]:
    """Return the next message of a stream."""
    content = connection.recv(HANG_SECONDS)
    assert isinstance(content, bytes)
    return parse(content)


def closing(connection: Connection) -> int:
    """Return the code with which a stream is closed, after the pictures before that."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv(HANG_SECONDS)
    assert connection.close_code is not None
    return connection.close_code


def test_the_list_has_the_cameras_in_scope_with_their_state(site: Site) -> None:
    live_camera.write_state(site.home, "hall", "refused", "wrong password")
    rows = site.client("ada").get("/api/live").json()["cameras"]
    assert [(row["camera"], row["status"]) for row in rows] == [
        ("hall", "refused"),
        ("ward", "running"),
    ]
    assert rows[0]["message"] == "wrong password"
    assert rows[0]["ring"] is None
    assert rows[1]["ring"]["last_seq"] == FRAMES - 1
    assert [row["camera"] for row in site.client("lea").get("/api/live").json()["cameras"]] == [
        "hall"
    ]


def test_open_alerts_come_to_whom_the_camera_is_in_scope(site: Site) -> None:
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    workspace = Workspace(site.home)
    records = [
        AlertRecord(
            alert=Alert(kind="dark", camera=camera, text=f"{camera} is dark", since=at),
            opened_at=at,
            ended_at=ended,
        )
        for camera, ended in (("ward", None), ("hall", None), ("hall", at))
    ]
    alert_log.save(workspace, AlertLog(records=tuple(records)))
    for name, texts in (("ada", ["ward is dark", "hall is dark"]), ("lea", ["hall is dark"])):
        rows = site.client(name).get("/api/live").json()["alerts"]
        assert [row["text"] for row in rows] == texts
    workspace.alerts_file.write_text("{")
    answer = site.client("ada").get("/api/live").json()
    assert "oneclick doctor" in answer["alerts"][0]["text"]
    assert len(answer["cameras"]) == 2


@pytest.mark.parametrize(
    ("params", "number"),
    [
        ({"number": 0}, 0),
        ({"number": 17}, 17),
        ({"number": 17, "step": 1}, 18),
        ({"number": 17, "step": -1}, 16),
        ({"number": 0, "step": 1}, 1),
    ],
)
def test_a_picture_is_the_one_of_its_number(
    site: Site, params: dict[str, int], number: int
) -> None:
    head, picture = get(site.client("ada"), "picture", **params)
    assert (head["source"], head["seq"], head["blurred"]) == ("ring", number, False)
    assert live_camera.number_in(picture) == number
    assert head["boxes"][live_camera.A][0][:4] == list(live_camera.box(number)[:4])
    assert list(head["boxes"]) == [live_camera.A, live_camera.B]
    assert head["classes"][live_camera.A] == ["person", "wheelchair"]


def test_a_picture_is_the_one_nearest_to_a_time(site: Site) -> None:
    client = site.client("ada")
    newest, picture = get(client, "newest")
    assert live_camera.number_in(picture) == newest["seq"] == FRAMES - 1
    head, picture = get(client, "picture", time=newest["time"] - 2.02)
    assert live_camera.number_in(picture) == head["seq"] == FRAMES - 1 - 20


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/live/ward/picture?number=60", 404),
        ("/api/live/ward/picture?number=5&step=2", 422),
        ("/api/live/ward/picture?number=-1", 422),
        ("/api/live/ward/picture?time=nan", 422),
        ("/api/live/ward/picture?time=1e300", 422),
        ("/api/live/ward/picture?source=../../x&number=1", 404),
        ("/api/live/hall/newest", 404),
        ("/api/live/attic/state", 404),
        ("/api/live/..%2Fward/state", 404),
        ("/api/live/ward/firing?score=2", 422),
        ("/api/live/ward/firing?score=nan", 422),
    ],
)
def test_what_is_not_there_is_refused(site: Site, path: str, status: int) -> None:
    answer = site.client("ada").get(path)
    assert answer.status_code == status
    assert list(answer.json()) in (["error"], ["detail"])


@pytest.mark.parametrize("params", ["number=0&step=-1", "number=59&step=1", "number=99&step=1"])
def test_a_step_past_the_ends_has_no_picture(site: Site, params: str) -> None:
    answer = site.client("ada").get(f"/api/live/ward/picture?{params}")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("path", ["state", "newest", "picture?number=3", "firing?score=0.5"])
def test_a_camera_out_of_scope_is_as_one_that_is_not_there(site: Site, path: str) -> None:
    site.client("ada").get(f"/api/live/ward/{path}").raise_for_status()
    assert site.client("lea").get(f"/api/live/ward/{path}").status_code == 404
    assert site.client().get(f"/api/live/ward/{path}").status_code == 401


def test_a_role_without_faces_gets_blurred_pictures(site: Site) -> None:
    sharp = get(site.client("ada"), "picture", number=30)[1].astype(int)
    head, picture = get(site.client("vic"), "picture", number=30)
    assert head["blurred"]
    x1, y1, _, y2 = (int(side) for side in live_camera.box(29)[:4])
    before = np.abs(picture.astype(int) - sharp)[y1:y2, x1 - 3 : x1 + 3]
    assert before.max() > 20  # where somebody was a moment ago is coarse too
    with site.served() as client:
        server = Server(client)
        with server.stream(server.sign_in("vic")) as viewer:
            assert message(viewer)[0]["blurred"]


def test_a_picture_in_which_no_model_saw_anybody_is_blurred_as_a_whole(site: Site) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    frame = live_camera.frame(0, time.time() + 60)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    with RingWriter(live_state.ring_folder(site.home, "ward")) as ring:
        ring.append(type(frame)(**(vars(frame) | {"boxes": {"nano": []}, "jpeg": jpeg})))
    assert get(site.client("ada"), "newest")[1].std() > 50
    assert get(site.client("vic"), "newest")[1].std() < 20


def test_a_look_is_in_the_audit_log_once(site: Site, served: Server) -> None:
    headers = served.sign_in("ada")
    for _ in range(3):
        served.client.get("/api/live/ward/newest").raise_for_status()
        with served.stream(headers) as viewer:
            message(viewer)
    views = [entry for entry in site.audit() if entry.act == "view"]
    assert [(entry.user, entry.clip) for entry in views] == [("ada", "live/ward")]


@pytest.mark.parametrize(
    ("user", "camera", "origin"),
    [
        ("ada", "ward", "http://evil.example"),
        ("ada", "ward", "null"),
        ("ada", "ward", ""),
        ("", "ward", ORIGIN),
        ("lea", "ward", ORIGIN),
        ("ada", "attic", ORIGIN),
    ],
    ids=["foreign", "null", "no page", "nobody", "out of scope", "no camera"],
)
def test_a_stream_is_refused(
    site: Site, served: Server, user: str, camera: str, origin: str
) -> None:
    headers = served.sign_in(user) if user else None
    with pytest.raises(InvalidStatus) as refusal:
        served.stream(headers, camera, origin)
    assert refusal.value.response.status_code == 403
    entry = site.audit()[-1]
    assert (entry.act, entry.outcome) == ("refused", "403")
    assert entry.detail == f"WebSocket /live/{camera}/stream"


def test_a_stream_sends_two_pictures_on_credit_and_then_one_for_each_request(
    served: Server, ring: RingWriter
) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        assert message(viewer)[0]["seq"] == FRAMES - 1
        seqs = []
        for number in range(FRAMES, FRAMES + 3):
            ring.append(live_camera.frame(number, time.time()))
            if number > FRAMES:
                viewer.send(stream.ASK)
            head, picture = message(viewer)
            assert live_camera.number_in(picture) == head["seq"]
            seqs.append(head["seq"])
        assert seqs == [FRAMES, FRAMES + 1, FRAMES + 2]


def test_a_viewer_who_is_slow_gets_the_newest_picture_next(
    served: Server, ring: RingWriter
) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        message(viewer)
        ring.append(live_camera.frame(FRAMES, time.time()))
        assert message(viewer)[0]["seq"] == FRAMES
        for number in range(FRAMES + 1, FRAMES + 30):
            ring.append(live_camera.frame(number, time.time()))
        viewer.send(stream.ASK)
        assert message(viewer)[0]["seq"] == FRAMES + 29


def enlarged(number: int) -> RingFrame:
    """Return a picture of four times the sides."""
    frame = live_camera.frame(number, time.time())
    width, height = 4 * frame.width, 4 * frame.height
    jpeg = cv2.imencode(".jpg", cv2.resize(live_camera.draw(number), (width, height)))[1]
    return replace(frame, width=width, height=height, jpeg=jpeg.tobytes())


@pytest.mark.parametrize("user", ["ada", "vic"])
def test_a_viewer_who_asks_for_less_gets_half_the_sides_and_the_same_boxes(
    served: Server, ring: RingWriter, user: str
) -> None:
    number = FRAMES
    with served.stream(served.sign_in(user)) as viewer:
        message(viewer)
        for request in (stream.ASK_LESS, stream.ASK):
            is_reduced = request == stream.ASK_LESS
            head: dict[str, Any] = {}
            while head.get("reduced") != is_reduced:  # a picture may be under way when it is asked
                viewer.send(request)
                ring.append(frame := enlarged(number))
                head, picture = message(viewer)
                number += 1
                assert number < FRAMES + 100
            factor = 2 if is_reduced else 1
            assert picture.shape[:2] == (frame.height // factor, frame.width // factor)
            assert (head["width"], head["height"]) == (frame.width, frame.height)
            assert head["boxes"].keys() == frame.boxes.keys()
            assert head["blurred"] == (user == "vic")


def test_a_small_picture_is_not_reduced(served: Server, ring: RingWriter) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        for number in range(FRAMES, FRAMES + 5):
            head, picture = message(viewer)
            assert (head["reduced"], picture.shape[1]) == (False, head["width"])
            viewer.send(stream.ASK_LESS)
            ring.append(live_camera.frame(number, time.time()))


@pytest.mark.parametrize("content", ["", "more", "next " * 100, b"next"])
def test_a_stream_that_is_sent_something_else_is_closed(
    served: Server, content: str | bytes
) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        viewer.send(content)
        assert closing(viewer) == stream.NOT_UNDERSTOOD


def test_a_message_that_is_too_large_closes_the_stream(served: Server) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        viewer.send("x" * 100_000)
        assert closing(viewer) == 1009


def test_requests_for_more_than_was_sent_give_no_credit(served: Server, ring: RingWriter) -> None:
    with served.stream(served.sign_in("ada")) as viewer:
        message(viewer)
        for _ in range(50):
            viewer.send(stream.ASK)
        for number in (FRAMES, FRAMES + 1):
            ring.append(live_camera.frame(number, time.time()))
            assert message(viewer)[0]["seq"] == number
        ring.append(live_camera.frame(FRAMES + 2, time.time()))
        with pytest.raises(TimeoutError):
            viewer.recv(0.2)


@pytest.mark.parametrize("end", ["sign-out", "removed", "scope", "role"])
def test_a_stream_ends_with_its_session(
    site: Site, served: Server, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK_SECONDS", 0.01)
    users = site.access.users
    with served.stream(served.sign_in("ada")) as viewer:
        message(viewer)
        if end == "sign-out":
            served.client.post("/api/logout", json={}).raise_for_status()
        elif end == "removed":
            users.remove("ada")
        elif end == "scope":
            users.set_role("ada", "annotator", ["hall"])
        else:
            users.set_role("ada", "viewer", None)
        assert closing(viewer) == stream.SIGNED_OUT


def test_one_user_has_so_many_streams_and_others_have_theirs(served: Server) -> None:
    ada = served.sign_in("ada")
    with contextlib.ExitStack() as stack:
        for _ in range(stream.MAX_PER_USER):
            message(stack.enter_context(served.stream(ada)))
        with served.stream(ada) as viewer:
            assert closing(viewer) == stream.TOO_MANY
        with served.stream(served.sign_in("vic")) as viewer:
            message(viewer)

    def is_free() -> bool:
        with served.stream(ada) as viewer:
            return isinstance(viewer.recv(HANG_SECONDS), bytes)

    def is_open() -> bool:
        with contextlib.suppress(ConnectionClosed):
            return is_free()
        return False

    wait_until(is_open)


def test_an_open_page_does_not_keep_a_session_alive(site: Site, served: Server) -> None:
    headers = served.sign_in("ada")
    site.clock.on(14 * 60)
    for path in ("/api/live", "/api/live/ward/state", "/api/live/ward/newest"):
        served.client.get(path).raise_for_status()
    with served.stream(headers) as viewer:
        message(viewer)
        site.clock.on(2 * 60)
        assert closing(viewer) == stream.SIGNED_OUT
    assert served.client.get("/api/live").status_code == 401
