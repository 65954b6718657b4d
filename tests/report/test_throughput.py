"""How fast and how well people review: one computation for web, terminal and command line."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oneclick.catalog import Catalog
from oneclick.cli.main import app
from oneclick.core.review import Verdict
from oneclick.report import people
from oneclick.stages import reopen, review
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import waiting

EVENING = clips.NOON + timedelta(hours=6)


def reviewed(home: Path) -> list[str]:
    """Six clips: anna did two today and one yesterday, ben one, one is unseen, one waits."""
    names = waiting(home, 6)
    with Catalog.open(home) as catalog:
        for clip, by, hours, seconds, edits, decision in (
            (names[0], "anna", 0, 20.0, 2, "accept"),
            (names[1], "anna", 1, 30.0, 0, "reject"),
            (names[2], "anna", -24, 10.0, 4, "accept"),
            (names[3], "ben", 2, 0.0, 1, "accept"),
            (names[4], "policy:accept-auto", 2, 0.0, 0, "accept"),
        ):
            verdict = Verdict(
                clip=clip,
                decision=decision,  # type: ignore[arg-type]
                by=by,
                at=clips.NOON + timedelta(hours=hours),
                seconds=seconds,
                edits=edits,
            )
            review.import_verdict(Workspace(home), catalog, verdict)
    return names


def test_figures_of_a_day_and_a_week_by_person(tmp_path: Path) -> None:
    reviewed(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        result = people.throughput(catalog, EVENING, (6000, 8000), UTC)
    anna, ben = result.people
    assert (anna.name, ben.name) == ("anna", "ben")
    assert (anna.today.clips, anna.today.images, anna.today.edits) == (2, 20, 2)
    assert anna.today.seconds_per_image == pytest.approx(2.5)
    assert anna.today.images_per_hour == pytest.approx(3600 * 20 / 50)
    assert anna.today.edits_per_100_boxes == pytest.approx(20)
    assert (anna.week.clips, anna.week.active_seconds) == (3, 60)
    # Verdicts of the command line have no time: they slow nobody down.
    assert (ben.today.images, ben.today.seconds_per_image) == (10, None)
    assert result.today.seconds_per_image == pytest.approx(2.5)
    assert (result.today.images, result.week.images) == (30, 40)
    assert (result.waiting_clips, result.waiting_images) == (1, 10)
    assert result.backlog_days == pytest.approx(10 / 20)
    assert [person.name for person in result.of("ben").people] == ["ben"]
    assert result.of("ben").today == result.today


def test_a_reopened_clip_is_no_first_pass(tmp_path: Path) -> None:
    names = reviewed(tmp_path)
    reopen.reopen(tmp_path, names[0], "lea", "a person is missing")
    with Catalog.open(tmp_path) as catalog:
        result = people.throughput(catalog, EVENING, (6000, 8000), UTC)
    assert result.people[0].week.first_pass == pytest.approx(1 / 2)
    assert result.people[1].week.first_pass == 1


def test_nothing_reviewed_has_no_rates(tmp_path: Path) -> None:
    waiting(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        result = people.throughput(catalog, EVENING, (6000, 8000), UTC)
    assert (result.people, result.backlog_days, result.today.first_pass) == ((), None, None)


def test_the_commands_reopen_and_show_the_same(tmp_path: Path) -> None:
    run, names = CliRunner().invoke, waiting(tmp_path, 2)
    home = ["--home", str(tmp_path)]
    review.give_verdict(tmp_path, names[:1], "accept", "anna")
    review.collect(tmp_path)
    done = run(app, ["review", "reopen", names[0], "--reason", "somebody is missing", *home])
    assert done.exit_code == 0, done.stderr
    refused = run(app, ["review", "reopen", names[1], "--reason", "why not", *home])
    assert refused.exit_code != 0
    assert "IN_REVIEW" in refused.stderr
    shown = run(app, ["review", "stats", *home])
    assert "images/h" in shown.stdout
    assert "2 clips, 20 images wait" in shown.stderr
    document = json.loads(run(app, ["review", "stats", "--json", *home]).stdout)
    assert document["throughput"]["waiting_clips"] == 2
