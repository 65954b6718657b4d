"""The API of the review pages: right answers, right refusals, nothing changed by wrong requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.core.detections import Detections
from oneclick.core.labels import parse_labellers
from oneclick.feedback import clip_evidence
from oneclick.platforms.local import LocalPlatform
from oneclick.settings import Settings
from oneclick.stages import rank_review, reopen, review
from oneclick.storage import labels, predictions
from oneclick.storage.workspace import Workspace
from oneclick.web import review_app
from oneclick.web.accounts import audit_check
from oneclick.web.accounts.passwords import Passwords
from oneclick.web.accounts.users import Role
from tests.fakes import clips
from tests.platforms.local.desk import POSTURE, waiting

ORIGIN = "http://127.0.0.1:8321"
PASSWORDS = Passwords(time_cost=1, memory_kib=32)
PASSWORD = "correct horse battery"
MOVE = {"op": "move", "track": 1, "frame": 3, "box": [5, 6, 14, 34]}


class Desk:
    """A workspace with clips that wait, its server, and people in front of it."""

    def __init__(self, home: Path, count: int = 2) -> None:
        self.home, self.clips = home, waiting(home, count)
        settings = Settings(home=home, attributes=POSTURE)
        self.app = review_app.create_review_app(home, settings, [ORIGIN], passwords=PASSWORDS)

    def client(
        self, name: str, role: Role = "annotator", cameras: list[str] | None = None
    ) -> TestClient:
        self.app.state.access.users.add(name, role, cameras, PASSWORDS.hash(PASSWORD))
        client = TestClient(self.app, base_url=ORIGIN)
        answer = client.post("/api/login", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return client


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def edit_body(fence: int, base: int = 0, key: str = "a", **op: object) -> dict[str, Any]:
    return {"key": key, "base": base, "fence": fence, "op": op or MOVE}


def lease(client: TestClient, clip: str, take: bool = False) -> int:
    answer = client.post(f"/api/clips/{clip}/lease", json={"take": take})
    assert answer.status_code == 200, answer.text
    fence: int = answer.json()["fence"]
    return fence


def test_from_the_queue_over_an_edit_to_the_accepted_labels(desk: Desk) -> None:
    anna = desk.client("anna")
    with Catalog.open(desk.home) as catalog:
        assert rank_review.rank_waiting(desk.home, catalog) == 2
        assert rank_review.rank_waiting(desk.home, catalog) == 0
    queue = anna.get("/api/queue").json()
    assert (queue["waiting"], queue["images_waiting"], queue["done_today"]) == (2, 20, 0)
    assert [row["clip"] for row in queue["clips"]] == desk.clips
    assert queue["clips"][0]["doubts"] >= 1
    assert queue["goal"] == [6000, 8000]
    given = anna.post("/api/queue/next", json={}).json()
    clip = given["clip"]
    shown = anna.get(f"/api/clips/{clip}").json()
    assert (shown["head"], shown["lease"]["holder"], shown["stage"]) == (0, "anna", "IN_REVIEW")
    assert shown["attributes"] == {"posture": ["lying", "sitting"]}
    assert {question["track"] for question in shown["questions"]} == {1}
    assert shown["tracks"][0]["class"] == "person"
    done = anna.post(f"/api/clips/{clip}/edits", json=edit_body(given["fence"]))
    assert done.json()["rev"] == 1
    assert done.json()["changed"][0]["boxes"][3] == [5, 6, 14, 34]
    question = shown["questions"][0]["id"]
    answer = edit_body(given["fence"], 1, "b", op="answer", question=question, answer="wrong")
    assert anna.post(f"/api/clips/{clip}/edits", json=answer).json()["answers"] == {
        question: "wrong"
    }
    verdict = {
        "key": "v",
        "base": 2,
        "fence": given["fence"],
        "decision": "accept",
        "active_seconds": 12.5,
    }
    for _ in range(2):  # the first answer was lost
        decided = anna.post(f"/api/clips/{clip}/verdict", json=verdict)
        assert (decided.status_code, decided.json()) == (200, {"decision": "accept"})
    assert review.collect_own(desk.home).done == [clip]
    latest = labels.latest(Workspace(desk.home), clip)
    assert latest is not None
    assert (latest.made_by, latest.revision) == ("anna", 2)
    record = json.loads((desk.home / "review" / "desk" / f"{clip}.json").read_text())
    assert {each["id"]: each["answer"] for each in record["questions"]}[question] == "wrong"
    assert anna.get("/api/queue").json()["waiting"] == 1
    after = anna.get(f"/api/clips/{clip}").json()
    assert (after["stage"], after["decided"]) == ("ACCEPTED", True)
    stats = anna.get("/api/stats").json()
    # A day may end before the figures are read, as a month may that has a log of its own.
    assert (stats["week"]["images"], stats["week"]["seconds_per_image"]) == (10, 1.25)
    acts = {entry.act for entry in audit_check.read_entries(Workspace(desk.home))}
    assert {"lease", "view", "edit", "verdict"} <= acts


@pytest.mark.parametrize(
    "carried",
    [
        {"frames": [1, 2**70], "boxes": [[1, 2, 30, 40]] * 2, "scores": [1, 1], "origins": "hh"},
        {"frames": [1], "boxes": [[1, 2, 30, 40]], "scores": [1e300], "origins": "h"},
        {"frames": [1, 2], "boxes": [[1, 2, 30, 40], [0, 0, 1e39, 1e39]], "scores": [1, 1]}
        | {"origins": "hh"},
    ],
)
def test_numbers_that_no_label_file_holds_are_refused(
    desk: Desk, carried: dict[str, object]
) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    body = edit_body(lease(anna, clip), op="draw", track=7, cls="person", frame=1)
    body["op"] |= {"box": [1, 2, 30, 40], "carry": False, "carried": carried}
    answer = anna.post(f"/api/clips/{clip}/edits", json=body)
    assert (answer.status_code, "contradict" in answer.json()["error"]) == (422, True)
    assert anna.get(f"/api/clips/{clip}").json()["head"] == 0


@pytest.mark.parametrize("act", ["heartbeat", "release"])
def test_a_lease_on_a_clip_of_another_camera_is_not_told(desk: Desk, act: str) -> None:
    anna, otto, clip = desk.client("anna"), desk.client("otto", cameras=["hall"]), desk.clips[0]
    fence = lease(anna, clip)
    answer = otto.post(f"/api/clips/{clip}/{act}", json={"fence": fence})
    assert (answer.status_code, answer.json()) == (404, {"error": "there is no such clip"})


@pytest.mark.parametrize("is_collected", [False, True])
def test_the_heartbeat_of_a_clip_that_was_decided_says_so(desk: Desk, is_collected: bool) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    fence = lease(anna, clip)
    review.give_verdict(desk.home, [clip], "reject", "lea", "dark")
    if is_collected:
        review.collect_own(desk.home)
    answer = anna.post(f"/api/clips/{clip}/heartbeat", json={"fence": fence})
    assert (answer.status_code, answer.json()["decided"]) == (409, True)


def test_a_truncated_task_is_a_row_that_says_so_and_keeps_no_other_away(desk: Desk) -> None:
    clip, other = desk.clips
    task = desk.home / "review" / "tasks" / f"{clip}.json"
    task.write_bytes(task.read_bytes()[:-40])
    with Catalog.open(desk.home) as catalog:
        assert rank_review.rank_waiting(desk.home, catalog) == 2
    rows = desk.client("anna").get("/api/queue").json()["clips"]
    assert [row["clip"] for row in rows] == [other, clip]
    assert (rows[1]["doubts"], rows[1]["expected"]) == (None, None)
    assert f"oneclick review send {clip}" in rows[1]["why"]


def test_a_broken_reopening_keeps_no_other_clip_from_the_reviewers(desk: Desk) -> None:
    clip, other = desk.clips
    file = desk.home / "review" / "reopened" / f"{clip}.2.json"
    file.parent.mkdir()
    file.write_bytes(b"{")
    with Catalog.open(desk.home) as catalog:
        assert list(rank_review.rank(desk.app.state.desk.workspace, catalog, desk.clips)) == [clip]
        for _ in desk.clips:
            rank_review.rank_waiting(desk.home, catalog, batch=1)
        assert catalog.unranked(9) == []
        assert other in {row.clip for row in catalog.queue_page() if row.expected is not None}
    anna = desk.client("anna")
    assert anna.post("/api/queue/next", json={}).json()["clip"] == other


def test_a_row_without_a_task_keeps_no_other_clip_from_being_ranked(desk: Desk) -> None:
    clip, other = desk.clips
    (desk.home / "review" / "tasks" / f"{clip}.json").unlink()
    with Catalog.open(desk.home) as catalog:
        for _ in desk.clips:
            rank_review.rank_waiting(desk.home, catalog, batch=1)
        assert [(row.clip, row.expected is None) for row in catalog.queue_page()] == [
            (other, False)
        ]


def test_a_clip_that_is_sent_while_the_queue_is_compared_keeps_its_lease(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, pending = desk.clips[1], LocalPlatform.pending
    with Catalog.open(desk.home) as catalog:
        rank_review.rank_waiting(desk.home, catalog)
        task = desk.home / "review" / "tasks" / f"{clip}.json"
        content = task.read_bytes()
        catalog.dequeue([clip])
        task.unlink()

        def send_meanwhile(queue: LocalPlatform) -> list[str]:
            clip_ids = pending(queue)
            if not task.exists():
                task.write_bytes(content)
                catalog.enqueue([clip])
                assert catalog.lease_clip(clip, "anna", 60)
            return clip_ids

        monkeypatch.setattr(LocalPlatform, "pending", send_meanwhile)
        rank_review.rank_waiting(desk.home, catalog)
        assert catalog.lease_of(clip)


def test_a_page_of_the_queue_beyond_all_numbers_is_refused(desk: Desk) -> None:
    anna = desk.client("anna")
    for offset, status in ((10**23, 422), (1 << 53, 422), ((1 << 53) - 1, 200)):
        assert anna.get(f"/api/queue?offset={offset}").status_code == status


def test_a_second_person_gets_the_other_clip_and_sees_who_has_the_first(desk: Desk) -> None:
    anna, ben = desk.client("anna"), desk.client("ben")
    first = anna.post("/api/queue/next", json={}).json()
    second = ben.post("/api/queue/next", json={}).json()
    assert {first["clip"], second["clip"]} == {*desk.clips}
    assert ben.post("/api/queue/next", json={}).status_code == 404
    taken = ben.post(f"/api/clips/{first['clip']}/lease", json={"take": False})
    assert (taken.status_code, taken.json()["holder"]) == (409, "anna")
    lease(ben, first["clip"], take=True)
    late = anna.post(f"/api/clips/{first['clip']}/edits", json=edit_body(first["fence"]))
    assert (late.status_code, late.json()["holder"]) == (409, "ben")
    beat = anna.post(f"/api/clips/{first['clip']}/heartbeat", json={"fence": first["fence"]})
    assert beat.status_code == 409
    beat = ben.post(f"/api/clips/{second['clip']}/heartbeat", json={"fence": second["fence"]})
    assert beat.status_code == 200
    back = ben.post(f"/api/clips/{second['clip']}/release", json={"fence": second["fence"]})
    assert back.json() == {"released": True}
    assert anna.post("/api/queue/next", json={}).json()["clip"] == second["clip"]


def test_a_conflict_shows_what_the_sender_has_not_seen(desk: Desk) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    fence = lease(anna, clip)
    path = f"/api/clips/{clip}/edits"
    assert anna.post(path, json=edit_body(fence)).status_code == 200
    conflict = anna.post(path, json=edit_body(fence, 0, "b"))
    assert conflict.status_code == 409
    assert conflict.json()["head"] == 1
    assert conflict.json()["edits"][0]["op"] == MOVE
    again = anna.post(path, json=edit_body(fence))
    assert (again.status_code, again.json()["rev"]) == (200, 1)


def test_an_edit_or_decision_of_another_round_is_refused(desk: Desk) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    fence = lease(anna, clip)
    first_round = anna.get(f"/api/clips/{clip}").json()["round"]
    verdict = {"key": "v", "base": 0, "fence": fence, "decision": "accept", "round": first_round}
    assert anna.post(f"/api/clips/{clip}/verdict", json=verdict).status_code == 200
    assert review.collect_own(desk.home).done == [clip]
    assert anna.get(f"/api/clips/{clip}").json()["round"] == ""
    reopen.reopen(desk.home, clip, "lea", "boxes are shifted")
    fence = lease(anna, clip)
    second_round = anna.get(f"/api/clips/{clip}").json()["round"]
    assert second_round not in ("", first_round)
    for action, body in (("edits", edit_body(fence)), ("verdict", verdict | {"fence": fence})):
        answer = anna.post(
            f"/api/clips/{clip}/{action}", json=body | {"key": "w", "round": first_round}
        )
        assert (answer.status_code, answer.json()["decided"]) == (409, True)
    edit = edit_body(fence) | {"round": second_round}
    assert anna.post(f"/api/clips/{clip}/edits", json=edit).json()["rev"] == 1


def test_a_person_drawn_once_is_carried_along_what_models_saw(desk: Desk) -> None:
    clip = desk.clips[0]
    with Catalog.open(desk.home) as catalog:
        item = catalog.clip(clip).clip
    walk = clips.track(2, 30.0)
    seen = Detections(
        frames=walk.frames,
        boxes=walk.boxes,
        scores=np.full(10, 0.3, np.float32),
        classes=np.zeros(10, np.int16),
        length=10,
        fps=10.0,
    )
    predictions.save(Workspace(desk.home).clip_predictions(item.id, "net"), seen, "net", 0.5)
    anna = desk.client("anna")
    op = {"op": "draw", "track": 2, "cls": "person", "frame": 5}
    op |= {"box": walk.boxes[5].tolist(), "carry": True}
    body = {"key": "a", "base": 0, "fence": lease(anna, clip), "op": op}
    answer = anna.post(f"/api/clips/{clip}/edits", json=body)
    assert answer.status_code == 200, answer.text
    (track,) = answer.json()["changed"]
    assert len(track["frames"]) > 5
    assert track["origins"][track["frames"].index(5)] == "h"


def test_comments_are_shown_with_their_authors_also_after_the_decision(desk: Desk) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    fence = lease(anna, clip)
    path = f"/api/clips/{clip}/edits"
    text = "is this <b>the nurse</b>?\u202e"
    comment = {"op": "comment", "id": "c1", "start": 2, "stop": 5, "track": 1, "text": text}
    written = anna.post(path, json=edit_body(fence) | {"op": comment}).json()
    assert [each["text"] for each in written["comments"]] == ["is this <b>the nurse</b>?\\u202e"]
    assert (written["changed"], written["removed"]) == ([], [])
    assert "comments" not in anna.post(path, json=edit_body(fence, 1, "b")).json()
    shown = anna.get(f"/api/clips/{clip}").json()["comments"]
    expected = {"id": "c1", "by": "anna", "resolved": False, "resolved_by": ""}
    assert [{key: each[key] for key in expected} for each in shown] == [expected]
    assert shown[0]["at"]
    body = {"key": "v", "base": 2, "fence": fence, "decision": "accept"}
    assert anna.post(f"/api/clips/{clip}/verdict", json=body).status_code == 200
    review.collect_own(desk.home)
    after = desk.client("lea", "lead").get(f"/api/clips/{clip}").json()
    assert (after["decided"], after["comments"]) == (True, shown)
    assert after["reopened"] is None
    other = anna.get(f"/api/clips/{desk.clips[1]}").json()
    assert (other["comments"], other["reopened"]) == ([], None)


def test_who_reviews_again_learns_why(desk: Desk) -> None:
    anna, lea, clip = desk.client("anna"), desk.client("lea", "lead"), desk.clips[0]
    review.give_verdict(desk.home, [clip], "accept", "anna")
    review.collect_own(desk.home)
    body = {"reason": "<b>the nurse</b>\u202e is missing"}
    assert lea.post(f"/api/clips/{clip}/reopen", json=body).status_code == 200
    reason = "<b>the nurse</b>\\u202e is missing"
    shown = anna.get(f"/api/clips/{clip}").json()
    assert shown["reopened"] == {"reason": reason, "by": "lea"}


def save_predictions(desk: Desk, clip: str, model: str, scores: list[float]) -> None:
    """Store boxes of a model on a clip, one in each of the first frames."""
    count = len(scores)
    seen = Detections(
        frames=np.arange(count, dtype=np.int32),
        boxes=np.tile(np.array([[1.004, 2, 9.006, 30]], np.float32), (count, 1)),
        scores=np.array(scores, np.float32),
        classes=np.zeros(count, np.int16),
        length=10,
        fps=10.0,
    )
    predictions.save(Workspace(desk.home).clip_predictions(clip, model), seen, model, 0.5)


def test_what_models_saw_is_shown_that_of_labellers_first(desk: Desk) -> None:
    clip = desk.clips[0]
    with Catalog.open(desk.home) as catalog:
        (row,) = catalog.revision_rows(clip)
    (labeller,) = parse_labellers(row.made_by)
    save_predictions(desk, clip, "a-rival", [0.9, 0.25, 0.24])
    save_predictions(desk, clip, labeller, [0.8])
    save_predictions(desk, clip, clip_evidence.MOTION_MODEL, [0.6])
    save_predictions(desk, desk.clips[1], "another", [0.6])
    path = f"/api/clips/{clip}/detections"
    document = desk.client("vera", "viewer").get(path).json()
    assert document["names"] == ["person"]
    models = document["models"]
    assert [(each["model"], each["labeller"], each["snaps"]) for each in models] == [
        (labeller, True, True),
        ("a-rival", False, True),
        (clip_evidence.MOTION_MODEL, False, False),
    ]
    # Far below the operating point nothing is shown.
    rival = models[1]
    assert (rival["frames"], rival["scores"], rival["classes"]) == ([0, 1], [0.9, 0.25], [0, 0])
    assert rival["boxes"] == [[1, 2, 9.01, 30]] * 2
    assert desk.client("other", cameras=["ward_b"]).get(path).status_code == 404
    assert TestClient(desk.app, base_url=ORIGIN).get(path).status_code == 401
    assert desk.client("anna").get("/api/clips/nowhere/detections").status_code == 404


@pytest.mark.parametrize(
    "op",
    [
        {"op": "explode"},
        {},
        {"op": "move", "track": 1, "frame": 3},
        {"op": "move", "track": 1, "frame": 3, "box": [5, 6, 14]},
        {"op": "move", "track": 1, "frame": 3, "box": [14, 6, 5, 34]},
        {"op": "move", "track": 1, "frame": 99, "box": [5, 6, 14, 34]},
        {"op": "move", "track": 1, "frame": 3, "box": [1e9, 6, 2e9, 34]},
        {"op": "move", "track": 1, "frame": 3, "box": ["5", 6, 14, 34]},
        {"op": "move", "track": 7, "frame": 3, "box": [5, 6, 14, 34]},
        {"op": "move", "track": 1, "frame": 3, "box": [5, 6, 14, 34], "more": 1},
        {"op": "classify", "track": 1, "cls": "<b>cat</b>"},
        {"op": "comment", "id": "a", "start": 0, "stop": 1, "track": None, "text": "x" * 1001},
        {"op": "comment", "id": "a\n", "start": 0, "stop": 1, "track": None, "text": "x"},
        {"op": "comment", "id": "a", "start": 0, "stop": 1, "track": 9, "text": "x"},
        {"op": "resolve", "id": "a", "resolved": "yes"},
        {"op": "undo"},
    ],
)
def test_what_the_labels_do_not_allow_is_refused_in_one_line(
    desk: Desk, op: dict[str, Any]
) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    body = edit_body(lease(anna, clip)) | {"op": op}
    refused = anna.post(f"/api/clips/{clip}/edits", json=body)
    assert refused.status_code == 422
    assert "\n" not in refused.json()["error"]
    assert anna.get(f"/api/clips/{clip}").json()["head"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"key": ""},
        {"key": "k" * 101},
        {"base": -1},
        {"fence": "1"},
        {"decision": "maybe"},
        {"active_seconds": -1},
        {"active_seconds": 1e9},
        {"decision": "reject"},
        {"more": 1},
    ],
)
def test_a_malformed_decision_changes_nothing(desk: Desk, change: dict[str, Any]) -> None:
    anna, clip = desk.client("anna"), desk.clips[0]
    body = {"key": "v", "base": 0, "fence": lease(anna, clip), "decision": "accept"} | change
    assert anna.post(f"/api/clips/{clip}/verdict", json=body).status_code == 422
    assert anna.get(f"/api/clips/{clip}").json()["stage"] == "IN_REVIEW"
    assert not (desk.home / "review" / "verdicts").exists()


def test_another_camera_does_not_exist_and_viewers_change_nothing(desk: Desk) -> None:
    clip = desk.clips[0]
    other, viewer = desk.client("other", cameras=["ward_b"]), desk.client("vera", "viewer")
    assert other.get("/api/queue").json()["clips"] == []
    assert other.post("/api/queue/next", json={}).status_code == 404
    for path, body in (
        (f"/api/clips/{clip}/lease", {"take": True}),
        (f"/api/clips/{clip}/edits", edit_body(1)),
        (f"/api/clips/{clip}/verdict", {"key": "k", "base": 0, "fence": 1, "decision": "accept"}),
    ):
        assert other.post(path, json=body).status_code == 404
        assert viewer.post(path, json=body).status_code == 403
    assert other.get(f"/api/clips/{clip}").status_code == 404
    assert other.get("/api/clips/..%2f..%2fcatalog.sqlite").status_code == 404
    assert viewer.get(f"/api/clips/{clip}").status_code == 200
    assert viewer.post("/api/queue/next", json={}).status_code == 403
    nobody = TestClient(desk.app, base_url=ORIGIN)
    for path in ("/api/queue", "/api/stats", f"/api/clips/{clip}"):
        assert nobody.get(path).status_code == 401


def test_figures_of_people_are_theirs_and_the_leads(desk: Desk) -> None:
    for name, clip in zip(("anna", "ben"), desk.clips, strict=True):
        client = desk.client(name)
        body = {"key": "v", "base": 0, "fence": lease(client, clip), "decision": "accept"}
        assert client.post(f"/api/clips/{clip}/verdict", json=body).status_code == 200
        review.collect_own(desk.home)
        stats = client.get("/api/stats").json()
        assert [person["name"] for person in stats["people"]] == [name]
    lead = desk.client("lea", "lead").get("/api/stats").json()
    assert [person["name"] for person in lead["people"]] == ["anna", "ben"]
    assert (lead["week"]["clips"], lead["waiting_clips"], lead["backlog_days"]) == (2, 0, 0)


def test_a_lead_reopens_what_was_accepted(desk: Desk) -> None:
    anna, lead, clip = desk.client("anna"), desk.client("lea", "lead"), desk.clips[0]
    path = f"/api/clips/{clip}/reopen"
    assert anna.post(path, json={"reason": "a person is missing"}).status_code == 403
    assert lead.post(path, json={"reason": "too early"}).status_code == 409
    body = {"key": "v", "base": 0, "fence": lease(anna, clip), "decision": "accept"}
    anna.post(f"/api/clips/{clip}/verdict", json=body)
    review.collect_own(desk.home)
    assert lead.post(path, json={"reason": ""}).status_code == 422
    reopened = lead.post(path, json={"reason": "a person is missing"})
    assert reopened.json() == {"round": 2, "revision": 2}
    fence = lease(anna, clip)
    assert anna.post(f"/api/clips/{clip}/edits", json=edit_body(fence)).json()["rev"] == 1
    body = {"key": "v", "base": 1, "fence": fence, "decision": "accept"}
    assert anna.post(f"/api/clips/{clip}/verdict", json=body).status_code == 200
    review.collect_own(desk.home)
    latest = labels.latest(Workspace(desk.home), clip)
    assert latest is not None
    assert latest.revision == 3
    with Catalog.open(desk.home) as catalog:
        assert catalog.clip(clip).stage is ClipStage.ACCEPTED
        assert len(catalog.verdicts()) == 2
