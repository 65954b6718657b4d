from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import report, settings
from oneclick.core.errors import UnknownName
from oneclick.report.plots import learning_curve
from oneclick.report.weeks import week
from oneclick.stages import publish, train
from oneclick.training import gate
from tests.stages import accepted

OPTIONS = settings.load(
    train={"steps": 1, "batch": 2, "stride": 2, "min_test_images": 1}
).train_options()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, a champion on the first and one tuned from it on the second."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    real = gate.decide
    patch.setattr(gate, "decide", lambda *a, **k: replace(real(*a, **k), verdict="promote"))
    publish.publish(home, accepted.accept(home, {"a": "train", "b": "test"}), "", ("person",))
    train.train(home, None, OPTIONS)
    publish.publish(home, accepted.accept(home, {"c": "train"}), "", ("person",))
    train.train(home, None, OPTIONS)
    patch.undo()
    return home


def test_a_model_goes_back_to_its_parents_clips_and_videos(home: Path) -> None:
    first, second = report.models(home)
    lineage = report.model_lineage(home, second.id)
    assert lineage.parents == (first.id,)
    assert lineage.dataset_parents == (first.dataset,)
    assert [(c.clip, c.split, c.revision, c.made_by) for c in lineage.clips] == [
        ("a", "train", 1, "toy"),
        ("b", "test", 1, "toy"),
        ("c", "train", 1, "toy"),
    ]
    assert [(c.video, c.start, c.stop) for c in lineage.clips] == [
        ("cam-1", 0, 3),
        ("cam-1", 103, 106),
        ("cam-1", 206, 209),
    ]
    assert lineage.videos == 1
    assert len(lineage.weights) == len(lineage.dataset_digest) == 64
    with pytest.raises(UnknownName, match=first.id):
        report.model_lineage(home, "nobody")


def test_a_clip_knows_which_models_learned_from_it_and_which_were_measured(home: Path) -> None:
    first, second = report.models(home)
    assert report.clip_use(home, "a").learned == (first.id, second.id)
    assert report.clip_use(home, "b").measured == (first.id, second.id)
    assert report.clip_use(home, "b").learned == ()
    assert report.clip_use(home, "c").datasets == (second.dataset,)
    assert report.clip_use(home, "c").learned == (second.id,)


def test_history_tells_week_by_week_who_serves_and_what_it_is_worth(home: Path) -> None:
    rows = report.weekly_history(home)  # two or more where a week ended meanwhile
    _, second = report.models(home)
    assert week(second.made_at) in {row.week for row in rows}
    assert sum(row.trained for row in rows) == 2
    last = rows[-1]
    assert (last.champion, last.clips, last.images, last.map) == (second.id, 3, 9, second.map)


def test_nothing_done_is_no_week(tmp_path: Path) -> None:
    assert report.weekly_history(tmp_path) == []


@pytest.mark.parametrize("weeks", [0, 1, 2, 60])
def test_a_curve_of_any_length_is_drawn(weeks: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        report.WeekRow(
            week=week(start + timedelta(weeks=k)),
            trained=1,
            champion="m",
            map=k / 100,
            clips=k,
            images=100 * k,
            edits_per_100_boxes=None,
            seconds_per_image=None,
        )
        for k in range(weeks)
    ]
    page = learning_curve.draw(rows)
    blue = (page.pixels == np.array(learning_curve.LINE)).all(2).sum()
    assert (blue > 0) == (weeks > 0)


SPARKS = [
    ([0.0, 1.0], "▁█"),
    ([1.0, 1.0], "▅▅"),
    ([None, 2.0, None], " ▅ "),
    ([], ""),
]


@pytest.mark.parametrize(("values", "text"), SPARKS)
def test_a_spark_goes_from_the_least_to_the_greatest(values: list[float | None], text: str) -> None:
    assert learning_curve.spark(values) == text
