"""The timeline's API: what each role sees, clips, mutes and incidents, each once and on record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from oneclick.catalog import Catalog, verify
from oneclick.catalog import rebuild as rebuilds
from oneclick.core.clips import ChosenBy
from oneclick.stages import cut, maintain
from oneclick.storage import incidents, mutes
from tests.web import recordings
from tests.web.recordings import START, hit, seconds
from tests.web.site import Site

HITS = (hit("flicker", 100), hit("flicker", 105), hit("jump", 300, why="the box jumps 80 px"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two cameras; not to be changed."""
    home = tmp_path_factory.mktemp("timeline")
    recordings.add_recording(home, "ward", hits=HITS)
    later = START + timedelta(minutes=5)
    recordings.add_recording(home, "ward", started_at=later, seconds=20, is_scanned=False)
    recordings.add_recording(home, "hall", hits=HITS[:1], seconds=20)
    recordings.add_recording(home, "ward", started_at=None, seconds=6, hits=HITS[:1])
    return home


@pytest.fixture
def site(stored: Path, tmp_path: Path) -> Site:
    import shutil

    home = shutil.copytree(stored, tmp_path / "home")
    site = Site(home, blur_for=["viewer"])
    site.clock.now = START + timedelta(hours=1)
    site.add("vera", "viewer")
    site.add("anna")
    site.add("hal", cameras=["hall"])
    site.add("lea", "lead")
    return site


def lanes(client: TestClient, start: float, stop: float, **query: str) -> dict[str, Any]:
    query |= {"start": str(seconds(start)), "stop": str(seconds(stop))}
    answer = client.get("/api/timeline/lanes", params=query)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_hits_have_their_time_frame_and_reason(site: Site) -> None:
    document = lanes(site.client("vera"), 0, 60, camera="ward")
    (ward,) = document["cameras"]
    assert (document["bucket"], ward["camera"], ward["total"]) == (0, "ward", 3)
    flicker, jump = ward["triggers"]
    assert (flicker["trigger"], flicker["total"]) == ("flicker", 2)
    video = f"ward-{START:%Y%m%dT%H%M%SZ}"
    assert jump["hits"] == [[30.0, 30.5, 0.75, "the box jumps 80 px", video, 300]]
    (undated,) = ward["undated"]
    assert (undated["video"], undated["hits"]) == ("ward-undated", {"flicker": 1})


def test_no_video_and_video_nobody_looked_at_are_told_apart(site: Site) -> None:
    client = site.client("vera")
    (ward,) = lanes(client, -60, 400, camera="ward")["cameras"]
    assert ward["video"] == [[60.0, 120.0, 60.0, 60.0], [360.0, 380.0, 20.0, 0.0]]
    (ward,) = lanes(client, -40 * 86_400, 86_400, camera="ward")["cameras"]
    ((start, stop, recorded, looked),) = ward["video"]
    assert (stop - start, recorded, looked) == (21_600, pytest.approx(80), pytest.approx(60))


def test_a_month_has_cells_with_the_same_hits(site: Site) -> None:
    document = lanes(site.client("vera"), -30 * 86_400, 86_400)
    assert document["bucket"] == 21_600
    ward = next(camera for camera in document["cameras"] if camera["camera"] == "ward")
    # The counters know all hits: few enough are shown one by one where the window is short.
    assert {lane["trigger"]: sum(lane["cells"][1::2]) for lane in ward["triggers"]} == {
        "flicker": 2,
        "jump": 1,
    }


