"""Hostile requests to the review pages: the right status, nothing changed, a line in the log."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from oneclick.core.errors import Unavailable, UsageError
from oneclick.platforms.local.options import LocalOptions
from oneclick.web import blurring, exposure, guards, pages, server
from oneclick.web.accounts.users import User
from oneclick.web.guards import RefusalLog
from tests.web.site import ORIGIN, PASSWORD, Site

LOGIN = {"name": "ada", "password": PASSWORD}
ADA = User(name="ada", role="admin", password="$argon2")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path, blur_for=["viewer"])
    site.add("ada")
    site.add("vic", "viewer", ["hall"])
    return site


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8321"}, 400),
        ({"Host": "127.0.0.1:8321.evil.example"}, 400),
        ({"Host": "127.0.0.1"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8322"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Type": "Application/JSON; charset=utf-8"}, 200),
    ],
)
def test_only_our_own_pages_change_anything(
    site: Site, headers: dict[str, str], status: int
) -> None:
    browser = site.client("ada")
    before = len(site.audit())
    content = b'{"old": "%s", "new": "another password 1"}' % PASSWORD.encode()
    sent = {"Content-Type": "application/json"} | headers
    answer = browser.post("/api/account/password", content=content, headers=sent)
    assert answer.status_code == status
    outcomes = [(entry.act, entry.outcome) for entry in site.audit()[before:]]
    assert outcomes == [("password", "ok") if status == 200 else ("refused", str(status))]
    works = site.client().post("/api/login", json=LOGIN).status_code
    assert works == (401 if status == 200 else 200)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": NaN, "password": "x"}',
        b'{"name": "\xff", "password": "x"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": "ada", "password": 1e999999999999}',
    ],
)
def test_malformed_json_is_one_line(site: Site, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = site.client().post("/api/login", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]
    assert ("", "refused", str(answer.status_code)) in site.acts()


@pytest.mark.parametrize(
    "body",
    [
        {"name": "ada"},
        {"name": 5, "password": "x"},
        {"name": ["ada"], "password": "x"},
        {"name": "ada", "password": "x", "role": "admin"},
        {"name": "x" * 2000, "password": "x"},
        [],
        "ada",
        0,
    ],
)
def test_json_of_another_shape_is_refused_without_repeating_it(site: Site, body: object) -> None:
    answer = site.client().post("/api/login", json=body)
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


def test_names_with_html_and_escapes_do_no_harm(site: Site) -> None:
    name = "<script>alert(1)</script>\x1b[2J\u202e\n{}"
    answer = site.client().post("/api/login", json={"name": name, "password": "x"})
    assert answer.status_code == 401
    assert "script" not in answer.text
    entry = next(entry for entry in site.audit() if entry.act == "login")
    assert entry.user == r"<script>alert(1)</script>\x1b[2j\u202e\n{}"


def test_every_answer_has_the_headers(site: Site) -> None:
    browser = site.client("ada")
    script = pages.load().address + "/accounts.js"
    frame = f"/media/{site.clips[0].id}/0.jpg"
    for path in (
        "/login",
        "/account",
        "/api/me",
        "/nothing",
        "/docs",
        "/openapi.json",
        script,
        frame,
    ):
        answer = browser.get(path)
        for name, value in guards.HEADERS:
            assert answer.headers[name.decode()] == value.decode(), path
        stored = answer.headers["cache-control"]
        assert (stored != "no-store") == (path in (script, frame)), path
        assert "server" not in answer.headers
    assert browser.get("/docs").status_code == 404
    assert browser.get("/openapi.json").status_code == 404
    refused = browser.get("/login", headers={"Host": "evil.example"})
    assert "default-src 'none'" in refused.headers["content-security-policy"]


def test_pages_hold_no_script_of_their_own_and_load_nothing_from_elsewhere() -> None:
    for name, content in pages.load().contents.items():
        if name.endswith(".html"):
            text = content.decode()
            assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|<style", text), name
            assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text), name


TRAVERSALS = [
    "/static/{digest}/../../../../etc/passwd",
    "/static/{digest}/..%2f..%2fserver.py",
    "/static/{digest}/%2e%2e/server.py",
    "/static/{digest}//etc/passwd",
    "/static/{digest}/login.html",
    "/static/{digest}/accounts.js%00.png",
    "/static/0000000000000000/accounts.js",
    "/media/..%2f..%2f..%2fetc/0.jpg",
    "/media/{clip}/..%2f..%2fclip.json",
    "/media/{clip}/-1.jpg",
    "/media/{clip}/10.jpg",
    "/media/{clip}/%D9%A3.jpg",
    "/media/{clip}/99999999999999999999.jpg",
    "/media/{clip}/0.jpg%00",
    "/media/{clip}/",
    "/media/ward/0.jpg",
    "/media/no-such-clip/0.jpg",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_only_what_the_tables_know_is_served(site: Site, path: str) -> None:
    digest = pages.load().digest
    with site.served() as client:
        client.post("/api/login", json=LOGIN)
        address = path.format(digest=digest, clip=site.clips[0].id)
        raw = httpx.URL(str(client.base_url), raw_path=address.encode())
        answer = client.get(raw)
        assert answer.status_code in (404, 422)
        assert client.get(f"/media/{site.clips[0].id}/0.jpg").status_code == 200
    assert ("", "refused", "404") in site.acts()


def test_frames_need_a_session_and_the_camera_in_scope(site: Site) -> None:
    ward, hall = (f"/media/{clip.id}/0.jpg" for clip in site.clips)
    stranger, vic = site.client(), site.client("vic")
    assert [stranger.get(path).status_code for path in (ward, hall)] == [401, 401]
    assert [vic.get(path).status_code for path in (ward, hall)] == [404, 200]
    # As a clip that is not there at all.
    assert vic.get(ward).json() == vic.get("/media/none/0.jpg").json()
    views = [(e.user, e.clip) for e in site.audit() if e.act == "view"]
    assert views == [("vic", site.clips[1].id)]


def test_heads_are_blurred_for_roles_that_need_no_faces(site: Site) -> None:
    address = f"/media/{site.clips[1].id}/0.jpg"
    path = site.workspace.frame_file(site.clips[1].id, 0)
    assert site.client("ada").get(address).content == path.read_bytes()
    answer = site.client("vic").get(address)
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    original = cv2.imread(str(path))
    assert shown is not None
    assert original is not None
    head = (slice(2, 12), slice(2, 28))
    body = (slice(30, 38), slice(2, 28))
    assert shown[head].std() < 0.5 * original[head].std()
    assert abs(float(shown[body].std()) / float(original[body].std()) - 1) < 0.2
    assert site.client("vic").get("/api/me").json()["blurred"] is True


def test_frames_without_labels_are_blurred_as_a_whole(site: Site) -> None:
    frames = blurring.BlurredFrames(site.workspace)
    content = frames.jpeg(site.clips[0], 0, 3)
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert len(np.unique(image[:, :, 0].ravel())) < 300
    block = image[10:60, 10:80]
    assert float(block.std()) < 3
    assert frames.jpeg(site.clips[0], 0, 3) is content


def test_whoever_lies_is_blurred_from_end_to_end() -> None:
    x1, y1, x2, y2 = blurring.head((100, 300, 260, 360))
    assert (x1, y1) <= (100, 300)
    assert (x2, y2) >= (260, 360)
    assert blurring.head((100, 100, 160, 260))[3] < 180  # who stands keeps the body


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (630, 470, 900, 900), (5, 5, 5, 5), (700, 500, 800, 600)]
)
def test_boxes_at_the_edge_blur_what_is_there(box: tuple[float, ...]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (480, 640, 3), np.uint8)
    blurred = blurring.blur(image, [box])
    assert blurred.shape == image.shape
    assert (blurred != image).any() == (box[0] < 640 and box[0] != box[2])


def test_a_flood_of_refusals_does_not_fill_the_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(guards, "REFUSALS_PER_MINUTE", 3)
    log = RefusalLog(site.app, site.access.audit, lambda: now[0])
    scope = {"client": ("10.0.0.9", 1), "method": "GET", "path": "/x"}

    async def flood() -> None:
        for _ in range(500):
            await log.record(scope, 404)
        now[0] = 61
        await log.record(scope, 404)

    asyncio.run(flood())
    entries = [(e.address, e.outcome, e.detail) for e in site.audit()]
    one = ("10.0.0.9", "404", "GET /x")
    assert entries == [one, one, one, ("10.0.0.9", "flood", "497 more within a minute"), one]


def test_the_log_holds_no_link(site: Site) -> None:
    token = site.access.users.make_link("ada")
    with site.served() as client:
        client.get(f"/enter/{token}/x")
        client.get(f"/enter/{token}", headers={"Host": "evil.example"})
    assert token not in "".join(path.read_text() for path in site.workspace.audit_dir.iterdir())


LAN = LocalOptions(names=("ward.example",))


@pytest.mark.parametrize(
    ("options", "address", "users", "insecure", "message"),
    [
        (LocalOptions(), "127.0.0.1:0", [], False, ""),
        (LocalOptions(), "[::1]:0", [], False, ""),
        (LocalOptions(), "192.168.1.5:8321", [], True, "nobody has a password yet"),
        (LocalOptions(), "192.168.1.5:8321", [ADA], False, "there is no TLS"),
        (LocalOptions(), "192.168.1.5:8321", [ADA], True, ""),
        (LocalOptions(), "0.0.0.0:8321", [ADA], True, "review.local.names"),
        (LAN, "0.0.0.0:8321", [ADA], True, ""),
        (LocalOptions(certificate="c", key="k"), "10.0.0.1:1", [ADA], False, ""),
        (LocalOptions(public_url="https://r.example"), "127.0.0.1:0", [], False, "nobody has"),
        (LocalOptions(public_url="https://r.example"), "127.0.0.1:0", [ADA], False, ""),
    ],
)
def test_others_reach_the_pages_only_where_they_must_sign_in(
    options: LocalOptions, address: str, users: list[User], insecure: bool, message: str
) -> None:
    if not message:
        exposure.check(options, address, users, insecure)
        return
    with pytest.raises(UsageError, match=message):
        exposure.check(options, address, users, insecure)


def test_what_is_exposed_is_told() -> None:
    local = exposure.describe(LocalOptions(), ("127.0.0.1", 8321), [], None)
    assert local.origins == ("http://localhost:8321", "http://127.0.0.1:8321")
    assert local.lines == ()
    open_lan = exposure.describe(LAN, ("0.0.0.0", 8321), [ADA], None)
    assert open_lan.origins == ("http://ward.example:8321",)
    assert "read and changed on the way" in open_lan.lines[-1]
    options = LocalOptions(public_url="https://Review.example/")
    proxied = exposure.describe(options, ("127.0.0.1", 8321), [ADA], None)
    assert proxied.origins[-1] == "https://review.example"
    assert "(1 user)" in proxied.lines[0]


def test_a_port_in_use_and_a_wrong_certificate_are_one_line(tmp_path: Path) -> None:
    with server.open_socket("127.0.0.1:0") as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"cannot listen on {address}: Address already in"):
            server.open_socket(address)
    with pytest.raises(UsageError, match=r"TLS with .*none\.pem"):
        server.check_tls(server.Tls(tmp_path / "none.pem", tmp_path / "none.pem"))
