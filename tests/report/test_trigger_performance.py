"""The ledger of the triggers, from real files of a small workspace."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from oneclick import report
from oneclick.catalog import Catalog, rebuild
from oneclick.cli.main import app
from oneclick.core.clips import ChosenBy
from oneclick.core.review import Verdict
from oneclick.stages import calibrate
from oneclick.storage import cards, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.triggers import hit_evaluation
from tests.stages.test_calibrate import NOON, OPTIONS, OWN, VIDEO, accept, furnish, home

__all__ = ["home"]  # a fixture


def row(home: Path, name: str) -> report.TriggerRow:
    return next(row for row in report.measure_triggers(home).rows if row.trigger == name)


def test_before_any_review_the_ledger_counts_hits_and_clips(home: Path) -> None:
    performance = report.measure_triggers(home)
    flicker = row(home, "flicker")
    assert (flicker.hits, flicker.judged, flicker.precision, flicker.share) == (2, 0, None, None)
    assert sum(row.selected for row in performance.rows) == 2
    assert (performance.reviewed, performance.heard) == (0, 0)
    assert "not known before" in report.control_summary(performance)[-1]


def test_what_reviewers_confirm_is_right_and_what_they_deny_is_not(home: Path) -> None:
    accept(home)
    flicker = row(home, "flicker")
    assert (flicker.judged, flicker.right) == (2, 2)
    assert flicker.precision
    assert (flicker.precision.value, flicker.precision.clips) == (1.0, 2)
    assert flicker.precision.low < 0.2


def test_only_clips_charged_to_a_trigger_are_its_cost(home: Path) -> None:
    accept(home)
    charged = [row for row in report.measure_triggers(home).rows if row.selected]
    assert sum(row.reviewed for row in charged) == 2
    assert sum(row.seconds for row in charged) == 60
    assert {row.corrections_per_minute for row in charged} == {0.0}


def test_a_kept_testimony_is_not_computed_again_but_a_new_revision_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home)
    before = report.measure_triggers(home)
    calibrate.calibrate(home)
    evaluations: list[int] = []
    real = hit_evaluation.evaluate_hits

    def listen(*arguments: Any) -> Any:
        evaluations.append(1)
        return real(*arguments)

    monkeypatch.setattr(hit_evaluation, "evaluate_hits", listen)
    after = report.measure_triggers(home)
    assert evaluations == []
    assert after.control == before.control
    assert [replace(row, share=None) for row in after.rows] == before.rows
    with Catalog.open(home) as catalog:
        clip = catalog.clips()[0].clip.id
    document: dict[str, Any] = sealed_files.read(Workspace(home).hit_evaluations)
    document["clips"][clip]["revision"] = 0
    sealed_files.write(Workspace(home).hit_evaluations, document)
    assert report.measure_triggers(home).rows == after.rows
    assert evaluations == [1]


def test_calibration_gives_every_trigger_a_share(home: Path) -> None:
    accept(home)
    calibration = calibrate.calibrate(home)
    assert sum(calibration.shares.values()) == pytest.approx(1)
    assert row(home, "flicker").share == calibration.shares["flicker"]


def test_rejected_clips_and_those_without_predictions_are_counted_apart(home: Path) -> None:
    clips = accept(home)
    with Catalog.open(home) as catalog:
        catalog.add_verdict(
            Verdict(clip=clips[0].id, decision="reject", by="nurse", at=NOON.replace(hour=13)), 30
        )
    Workspace(home).predictions(VIDEO.id, OWN.id).unlink()
    performance = report.measure_triggers(home)
    assert (performance.reviewed, performance.silent, performance.rejected) == (
        0,
        len(clips) - 1,
        1,
    )


def test_control_clips_testify_about_all_video(tmp_path: Path) -> None:
    furnish(tmp_path, replace(OPTIONS, min_clips=8, control=0.5))
    accept(tmp_path)
    performance = report.measure_triggers(tmp_path)
    assert (performance.drawn, performance.heard) == (4, 4)
    assert performance.control.error_rate
    assert performance.control.error_rate.value < 0.05
    assert performance.control.error_rate.high < 1
    with Catalog.open(tmp_path) as catalog:
        clips = [row.clip for row in catalog.clips()]
    seconds = sum(clip.stands_for for clip in clips)
    # The guard between the sides of the split speaks for nobody.
    assert 70 < seconds < 80
    first, *rest = report.control_summary(performance)
    assert first == "control clips: 4 drawn at random, 4 of them reviewed"
    assert rest[0].startswith("error rate of the model on all video: ")


def test_the_command_prints_what_the_report_says(home: Path) -> None:
    accept(home)
    calibrate.calibrate(home)
    result = CliRunner().invoke(app, ["triggers", "report", "--home", str(home)])
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split()[:4] == ["trigger", "hits", "clips", "reviewed"]
    assert [line.split()[0] for line in rows] == [
        r.trigger for r in report.measure_triggers(home).rows
    ]
    assert "control clips: " in result.stderr
    result = CliRunner().invoke(app, ["triggers", "report", "--home", str(home), "--json"])
    document = json.loads(result.stdout)
    assert document["rows"][0]["precision"]["value"] == 1.0
    assert set(document["control"]) == {"error_rate", "recall", "found"}


def test_what_was_learned_does_not_disturb_a_rebuild(home: Path) -> None:
    accept(home)
    calibrate.calibrate(home)
    cards.save_video_card(Workspace(home), VIDEO)
    with Catalog.open(home) as catalog:
        before = catalog.selections(uncut_only=False)
    rebuild.rebuild(home, accept_losses=True)  # of clips without files
    with Catalog.open(home) as catalog:
        assert catalog.selections(uncut_only=False) == before
    assert all(bool(c.led_by) == (c.chosen_by is ChosenBy.TRIGGER) for c in before)
