"""Searches in a region by the pages: as typed, in scope, few at once, cancelled, interrupted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from oneclick.catalog import Catalog
from oneclick.core.moments import EVIDENCE, Moment
from oneclick.core.regions import Region
from oneclick.stages import backup, region_search
from oneclick.stages.region_search import RegionQuery
from oneclick.storage import searches
from oneclick.storage.searches import SearchRecord
from oneclick.storage.workspace import Workspace
from oneclick.web.search import desk, routes, worker
from oneclick.web.search.desk import SearchDesk
from tests.catalog import samples
from tests.waits import wait_until
from tests.web import recordings
from tests.web.recordings import START, seconds
from tests.web.site import Site

LOWER = [0.0, 0.3, 1.0, 1.0]
"""Below the frame number, which flickers."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two cameras; not to be changed."""
    home = tmp_path_factory.mktemp("search")
    recordings.add_recording(home, "ward", seconds=30)
    recordings.add_recording(home, "ward", started_at=START + timedelta(hours=1), seconds=10)
    recordings.add_recording(home, "hall", seconds=10)
    return home


@pytest.fixture
def site(stored: Path, tmp_path: Path) -> Site:
    site = Site(shutil.copytree(stored, tmp_path / "home"), blur_for=["viewer"])
    site.clock.now = START + timedelta(hours=2)
    site.add("vera", "viewer")
    site.add("anna")
    site.add("hal", cameras=["hall"])
    site.add("lea", "lead")
    return site


class Gate:
    """A runner that holds searches until it is opened, and then runs them in this process."""

    def __init__(self) -> None:
        self.opened, self.begun = threading.Event(), list[str]()

    def __call__(self, workspace: Workspace, name: str, is_over: threading.Event) -> None:
        self.begun.append(name)
        while not (self.opened.wait(0.01) or is_over.is_set()):
            pass
        if not is_over.is_set():
            worker.run(workspace, name)


@pytest.fixture
def gate(site: Site) -> Iterator[Gate]:
    gate = Gate()
    site.app.state.search = SearchDesk(site.workspace, site.clock, gate)
    yield gate
    site.app.state.search.stop()


def body(key: str = "k-12345678", **more: Any) -> dict[str, Any]:
    return {"key": key, "region": LOWER, "evidence": ["somebody", "motion"]} | more


def ask(client: TestClient, camera: str = "ward", **more: Any) -> str:
    answer = client.post(f"/api/search/{camera}", json=body(**more))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def state(client: TestClient, name: str, camera: str = "ward", after: int = 0) -> dict[str, Any]:
    answer = client.get(f"/api/search/{camera}/{name}/state", params={"after": after})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def ended(client: TestClient, name: str) -> dict[str, Any]:
    wait_until(lambda: state(client, name)["status"] not in searches.OPEN)
    return state(client, name)


def test_a_page_finds_what_the_command_line_finds(site: Site, gate: Gate) -> None:
    client = site.client("anna")
    name = ask(client, start=seconds(0), stop=seconds(60))
    assert ask(client, start=seconds(0), stop=seconds(60)) == name, "twice is once"
    gate.opened.set()
    answer = ended(client, name)
    until = START + timedelta(seconds=60)
    query = RegionQuery(
        camera="ward",
        region=Region(*LOWER),
        since=START,
        until=until,
        evidence=("somebody", "motion"),
    )
    typed = region_search.search_region(site.home, query)
    assert typed.moments
    pairs = [(each["video"], each["frame"], each["strength"]) for each in answer["moments"]]
    assert sorted(pairs) == sorted((m.video, m.frame, m.strength) for m in typed.moments)
    assert (answer["status"], answer["share"], answer["seconds"]) == ("complete", 1, typed.seconds)
    assert state(client, name, after=1)["moments"] == answer["moments"][1:]
    assert answer["moments"][0]["at"] == pytest.approx(seconds(answer["moments"][0]["frame"] / 10))
    assert site.acts().count(("anna", "search", "ok")) == 2


def test_the_clip_of_a_moment_can_be_made(site: Site, gate: Gate) -> None:
    gate.opened.set()
    client = site.client("anna")
    (moment, *_) = ended(client, ask(client, evidence=["motion"], start=seconds(3000)))["moments"]
    start, stop = moment["clip"]
    answer = client.post("/api/timeline/clip/ward", json={"start": start, "stop": stop})
    assert answer.status_code == 200, answer.text
    with Catalog.open(site.home) as catalog:
        (clip,) = catalog.selections()
    assert clip.span.start <= moment["frame"] < clip.span.stop


