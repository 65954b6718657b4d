"""Second looks over the API: blind for who reviews, side by side for leads, nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from oneclick.stages import review
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace
from tests.web.test_api import Desk, edit_body, lease


def decide(client: object, clip: str, base: int, fence: int) -> int:
    body = {"key": "v", "base": base, "fence": fence, "decision": "accept", "active_seconds": 3.0}
    status: int = client.post(f"/api/clips/{clip}/verdict", json=body).status_code  # type: ignore[attr-defined]
    return status


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, 1)


def test_a_second_reviewer_is_not_told_that_there_was_a_first(desk: Desk) -> None:
    anna, ben = desk.client("anna"), desk.client("ben")
    (clip,) = desk.clips
    before = ben.get(f"/api/clips/{clip}").json()
    fence = lease(anna, clip)
    assert anna.post(f"/api/clips/{clip}/edits", json=edit_body(fence)).status_code == 200
    assert decide(anna, clip, 1, fence) == 200
    review.collect_own(desk.home, 1.0)
    queue = anna.get("/api/queue").json()
    assert (queue["clips"], queue["waiting"], queue["images_waiting"]) == ([], 0, 0)
    assert ben.get("/api/queue").json()["waiting"] == 1
    assert anna.get(f"/api/clips/{clip}").json()["decided"]
    assert anna.post(f"/api/clips/{clip}/lease", json={"take": True}).status_code == 404
    assert anna.post("/api/queue/next", json={}).status_code == 404
    assert [row["clip"] for row in ben.get("/api/queue").json()["clips"]] == [clip]
    after = ben.get(f"/api/clips/{clip}").json()
    assert before.pop("round") != after.pop("round")  # a digest, which tells nothing else
    assert after == before
    given = ben.post("/api/queue/next", json={}).json()
    assert given["clip"] == clip
    assert decide(ben, clip, 0, given["fence"]) == 200
    assert review.collect_own(desk.home).failed == {}
    stats = ben.get("/api/stats").json()["quality"]
    assert (stats["looks"], stats["unsettled"], stats["team"]) == (1, 0, None)


def test_leads_compare_and_settle_what_differs(desk: Desk) -> None:
    anna, ben, lea = desk.client("anna"), desk.client("ben"), desk.client("lea", "lead")
    other = desk.client("otto", "lead", cameras=["hall"])
    (clip,) = desk.clips
    assert decide(anna, clip, 0, lease(anna, clip)) == 200
    review.collect_own(desk.home, 1.0)
    fence = lease(ben, clip)
    delete = edit_body(fence, op="delete", track=1)
    assert ben.post(f"/api/clips/{clip}/edits", json=delete).status_code == 200
    assert decide(ben, clip, 1, fence) == 200
    review.collect_own(desk.home)
    for client, status in ((ben, 403), (other, 404), (lea, 200)):
        assert client.get(f"/api/looks/{clip}").status_code == status
        body = {"choice": "first"}
        if client is not lea:
            answer = client.post(f"/api/looks/{clip}/settle", json=body)
            assert answer.status_code == status
    assert other.get("/api/looks").json() == {"looks": []}
    (row,) = lea.get("/api/looks").json()["looks"]
    assert (row["clip"], row["first"], row["second"], row["count"]) == (clip, "anna", "ben", 1)
    shown = lea.get(f"/api/looks/{clip}").json()
    assert [len(side["tracks"]) for side in shown["sides"]] == [1, 0]
    (difference,) = shown["differences"]
    assert (difference["kind"], difference["side"]) == ("removed", 1)
    for wrong in ({"choice": "second"}, {"choice": "third"}, {"choice": "first", "more": 1}):
        assert lea.post(f"/api/looks/{clip}/settle", json=wrong).status_code == 422
    right = {"choice": "second", "reason": "a shadow"}
    assert lea.post(f"/api/looks/{clip}/settle", json=right).json() == {"choice": "second"}
    assert lea.post(f"/api/looks/{clip}/settle", json=right).status_code == 409
    review.collect_own(desk.home)
    newest = labels.latest(Workspace(desk.home), clip)
    assert newest is not None
    assert (newest.made_by, newest.tracks) == ("lea", ())
    assert lea.get("/api/looks").json() == {"looks": []}


def test_a_comparison_that_a_later_review_overtook_shows_the_newest_labels(desk: Desk) -> None:
    anna, ben, lea = desk.client("anna"), desk.client("ben"), desk.client("lea", "lead")
    (clip,) = desk.clips
    assert decide(anna, clip, 0, lease(anna, clip)) == 200
    review.collect_own(desk.home, 1.0)
    fence = lease(ben, clip)
    assert ben.post(f"/api/clips/{clip}/edits", json=edit_body(fence)).status_code == 200
    assert decide(ben, clip, 1, fence) == 200
    review.collect_own(desk.home)
    assert lea.get(f"/api/looks/{clip}").json()["overtaken"] is False
    assert lea.post(f"/api/clips/{clip}/reopen", json={"reason": "nobody"}).status_code == 200
    carla = desk.client("carla")
    fence = lease(carla, clip)
    settlement = {"choice": "second", "reason": "ben is right"}
    answer = lea.post(f"/api/looks/{clip}/settle", json=settlement)
    assert (answer.status_code, "carla reviews" in answer.json()["error"]) == (409, True)
    delete = edit_body(fence, op="delete", track=1)
    assert carla.post(f"/api/clips/{clip}/edits", json=delete).status_code == 200
    assert decide(carla, clip, 1, fence) == 200
    review.collect_own(desk.home)
    page = lea.get(f"/api/looks/{clip}").json()
    assert (page["overtaken"], page["settled"], page["first"]) == (True, None, "carla")
    assert [(side["by"], len(side["tracks"])) for side in page["sides"]] == [
        ("carla", 0),
        ("ben", 1),
    ]
    assert lea.get("/api/looks").json() == {"looks": []}
    assert lea.post(f"/api/looks/{clip}/settle", json=settlement).status_code == 409


def test_a_clip_without_a_second_look_is_not_there(desk: Desk) -> None:
    lea = desk.client("lea", "lead")
    for clip in (desk.clips[0], "nobody", "..%2f..%2fusers"):
        assert lea.get(f"/api/looks/{clip}").status_code == 404
        body = {"choice": "first"}
        assert lea.post(f"/api/looks/{clip}/settle", json=body).status_code == 404
