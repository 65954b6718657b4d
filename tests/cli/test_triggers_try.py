"""`oneclick triggers try`: a replay with other parameters that changes nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from oneclick import detectors, report
from oneclick.cli import triggers
from oneclick.core.clips import Video
from oneclick.core.errors import OneclickError, Unavailable, UnknownName, UsageError
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.report import trigger_replay
from oneclick.storage import cards, predictions
from oneclick.storage.cards import ModelRef
from oneclick.storage.workspace import Workspace
from tests.catalog import samples as samples
from tests.fakes import scenes

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
OWN, RIVAL = ModelRef("opencv-hog-test", 0.5), ModelRef("opencv-motion-test", 0.5)
HOLES = {0: range(50, 53), 1: range(50, 57)}
"""Two people lost at once, for 0.3 and 0.7 s."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two days of one camera; the third Video was not predicted yet."""
    home, workspace = tmp_path / "home", Workspace(tmp_path / "home")
    people = [scenes.walk((50, 50), (1, 0), 200), scenes.walk((50, 300), (1, 0), 200)]
    with samples.fresh(home) as catalog:
        for day in range(3):
            start = NOON + timedelta(days=day)
            catalog.add_video(
                Video(
                    id=f"ward-{day}",
                    camera="ward",
                    started_at=start,
                    fps=10.0,
                    frames=200,
                    width=640,
                    height=480,
                    digest=f"{day}",
                    suffix=".mp4",
                )
            )
    for day in range(2):
        predictions.save(workspace.predictions(f"ward-{day}", OWN.id), scenes.seen(people, HOLES))
        predictions.save(workspace.predictions(f"ward-{day}", RIVAL.id), scenes.seen(people))

    class Known:
        def __init__(self, model: ModelRef) -> None:
            self.model_id, self.threshold = model.id, model.threshold

    models = {"opencv:hog": Known(OWN), "opencv:motion": Known(RIVAL)}
    monkeypatch.setattr(detectors, "create", lambda name, workspace: models[name])
    monkeypatch.chdir(tmp_path)
    return home


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(triggers.app, ["try", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_what_is_new_is_found_even_where_another_object_had_a_hit_already(home: Path) -> None:
    document = json.loads(run("flicker", "--set", "hole=1", "--home", home, "--json").stdout)
    assert (document["before"], document["after"]) == (2, 4)
    assert [(m["video"], m["start"]) for m in document["new"]] == [("ward-0", 50), ("ward-1", 50)]
    assert document["gone"] == []
    assert (document["set"]["hole"], document["tried"]["hole"]) == (0.5, 1.0)
    assert (document["videos"], document["waiting"]) == (2, 1)


def test_a_table_shows_counts_and_examples_of_what_is_gone(home: Path) -> None:
    result = run("flicker", "--set", "hole=0.2", "--home", home)
    head, before, after, change, *_, example = result.stdout.splitlines()
    assert head.split()[0] == "flicker"
    assert "hole=0.5" in before
    assert "hole=0.2" in after
    assert change == "0 new, 2 gone"
    assert example.startswith("gone  2026-01-06 12:00:05.0  ward    ward-1")
    assert "without predictions left out: 1" in result.stderr


def test_parameters_of_the_workspace_are_what_is_compared_with(home: Path, tmp_path: Path) -> None:
    (tmp_path / "oneclick.toml").write_text("[triggers.params]\nflicker = { hole = 1.0 }\n")
    document = json.loads(run("flicker", "--set", "join=2", "--home", home, "--json").stdout)
    assert document["set"] == {"hole": 1.0, "join": 1.0}
    assert document["tried"] == {"hole": 1.0, "join": 2.0}
    assert (document["before"], document["new"], document["gone"]) == (4, [], [])


def test_a_window_leaves_the_other_days_out(home: Path) -> None:
    when = ("--since", "2026-01-06", "--until", "2026-01-07")
    document = json.loads(run("flicker", "--set", "hole=1", *when, "--home", home, "--json").stdout)
    assert (document["videos"], document["before"], document["waiting"]) == (1, 1, 0)


def test_no_file_of_the_workspace_changes(home: Path) -> None:
    before = contents(home)
    run("conflict_miss", "--set", "join=1", "--home", home)
    assert contents(home) == before


def test_broken_predictions_are_named_and_the_rest_is_replayed(home: Path) -> None:
    Workspace(home).predictions("ward-0", OWN.id).write_bytes(b"not parquet")
    result = run("flicker", "--set", "hole=1", "--home", home, code=3)
    assert "ward-0" in result.stderr
    assert "videos replayed: 1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["flikker", "--set", "hole=1"], UnknownName, "flicker"),
        (["flicker", "--set", "whole=1"], UnknownName, "hole"),
        (["flicker", "--set", "hole=-1"], UsageError, "0 or more"),
        (["flicker", "--set", "hole"], UsageError, "NAME=NUMBER"),
        (["flicker", "--set", "hole=1", "--camera", "attic"], UnknownName, "ward"),
    ],
    ids=["trigger", "parameter", "value", "no value", "camera"],
)
def test_a_wrong_word_is_refused(
    home: Path, arguments: list[str], error: type[OneclickError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(*arguments, "--home", home)


def test_a_folder_without_a_catalog_is_left_as_it_is(home: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no catalog"):
        report.replay_trigger(tmp_path / "nowhere", "flicker", {"hole": 1.0}, OWN)
    assert not (tmp_path / "nowhere").exists()


def hit(start: int, stop: int, x: float | None = None) -> Hit:
    boxes = () if x is None else tuple((k, x, 0.0, x + 10, 10.0) for k in range(start, stop))
    return Hit(trigger="flicker", span=Span(start, stop), score=0.5, boxes=boxes, why="why")


@pytest.mark.parametrize(
    ("hit", "other", "same"),
    [
        (hit(0, 5), hit(4, 9), True),
        (hit(0, 5), hit(5, 9), False),
        (hit(0, 5, 0), hit(4, 9, 5), True),
        (hit(0, 5, 0), hit(4, 9, 10), False),
        (hit(0, 5, 0), hit(4, 9), True),
    ],
    ids=["overlap", "touch in time", "boxes overlap", "boxes touch", "one without boxes"],
)
def test_hits_are_the_same_if_time_and_place_overlap(hit: Hit, other: Hit, same: bool) -> None:
    assert trigger_replay.hits_without_counterpart([hit], [other]) == ([] if same else [hit])
    assert trigger_replay.hits_without_counterpart([hit], []) == [hit]


def contents(home: Path) -> dict[str, str]:
    paths = (path for path in home.rglob("*") if path.is_file())
    # Reading opens SQLite's log beside the file, and leaves it empty.
    durable = [path for path in paths if path.suffix not in (".sqlite-wal", ".sqlite-shm")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in durable}


def test_a_video_is_replayed_with_the_models_its_hits_come_from(home: Path) -> None:
    workspace = Workspace(home)
    people = [scenes.walk((50, 50), (1, 0), 200)]
    predictions.save(workspace.predictions("ward-2", "older"), scenes.seen(people, HOLES))
    cards.save_hits(workspace, "ward-2", "key", cards.ModelPair(ModelRef("older", 0.5)), [], [])
    document = json.loads(run("flicker", "--set", "hole=1", "--home", home, "--json").stdout)
    assert (document["videos"], document["before"], document["waiting"]) == (3, 3, 0)