def test_a_long_moment_has_a_clip_around_its_strongest_frame() -> None:
    video = replace(samples.video(), frames=20_000)
    assert video.started_at is not None
    moment = Moment(
        video=video.id,
        start=100,
        stop=19_000,
        at=None,
        frame=9000,
        evidence="motion",
        strength=2.0,
        why="",
    )
    span = routes.clip_span(video, moment)
    assert span is not None
    middle = video.started_at.timestamp() + video.seconds_at(9000)
    assert span[0] < middle < span[1] <= span[0] + 60


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"region": [0, 0, 0, 0]}, 422),
        ({"region": [0, 0, 1]}, 422),
        ({"region": [0, 0, 1, 2]}, 422),
        ({"evidence": []}, 422),
        ({"evidence": ["cats"]}, 422),
        ({"start": 10, "stop": 10}, 422),
        ({"start": -1}, 422),
        ({"key": ""}, 422),
        ({"more": 1}, 422),
    ],
    ids=str,
)
def test_a_search_that_makes_no_sense_is_refused(
    site: Site, gate: Gate, change: dict[str, Any], status: int
) -> None:
    answer = site.client("anna").post("/api/search/ward", json=body(**change))
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert not searches.names(site.workspace)


def test_cameras_out_of_scope_are_not_there(site: Site, gate: Gate) -> None:
    gate.opened.set()
    name = ask(site.client("anna"))
    client = site.client("hal")
    assert client.post("/api/search/ward", json=body()).status_code == 404
    for path in (
        "/api/search/ward",
        "/api/search/ward/picture",
        f"/api/search/ward/{name}/state",
        f"/api/search/hall/{name}/state",
        "/api/search/hall/20261102T120000Z-0000000000000000/state",
        "/api/search/hall/..%2F..%2Fusers/state",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(f"/api/search/ward/{name}/cancel", json={}).status_code == 404
    assert site.client().get("/api/search/ward").status_code == 401
    answer = site.client().get(f"/search/ward/{name}")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/login?next=/search/ward/{name}",
    )


def test_a_form_of_another_site_starts_nothing(site: Site, gate: Gate) -> None:
    client = site.client("anna")
    headers = {"Origin": "http://elsewhere.example"}
    assert client.post("/api/search/ward", json=body(), headers=headers).status_code == 403
    assert client.post("/api/search/ward", data={"key": "x"}).status_code == 415
    assert not searches.names(site.workspace)


def test_a_person_has_few_searches_at_once_and_the_server_too(site: Site, gate: Gate) -> None:
    client = site.client("anna")
    names = [ask(client, key=f"key-{number:05}") for number in range(desk.MOST_OF_PERSON)]
    answer = client.post("/api/search/ward", json=body(key="key-one-more"))
    assert answer.status_code == 429
    assert "searches of yours wait or run" in answer.json()["error"]
    wait_until(lambda: len(gate.begun) == desk.MOST_RUNNING)
    statuses = [state(client, name)["status"] for name in names]
    assert statuses == ["waiting"] * 3
    others = {f"other-{number}": "somebody" for number in range(desk.MOST_OPEN)}
    site.app.state.search._owners |= others
    answer = site.client("lea").post("/api/search/ward", json=body(key="key-of-lea"))
    site.app.state.search._owners.clear()
    assert (answer.status_code, "too many searches" in answer.text) == (429, True)
    gate.opened.set()
    assert {ended(client, name)["status"] for name in names} == {"complete"}
    ask(client, key="key-one-more")


def test_a_search_is_cancelled_by_its_owner_or_a_lead_alone(site: Site, gate: Gate) -> None:
    client = site.client("anna")
    names = [ask(client, key=f"key-{number:05}") for number in range(3)]
    path = f"/api/search/ward/{names[0]}/cancel"
    assert site.client("vera").post(path, json={}).status_code == 403
    assert client.post(path, json={}).status_code == 200
    assert (
        site.client("lea").post(f"/api/search/ward/{names[2]}/cancel", json={}).status_code == 200
    )
    gate.opened.set()
    statuses = [ended(client, name)["status"] for name in names]
    assert statuses == ["cancelled", "complete", "cancelled"]
    assert names[2] not in gate.begun
    assert ("lea", "search-cancel", "ok") in site.acts()


def test_who_sees_the_camera_follows_a_link_and_lists_only_own_ones(site: Site, gate: Gate) -> None:
    gate.opened.set()
    name = ask(site.client("anna"))
    vera = site.client("vera")
    assert not state(vera, name)["mine"]
    assert vera.get("/api/search/ward").json()["searches"] == []
    for user in ("anna", "lea"):
        listed = site.client(user).get("/api/search/ward").json()["searches"]
        assert [each["id"] for each in listed] == [name]


