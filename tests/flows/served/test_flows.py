"""Every flow runs on a real server, leaves its artifact, and does nothing twice."""

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.flows import demo, policy
from oneclick.flows.collect import collect
from oneclick.flows.label import label
from oneclick.flows.maintain import maintain
from oneclick.flows.one_click import one_click
from oneclick.flows.publish import publish
from oneclick.flows.review import review
from oneclick.flows.train import train
from oneclick.platforms.encord import connect
from tests.fakes import clips
from tests.platforms.encord.desk import Desk

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.usefixtures("prefect_server", "small"),
]


def counts(home: Path) -> dict[str, int]:
    with Catalog.open(home) as catalog:
        return {stage.value: n for stage, n in catalog.counts().items() if n}


def artifact(key: str) -> Any:
    """The newest artifact of that key, as the API gives it."""
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        )
    assert artifacts, f"no artifact {key}"
    return max(artifacts, key=lambda row: str(row.created))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flows") / "workspace"


@pytest.fixture(scope="module")
def collected(home: Path, recording: Path, prefect_server: None, small: None) -> dict[str, Any]:
    return collect([str(recording)], home)


@pytest.fixture(scope="module")
def labelled(home: Path, collected: dict[str, Any]) -> dict[str, Any]:
    return label(home)


@pytest.fixture(scope="module")
def waiting(home: Path, labelled: dict[str, Any]) -> dict[str, Any]:
    return review(home)


@pytest.fixture(scope="module")
def reviewed(home: Path, waiting: dict[str, Any]) -> dict[str, Any]:
    return review(home, accept_auto=True)


@pytest.fixture(scope="module")
def published(home: Path, reviewed: dict[str, Any]) -> dict[str, Any]:
    return publish(home)


@pytest.fixture(scope="module")
def trained(home: Path, published: dict[str, Any]) -> dict[str, Any]:
    return train(home)


def test_collect_ends_with_extracted_frames_and_a_table_of_hits(
    home: Path, collected: dict[str, Any]
) -> None:
    assert collected["failed"] == {}
    assert collected["videos"] == 1
    assert collected["selected"] >= 4
    assert artifact("hits").type == "table"
    assert "of video kept in" in artifact("hits").description


def test_label_labels_what_is_extracted(home: Path, labelled: dict[str, Any]) -> None:
    assert labelled["done"] >= 4
    assert labelled["failed"] == {}
    assert label(home)["done"] == 0


def test_review_waits_for_a_reviewer_unless_told_otherwise(
    home: Path, waiting: dict[str, Any], reviewed: dict[str, Any]
) -> None:
    assert waiting["waiting"] >= 4
    assert reviewed["waiting"] == 0
    assert artifact("funnel").type == "table"


def test_publish_makes_one_version_of_all_accepted_clips(
    home: Path, published: dict[str, Any]
) -> None:
    assert published["version"].startswith("v0001-")
    assert set(counts(home)) == {"PUBLISHED"}
    again = publish(home)
    assert (again["done"], again["version"]) == (0, None)


def test_train_tells_candidate_from_champion(home: Path, trained: dict[str, Any]) -> None:
    assert trained["done"] == 1
    assert trained["decision"] in ("promote", "refuse", "not enough evidence")
    ledger = artifact("triggers")
    assert ledger.type == "table"
    assert "control clips: " in ledger.description
    assert {row["trigger"] for row in json.loads(ledger.data)} >= {"flicker", "novelty"}
    costs = json.loads(artifact("labels").data)
    assert sum(row["unseen"] for row in costs) >= 4
    assert artifact("labellers").type == "table"
    page = artifact("training").data
    assert trained["model"] in page
    assert "mAP" in page


def test_a_second_lap_does_nothing_twice(
    home: Path, recording: Path, trained: dict[str, Any]
) -> None:
    before = counts(home)
    lap = one_click([str(recording)], home, accept_auto=True)
    assert lap["nothing_new"]
    assert lap["failed"] == {}
    assert counts(home) == before