def test_curves_are_reduced_to_least_and_greatest(site: Site) -> None:
    query = {"start": seconds(0), "stop": seconds(60), "columns": 30}
    answer = site.client("vera").get("/api/timeline/curves/ward", params=query).json()
    curves = {curve["name"]: curve["points"] for curve in answer["curves"]}
    assert sorted(curves) == ["agreement", "blur", "novelty", "people"]
    assert {tuple(point[1:]) for point in curves["people"]} == {(1.0, 1.0)}
    # The rival sees the person in every second frame.
    assert {tuple(point[1:]) for point in curves["agreement"]} == {(0.0, 1.0)}
    assert len(curves["blur"]) == 30
    assert min(low for _, low, _ in curves["blur"]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("offset", [0.0, 12.3, 59.9])
def test_a_moment_is_the_frame_that_was_taken_then(site: Site, offset: float) -> None:
    client = site.client("anna")
    answer = client.get("/api/timeline/moment/ward", params={"at": seconds(offset)}).json()
    assert answer["frame"] == round(offset * recordings.FPS)
    first, rival = answer["models"]
    box = recordings.box_at(answer["frame"])
    assert first["boxes"] == [pytest.approx(box, abs=0.1)]
    assert len(rival["boxes"]) == (answer["frame"] % 2 == 0)
    shown = client.get(answer["picture"])
    assert shown.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert recordings.number_of(picture) == answer["frame"]


def test_a_moment_names_the_hits_there(site: Site) -> None:
    query = {"video": f"ward-{START:%Y%m%dT%H%M%SZ}", "frame": "104"}
    answer = site.client("anna").get("/api/timeline/moment/ward", params=query).json()
    assert [(each["trigger"], each["start"]) for each in answer["hits"]] == [("flicker", 100)]
    assert answer["at"] == seconds(10.4)


def test_who_needs_no_faces_sees_a_blurred_frame_and_every_look_is_recorded(site: Site) -> None:
    video = f"ward-{START:%Y%m%dT%H%M%SZ}"
    pictures = {}
    for name in ("anna", "vera"):
        content = site.client(name).get(f"/media/video/{video}/300.jpg").content
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        pictures[name] = image
    assert pictures["anna"].shape == pictures["vera"].shape
    assert recordings.number_of(pictures["anna"]) == 300
    # The number is 10 px high, a block of the blurred picture 4 px: without its edges.
    sharp = cv2.Laplacian(pictures["anna"], cv2.CV_64F)[40:100, 5:155]
    coarse = pictures["vera"].reshape(30, 4, 40, 4, 3).astype(float)
    assert np.abs(sharp).max() > 50
    assert coarse.std(axis=(1, 3)).mean() < 3, "nothing is finer than a block"
    views = [entry for entry in site.audit() if entry.act == "view"]
    assert [(entry.user, entry.clip) for entry in views] == [("anna", video), ("vera", video)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/timeline/lanes?start=0&stop=10&camera=ward", 404),
        ("/api/timeline/moment/ward?at={at}", 404),
        ("/api/timeline/moment/hall?video={ward}&frame=1", 404),
        ("/api/timeline/curves/ward?start={at}&stop={at}", 404),
        ("/media/video/{ward}/1.jpg", 404),
        ("/media/video/{hall}/100000.jpg", 404),
        ("/media/video/{hall}/-1.jpg", 404),
        ("/media/video/{hall}/..%2F1.jpg", 404),
        ("/media/video/nobody/1.jpg", 404),
        ("/api/timeline/lanes?start=10&stop=10", 422),
        ("/api/timeline/lanes?start=nan&stop=10", 422),
        ("/api/timeline/lanes?start=0&stop=1e300", 422),
        ("/api/timeline/moment/hall", 422),
        ("/api/timeline/moment/hall?at=0", 404),
    ],
)
def test_a_camera_out_of_scope_and_nonsense_are_refused(site: Site, path: str, status: int) -> None:
    names = {name: f"{name}-{START:%Y%m%dT%H%M%SZ}" for name in ("ward", "hall")}
    answer = site.client("hal").get(path.format(at=seconds(1), **names))
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]


def test_all_cameras_are_those_in_scope(site: Site) -> None:
    names = [camera["camera"] for camera in lanes(site.client("hal"), 0, 60)["cameras"]]
    assert names == ["hall"]
    extent = site.client("hal").get("/api/timeline/extent").json()
    assert (extent["cameras"], extent["stop"]) == (["hall"], seconds(20))