def test_what_a_stopped_or_killed_server_ran_is_interrupted(site: Site, gate: Gate) -> None:
    client = site.client("anna")
    names = [ask(client, key=f"key-{number:05}") for number in range(3)]
    wait_until(lambda: len(gate.begun) == desk.MOST_RUNNING)
    site.app.state.search.stop()
    assert {state(client, name)["status"] for name in names} == {"interrupted"}
    # As after a kill: the file says that it runs, and nobody holds the lock.
    record = searches.load(site.workspace, names[0])
    searches.save(site.workspace, msgspec.structs.replace(record, status="running"))
    assert state(client, names[0])["status"] == "interrupted"
    assert client.get("/api/search/ward").json()["searches"][0]["status"] == "interrupted"


def test_a_process_of_its_own_ends_the_search_or_says_that_it_did_not(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    client = site.client("anna")
    site.app.state.search = running = SearchDesk(site.workspace, site.clock)
    answer = ended(client, ask(client, evidence=["motion"]))
    assert (answer["status"], len(answer["moments"]) > 0) == ("complete", True)
    running.stop()
    assert "Fatal" not in capfd.readouterr().err
    site.app.state.search = broken = SearchDesk(site.workspace, site.clock, lambda *_: None)
    lost = ended(client, ask(client, key="key-00002"))
    assert (lost["status"], "without a word" in lost["reason"]) == ("failed", True)
    broken.stop()


def test_what_cannot_be_searched_is_told_without_paths(site: Site, gate: Gate) -> None:
    gate.opened.set()
    (ward, _) = sorted(site.home.glob("videos/ward/*.mp4"))
    ward.write_bytes(b"no video")
    client = site.client("anna")
    answer = ended(client, ask(client, evidence=list(EVIDENCE)))
    assert answer["failures"] == len(answer["failed"])
    for reason in ("no model of novelty", "only its clips were kept", ward.stem):
        assert any(reason in line for line in answer["failed"]), answer["failed"]
    assert str(site.home) not in str(answer["failed"])
    assert {each["evidence"] for each in answer["moments"]} == {"somebody", "motion"}


def test_moments_are_told_while_the_search_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(worker, "QUIET_SECONDS", 0.0)
    counts, save = list[tuple[str, int]](), searches.save

    def watch(workspace: Workspace, record: SearchRecord) -> None:
        counts.append((record.status, len(record.moments)))
        save(workspace, record)

    monkeypatch.setattr(searches, "save", watch)
    record = searches.SearchRecord(
        id=searches.search_id("ward", "anna", START, "x"),
        camera="ward",
        region=(0.0, 0.3, 1.0, 1.0),
        evidence=("somebody", "motion"),
        by="anna",
        at=START,
    )
    save(site.workspace, record)
    with searches.hold(site.workspace, record.id):
        final = worker.run(site.workspace, record.id)
    running = [count for status, count in counts if status == "running"]
    assert running == sorted(running)
    assert 0 < running[-1] <= len(final.moments)
    assert len(set(running)) > 2, "they came one after another"


def test_too_many_moments_end_a_search_and_old_searches_go(
    site: Site, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "MOST_MOMENTS", 1)
    gate.opened.set()
    client = site.client("anna")
    name = ask(client)
    answer = ended(client, name)
    assert (len(answer["moments"]), "choose a shorter time" in answer["reason"]) == (1, True)
    site.clock.now += timedelta(days=31)
    client = site.client("anna")
    later = ask(client, key="key-00002")
    ended(client, later)
    assert searches.names(site.workspace) == [later]
    assert not list(site.workspace.searches_dir.glob(f"{name}*"))


def test_a_picture_to_draw_on_is_of_the_newest_recording_in_the_time(site: Site) -> None:
    client = site.client("vera")
    newest = client.get("/api/search/ward/picture").json()
    assert newest["at"] == seconds(3605)
    assert client.get("/api/search/ward/picture", params={"back": 1}).json()["frame"] == 150
    window = {"start": seconds(5), "stop": seconds(7)}
    picture = client.get("/api/search/ward/picture", params=window).json()
    assert picture["frame"] == 60
    assert client.get(picture["picture"]).status_code == 200
    window = {"start": seconds(100), "stop": seconds(200)}
    assert client.get("/api/search/ward/picture", params=window).status_code == 404


def test_searches_are_in_no_backup() -> None:
    assert "searches" in backup._LEFT_OUT