def test_every_run_stands_in_the_catalog(home: Path, trained: dict[str, Any]) -> None:
    with Catalog.open(home) as catalog:
        runs = catalog.runs()
    assert {"collect", "label", "review", "publish", "train"} <= {run.flow for run in runs}
    assert {run.state for run in runs} == {"Completed"}
    assert all(run.ended and run.started and run.ended >= run.started for run in runs)


def test_maintain_frees_what_a_dead_process_holds(home: Path, trained: dict[str, Any]) -> None:
    leftover = home / "clips" / ".clip.mp4.elsewhere.1.0.tmp"
    leftover.write_bytes(b"half")
    counts_freed = maintain(home)
    assert (counts_freed["expired"], counts_freed["done"]) == (0, 0)
    assert "0 expired claims" in artifact("maintenance").data


def test_one_click_stops_politely_where_a_reviewer_is_needed(
    tmp_path: Path, recording: Path
) -> None:
    lap = one_click([str(recording)], tmp_path)
    assert lap["waiting"] >= 4
    assert lap["steps"]["publish"]["version"] is None
    assert lap["steps"]["train"]["model"] is None


def test_a_file_that_is_no_video_is_named_and_the_lap_goes_on(
    tmp_path: Path, recording: Path
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    lap = collect([str(text), str(recording)], tmp_path / "workspace")
    assert [Path(name).name for name in lap["failed"]] == ["notes.mp4"]
    assert lap["videos"] == 1


@pytest.fixture
def three_clips_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONECLICK_BATCH", "3")


@pytest.mark.usefixtures("three_clips_a_batch")
def test_clips_travel_in_batches_and_no_lease_stays_behind(tmp_path: Path, recording: Path) -> None:
    collect([str(recording)], tmp_path)
    sizes: list[int] = []

    from prefect import flow, task

    from oneclick import settings
    from oneclick.core.results import BatchResult

    @task(cache_policy=policy.TASK["cache_policy"])
    def count(home: Path, clips: list[str]) -> BatchResult:
        sizes.append(len(clips))
        return BatchResult(skipped=clips)

    @flow
    def count_all() -> BatchResult:
        conf = settings.load(home=tmp_path)
        return policy.run_in_batches(count, ClipStage.EXTRACTED, conf)

    batch_result = count_all()
    assert max(sizes) == 3
    assert len(set(batch_result.skipped)) == sum(sizes) == counts(tmp_path)["EXTRACTED"]
    with Catalog.open(tmp_path) as catalog:
        assert all(row.lease_owner is None for row in catalog.clips())


def test_a_review_platform_that_is_down_fails_no_flow_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "home")
    names = [clip.id for clip in clips.labelled(desk.home, 2, filmed=True)]
    monkeypatch.setattr(connect, "DEFAULT_RETRY_POLICY", connect.RetryPolicy(retry_delays=()))
    monkeypatch.setenv("ONECLICK_REVIEW__PLATFORM", "encord")
    monkeypatch.setenv("ONECLICK_REVIEW__ENCORD__DOMAIN", desk.server.url)
    monkeypatch.setenv("ONECLICK_REVIEW__ENCORD__KEY_FILE", desk.choice.section.key_file)
    desk.open().setup()
    desk.server.script = lambda call: "drop"
    lap = review(desk.home)
    assert lap["done"] == 0
    assert "does not answer" in lap["failed"]["encord"]
    assert publish(desk.home)["version"] is None
    desk.server.script = lambda call: None
    assert (review(desk.home)["done"], counts(desk.home)) == (2, {"IN_REVIEW": 2})
    desk.finish(names[0])
    assert review(desk.home)["done"] == 1
    assert counts(desk.home) == {"ACCEPTED": 1, "IN_REVIEW": 1}
    desk.server.end()


def test_clips_of_the_ward_wait_for_whoever_tries_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SECONDS", 4.0)
    monkeypatch.setattr(demo, "REVIEW_CAMERAS", 1)
    result = demo.review_demo(tmp_path / "demo")
    assert counts(result.home) == {"IN_REVIEW": result.clips}
    assert result.clips > 0
    assert result.images >= result.clips
    reviewing = json.loads(artifact("reviewing").data)
    assert [row["clips"] for row in reviewing] == [0]
