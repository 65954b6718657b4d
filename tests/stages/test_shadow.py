"""Candidates beside the champion in shadow: waiting, judged again, replaced, killed, deleted."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oneclick import detectors, report, settings
from oneclick import video as videos
from oneclick.catalog import Catalog
from oneclick.cli import summary
from oneclick.cli.insight import insight
from oneclick.core.clips import Video
from oneclick.core.errors import DetectorUnavailable
from oneclick.detectors import own
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.flows.maintain import insight_page
from oneclick.flows.train import training_page
from oneclick.report import metrics
from oneclick.stages import train
from oneclick.stages.train import TrainingResult
from oneclick.storage import cards, model_cards, model_registry
from oneclick.storage.bounded_documents import parse_json
from oneclick.storage.workspace import Workspace
from oneclick.training import gate, launch
from tests.training import toy

START = datetime(2026, 11, 1, tzinfo=UTC)
FRAMES = 30
OPTIONS = settings.load(
    train={
        "steps": 1,
        "batch": 2,
        "stride": 2,
        "min_test_images": 1,
        "shadow": "demand",
        "shadow_hours": 24 / 3600,
    }
).train_options()
"""Eight videos of three seconds are enough."""


@pytest.fixture
def home(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace in which the gate promotes by test clips, with a champion."""
    real = gate.decide

    def decide(*arguments: object) -> gate.GateDecision:
        decision = real(*arguments)  # type: ignore[arg-type]
        return gate.GateDecision("promote", ("better",), decision.rows, decision.slices)

    monkeypatch.setattr(gate, "decide", decide)
    home = Path(shutil.copytree(published, tmp_path / "w"))
    assert train.train(home, None, OPTIONS).decision == "promote"
    return home