def test_nobody_sees_anything_without_a_session(site: Site) -> None:
    client = site.client()
    assert client.get("/api/timeline/lanes?start=0&stop=10").status_code == 401
    assert client.get("/media/video/ward/1.jpg").status_code == 401
    for path in ("/timeline", "/timeline/ward"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")


def span(start: float, stop: float, **more: object) -> dict[str, object]:
    return {"start": seconds(start), "stop": seconds(stop)} | more


def test_a_span_becomes_a_clip_that_is_cut_and_survives_a_rebuild(site: Site) -> None:
    client = site.client("anna")
    answers = [client.post("/api/timeline/clip/ward", json=span(9.5, 12)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json() == answers[1].json(), "twice is once"
    clip_id = answers[0].json()["clip"]
    with Catalog.open(site.home) as catalog:
        (selection,) = catalog.selections()
        assert (selection.id, selection.chosen_by) == (clip_id, ChosenBy.VIEWER)
        assert (selection.span.start, selection.span.stop) == (95, 120)
        assert [each.trigger for each in selection.hits] == ["flicker", "flicker"]
        assert verify_lines(catalog, "selection") == []
    rebuilds.rebuild(site.home, accept_losses=True)  # the clips of the site have no files
    with Catalog.open(site.home) as catalog:
        assert catalog.selections() == [selection]
    assert cut.cut(site.home, "test").done == [clip_id]
    (ward,) = lanes(client, 0, 60, camera="ward")["cameras"]
    assert [9.5, 12.0, "selected", clip_id] in ward["clips"]
    assert ("anna", "pick", "ok") in site.acts()


def verify_lines(catalog: Catalog, word: str) -> list[str]:
    return [line for line in verify.verify(catalog) if word in line]


@pytest.mark.parametrize(
    ("start", "stop", "says"),
    [
        (5, 4, "lasts 0.2 to 60 s"),
        (-30, -20, "no video"),
        (50, 360, "lasts 0.2 to 60 s"),
        (0, 70, "lasts 0.2 to 60 s"),
    ],
)
def test_a_span_that_cannot_be_a_clip_is_refused_with_the_reason(
    site: Site, start: float, stop: float, says: str
) -> None:
    answer = site.client("anna").post("/api/timeline/clip/ward", json=span(start, stop))
    assert answer.status_code == 409
    assert says in answer.json()["error"]
    assert ("anna", "pick", "refused") in [(u, a, "refused") for u, a, _ in site.acts()]


def test_nothing_goes_over_a_clip_a_break_or_the_end_of_a_recording(
    tmp_path: Path,
) -> None:
    recordings.add_recording(tmp_path, "ward", seconds=40, break_at=100, is_whole=False)
    after = START + timedelta(seconds=60)
    recordings.add_recording(tmp_path, "ward", started_at=after, seconds=20, is_whole=False)
    for path in tmp_path.glob("videos/ward/*.json"):
        path.with_suffix(".mp4").touch()
    site = Site(tmp_path)
    site.add("anna")
    client = site.client("anna")

    def make(start: float, stop: float) -> str:
        answer = client.post("/api/timeline/clip/ward", json=span(start, stop))
        return str(answer.json().get("error", answer.json().get("clip")))

    first = make(2, 5)
    assert first.startswith("ward-")
    assert make(4, 6) == f"the clip {first} is there already, from 12:00:02.0 UTC to 12:00:05.0 UTC"
    assert "across a break of the recording at 12:00:09.9 UTC" in make(9, 21)
    assert "across the end of the recording" in make(45, 65)
    assert "does not lie within training or test video" in make(36, 39)


def test_a_trigger_is_muted_once_listed_and_lifted(site: Site) -> None:
    lead = site.client("lea")
    body = {
        "key": "k-12345678",
        "trigger": "flicker",
        "start": seconds(0),
        "seconds": 7200,
        "reason": "the lamp is broken",
    }
    answers = [lead.post("/api/timeline/mute/ward", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    mute = answers[0].json()
    assert answers[1].json() == mute
    assert site.acts().count(("lea", "mute", "ok")) == 1
    assert [each["id"] for each in lanes(lead, 0, 60, camera="ward")["mutes"]] == [mute["id"]]
    loaded = mutes.load(site.workspace)
    assert loaded.covers("ward", "flicker", START + timedelta(minutes=1))
    assert not loaded.covers("ward", "jump", START)
    assert not loaded.covers("hall", "flicker", START)
    assert not loaded.covers("ward", "flicker", START + timedelta(hours=2)), "it expires"
    site.clock.now = START + timedelta(minutes=30)
    lifted = lead.post(f"/api/timeline/unmute/{mute['id']}", json={}).json()
    assert (lifted["lifted"], lifted["stop"]) == (True, seconds(1800))
    loaded = mutes.load(site.workspace)
    assert not loaded.covers("ward", "flicker", START + timedelta(minutes=31))
    assert loaded.covers("ward", "flicker", START + timedelta(minutes=29)), "what was, was muted"


def test_an_incident_is_kept_from_retention_until_it_is_released(site: Site) -> None:
    client = site.client("anna")
    body = span(10, 20, key="k-12345678", reason="somebody fell")
    answers = [client.post("/api/timeline/incident/ward", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    incident = answers[0].json()
    assert answers[1].json() == incident
    assert site.acts().count(("anna", "incident", "ok")) == 1
    later = site.clock.now + timedelta(days=400)
    kept, gone = (f"{camera}-{START:%Y%m%dT%H%M%SZ}" for camera in ("ward", "hall"))
    for day in range(3):
        maintained = maintain.maintain(site.home, 1, START + timedelta(days=300 + 100 * day))
    assert not (site.home / "videos" / "hall" / f"{gone}.mp4").exists()
    assert (site.home / "videos" / "ward" / f"{kept}.mp4").exists()
    assert kept in maintained.holds
    site.workspace.incident_file(incident["id"]).unlink()
    maintain.maintain(site.home, 1, later)
    assert (site.home / "videos" / "ward" / f"{kept}.mp4").exists(), "a lost one still holds"
    assert client.post("/api/timeline/incident/ward", json=body).status_code == 200
    assert client.post(f"/api/timeline/release/{incident['id']}", json={}).status_code == 403
    lead = site.client("lea")
    assert lead.post(f"/api/timeline/release/{incident['id']}", json={}).json()["released"]
    assert incidents.held_videos(site.workspace, site.app.state.catalog.videos()) == set()


@pytest.mark.parametrize(
    ("name", "action", "status"),
    [
        ("vera", "clip", 403),
        ("vera", "incident", 403),
        ("vera", "mute", 403),
        ("anna", "mute", 403),
        ("hal", "clip", 404),
        ("hal", "incident", 404),
    ],
)
def test_who_may_not_is_refused_and_nothing_is_written(
    site: Site, name: str, action: str, status: int
) -> None:
    bodies: dict[str, dict[str, object]] = {
        "clip": span(2, 5),
        "incident": span(2, 5, key="k-12345678", reason="x"),
        "mute": {
            "key": "k-12345678",
            "trigger": "flicker",
            "start": seconds(0),
            "seconds": 60,
            "reason": "x",
        },
    }
    answer = site.client(name).post(f"/api/timeline/{action}/ward", json=bodies[action])
    assert answer.status_code == status
    assert [
        *site.home.glob("mutes/*"),
        *site.home.glob("incidents/*"),
        *site.home.glob("selections/*"),
    ] == []


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 0},
        {"seconds": 1e9},
        {"trigger": "flikker"},
        {"reason": ""},
        {"key": ""},
        {"start": -1},
        {"more": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_mute_that_says_too_little_is_refused(site: Site, change: dict[str, object]) -> None:
    body = {"key": "k-12345678", "trigger": "flicker", "start": 0, "seconds": 60, "reason": "x"}
    answer = site.client("lea").post("/api/timeline/mute/ward", json=body | change)
    assert answer.status_code in (404, 422)
    assert not list(site.home.glob("mutes/*"))