class ShadowDetector:
    """Sees one person in each picture, but for every `hole`-th."""

    names, threshold, stateful, shrinks = ("person",), 0.5, False, False

    def __init__(self, name: str, hole: int) -> None:
        self.name, self.model_id, self.hole = name, name.replace("model:", "model-"), hole
        self.frames = 0

    def reset(self) -> None:
        """Begin a video."""
        self.frames = 0

    def detect(self, frames: Sequence[Frame]) -> list[FrameDetections]:
        """Return one box a picture."""
        answers = []
        for _ in frames:
            self.frames += 1
            count = 0 if self.frames % self.hole == 0 else 1
            box = np.tile(np.array([100, 40, 140, 140], np.float32), (count, 1))
            scores = np.full(count, 0.9, np.float32)
            answers.append((box, scores, np.zeros(count, np.int16)))
        return answers


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Let models see what they are told: by id or *, every which frame they miss somebody."""
    holes: dict[str, int] = {}

    def create(name: str, *_: object) -> ShadowDetector:
        if not holes.get(name, 1):
            raise DetectorUnavailable(f"detector {name} is missing")
        return ShadowDetector(name, holes.get(name, holes.get("*", 1000)))

    monkeypatch.setattr(detectors, "create", create)
    monkeypatch.setattr(own, "lacks_graph", lambda *_: False)
    return holes


def record(home: Path, count: int, first: int = 0, camera: str = "hall") -> list[str]:
    """Add videos of three seconds, one an hour."""
    pictures, _ = toy.scene(0, FRAMES)
    ids = []
    for k in range(first, first + count):
        at = START + timedelta(hours=k)
        video = Video(
            id=f"{camera}-{at:%Y%m%dT%H%M%SZ}",
            camera=camera,
            started_at=at,
            fps=toy.FPS,
            frames=FRAMES,
            width=toy.WIDTH,
            height=toy.HEIGHT,
            digest=f"{k:064d}",
            suffix=".mp4",
        )
        path = Workspace(home).video_file(video)
        path.parent.mkdir(parents=True, exist_ok=True)
        if first == k:
            videos.write(path, iter(pictures), toy.FPS)
            source = path
        else:
            shutil.copy(source, path)
        with Catalog.open(home) as catalog:
            catalog.add_video(video)
        ids.append(video.id)
    return ids


def candidate(home: Path, seed: int = 1, **changes: object) -> TrainingResult:
    return train.train(home, None, replace(OPTIONS, seed=seed, **changes))  # type: ignore[arg-type]


def champion(home: Path) -> str | None:
    return model_registry.champion(Workspace(home))


def test_it_waits_and_is_judged_again_without_training_when_there_is_video(
    home: Path, watched: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = champion(home)
    first = candidate(home)
    assert (first.decision, first.trained) == ("not enough evidence", True)
    assert first.reasons == ("better", "waits in shadow: 0 of 0.00666667 hours looked at")
    assert champion(home) == old
    monkeypatch.setattr(launch, "run", None)
    record(home, 4)
    again = candidate(home)
    assert (again.decision, again.trained) == ("not enough evidence", False)
    (row,) = [row for row in report.models(home) if row.id == first.model]
    assert row.shadow.startswith("waits in shadow: 0 of")
    evidence = report.training_report(home, first.model)
    assert evidence
    assert evidence.shadow
    assert evidence.shadow.hours == pytest.approx(12 / 3600)
    record(home, 4, first=4)
    last = candidate(home)
    assert (last.decision, last.trained) == ("promote", False)
    assert last.reasons[-1].startswith(f"no worse in shadow than {old}")
    assert champion(home) == first.model


def test_one_that_flickers_is_refused_and_all_screens_show_the_same(
    home: Path, watched: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    record(home, 8)
    old = champion(home)
    watched |= {"*": 7, f"model:{old}": 1000}
    outcome = candidate(home)
    assert outcome.decision == "refuse"
    assert any(reason.startswith("worse in shadow: flickers") for reason in outcome.reasons)
    assert champion(home) == old
    training = report.training_report(home, outcome.model)
    assert training
    assert training.shadow
    row = training.shadow.rows[0]
    assert (row.measure, row.word) == ("flickers", "worse")
    summary.print_shadow(training)
    assert "flickers an hour" in capsys.readouterr().out
    assert "flickers an hour" in training_page(training, outcome)
    figures = report.measure_insight(home)
    assert f"candidate is {outcome.model}" in insight_page(figures, training)
    assert "flickers an hour" in insight_page(figures, training)
    insight(home=home)
    assert "flickers an hour" in capsys.readouterr().out
    insight(home=home, json=True)
    fields: Any = parse_json(capsys.readouterr().out)
    assert (fields["candidate"], fields["shadow"]["state"]) == (outcome.model, "worse")
    text = metrics.metrics_text(report.measure_insight(home), [], training)
    assert f'measure="flickers",side="candidate"}} {row.candidate:.6g}' in text


def test_nothing_of_it_counts_as_predictions(home: Path, watched: dict[str, int]) -> None:
    ids = record(home, 4)
    model = candidate(home).model
    workspace = Workspace(home)
    assert not (home / "predictions").exists()
    with Catalog.open(home) as catalog:
        assert catalog.marks(cards.PREDICT_STEP) == []
    assert report.measure_insight(home, START + timedelta(days=1)).rows == []
    folders = {path.name for path in (workspace.shadow_dir / str(model)).iterdir()}
    assert folders == set(ids)
    record(home, 4, first=4)
    assert candidate(home).decision == "promote"
    assert not list(workspace.shadow_dir.glob("*/*/*.parquet"))
    assert len(list(workspace.shadow_dir.glob("*/*/counts-*.json"))) == 8


def test_killed_in_the_middle_it_goes_on_with_the_next_video(
    home: Path, watched: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(home, 8)
    looked: list[str] = []

    class Killed(ShadowDetector):
        def reset(self) -> None:
            looked.append(self.name)
            if len(looked) == 6:
                raise KeyboardInterrupt
            super().reset()

    monkeypatch.setattr(detectors, "create", lambda name, *_: Killed(name, 1000))
    with pytest.raises(KeyboardInterrupt):
        candidate(home)
    assert len(list(Workspace(home).shadow_dir.glob("*/*/counts-*.json"))) == 2
    monkeypatch.setattr(launch, "run", None)
    assert candidate(home).decision == "promote"
    assert len(looked) == 6 + 2 * 6


def test_a_kill_before_the_promotion_is_made_good(
    home: Path, watched: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, old = candidate(home), champion(home)
    record(home, 8)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_registry, "promote", killed)
        with pytest.raises(KeyboardInterrupt):
            candidate(home)
    assert champion(home) == old
    assert candidate(home, seed=2).champion_before == first.model


def test_two_at_once_look_at_each_video_once(
    home: Path, watched: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = candidate(home)
    record(home, 8)
    looked: list[str] = []

    class Counted(ShadowDetector):
        def reset(self) -> None:
            looked.append(self.name)
            super().reset()

    monkeypatch.setattr(detectors, "create", lambda name, *_: Counted(name, 1000))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: candidate(home), range(2)))
    assert [outcome.decision for outcome in outcomes] == ["promote", "promote"]
    assert champion(home) == waiting.model
    assert len(looked) == 2 * 8


def test_one_that_cannot_be_judged_stops_no_training(home: Path, watched: dict[str, int]) -> None:
    candidate(home, shadow="off", seed=3)
    waiting = candidate(home)
    model_registry.rollback(Workspace(home))
    weights = Workspace(home).model_dir(waiting.model or "") / model_cards.WEIGHTS_FILE
    weights.write_bytes(b"no weights")
    outcome = candidate(home, seed=2)
    assert outcome.trained
    assert any("could not be judged in shadow" in line for line in outcome.settled)


def test_a_newer_candidate_takes_its_place(home: Path, watched: dict[str, int]) -> None:
    first, second = candidate(home), candidate(home, seed=2)
    older = report.training_report(home, first.model)
    assert older
    assert older.reasons[-1] == f"replaced in shadow by the newer candidate {second.model}"
    assert f"{first.model}: {older.reasons[-1]}" in second.settled
    record(home, 8)
    candidate(home, seed=2)
    assert champion(home) == second.model
    assert candidate(home).decision == "not enough evidence"
    assert champion(home) == second.model


def test_one_that_waits_is_judged_before_a_new_one_is_trained(
    home: Path, watched: dict[str, int]
) -> None:
    first = candidate(home)
    record(home, 16)
    second = candidate(home, seed=2)
    assert second.champion_before == first.model
    assert any(line.startswith(f"{first.model}: promote") for line in second.settled)


def test_another_champion_is_compared_on_the_test_clips_again(
    home: Path, watched: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = champion(home)
    candidate(home, shadow="off", seed=3)
    waiting = candidate(home, seed=1)
    assert waiting.decision == "not enough evidence"
    model_registry.rollback(Workspace(home))
    monkeypatch.setattr(launch, "run", None)
    record(home, 8)
    outcome = candidate(home, seed=1)
    assert (outcome.decision, outcome.champion_before) == ("promote", old)
    assert outcome.reasons[-1].startswith(f"no worse in shadow than {old}")


def test_one_promoted_by_hand_waits_no_longer(home: Path, watched: dict[str, int]) -> None:
    waiting = candidate(home)
    model_registry.promote(Workspace(home), waiting.model or "", "by hand")
    model_registry.rollback(Workspace(home))
    outcome = candidate(home)
    assert outcome.reasons[-1] == "put into service by hand while it waited in shadow"
    assert champion(home) != waiting.model


def test_a_deleted_candidate_leaves_nothing(home: Path, watched: dict[str, int]) -> None:
    record(home, 4)
    waiting = candidate(home)
    workspace = Workspace(home)
    shutil.rmtree(workspace.model_dir(waiting.model or ""))
    candidate(home, seed=2, shadow="off")
    assert not list(workspace.shadow_dir.iterdir())


def test_a_candidate_that_does_not_load_waits_with_the_reason(
    home: Path, watched: dict[str, int]
) -> None:
    record(home, 8)
    watched[f"model:{champion(home)}"] = 0
    outcome = candidate(home)
    assert outcome.decision == "not enough evidence"
    assert "waits in shadow: detector model:" in outcome.reasons[-1]


def test_without_the_demand_it_is_promoted_and_what_it_did_is_kept(
    home: Path, watched: dict[str, int]
) -> None:
    record(home, 8)
    outcome = candidate(home, shadow="report")
    assert (outcome.decision, champion(home)) == ("promote", outcome.model)
    training = report.training_report(home, outcome.model)
    assert training
    assert training.shadow
    assert training.shadow.state == "reported"
    assert training.shadow.hours == pytest.approx(24 / 3600)


def test_off_means_that_nothing_is_looked_at_and_who_waits_is_served(
    home: Path, watched: dict[str, int]
) -> None:
    waiting = candidate(home)
    record(home, 8)
    outcome = candidate(home, shadow="off")
    assert (outcome.decision, champion(home)) == ("promote", waiting.model)
    assert not Workspace(home).shadow_dir.exists()
    card = model_cards.read(Workspace(home).model_dir(waiting.model or ""))
    assert card
    assert card.decision


def test_a_video_that_does_not_decode_is_left_out_and_named(
    home: Path, watched: dict[str, int]
) -> None:
    ids = record(home, 9)
    path = home / "videos" / "hall" / f"{ids[-1]}.mp4"
    path.write_bytes(b"no video")
    outcome = candidate(home)
    assert outcome.decision == "promote"
    training = report.training_report(home, outcome.model)
    assert training
    assert training.shadow
    assert list(training.shadow.failed) == [ids[-1]]
