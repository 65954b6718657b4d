"""How fast and how well people review: one computation for web, terminal and command line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oneclick.catalog import Catalog
from oneclick.cli.main import app
from oneclick.core.review import Verdict
from oneclick.report import people
from oneclick.stages import reopen, review, second_looks
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


def test_images_of_a_second_look_are_the_day_of_who_looked(tmp_path: Path) -> None:
    first, _ = names = waiting(tmp_path, 2)
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path, clock=lambda: clips.NOON) as catalog:
        for name in names:
            verdict = Verdict(clip=name, decision="accept", by="anna", at=clips.NOON, seconds=20.0)
            review.import_verdict(workspace, catalog, verdict)
        assert second_looks.offer(workspace, catalog, replace(verdict, clip=first), 1.0)
        later = clips.NOON + timedelta(hours=1, minutes=2)
        look = Verdict(clip=first, decision="reject", by="ben", at=later, seconds=30.0, reason="x")
        assert second_looks.queue_of(workspace).submit(look)
        assert second_looks.take_in(workspace, catalog) == {}
        result = people.throughput(catalog, EVENING, (6000, 8000), UTC)
        anna, ben = result.people
        assert (anna.today.images, ben.today.images, result.today.images) == (20, 10, 30)
        assert (ben.week.clips, ben.week.active_seconds) == (1, 30)
        assert ben.today.seconds_per_image == pytest.approx(3)
        # It decides nothing: the clip stood, and what waits does not get less by it.
        assert (ben.week.first_pass, result.week.first_pass) == (None, 1)
        assert people.images_today(catalog, EVENING, UTC) == 30
        for minutes, this_hour in ((3, 10), (50, 10), (119, 0)):
            at = later + timedelta(minutes=minutes)
            day = people.review_progress(catalog, at, (6000, 8000), UTC)
            counts = {person.name: person.today for person in day.people}
            assert (counts, day.today) == ({"anna": 20, "ben": 10}, 30)
            assert day.people[1].hours[-1] == this_hour
            assert sum(day.people[1].hours) == 10
        early = people.review_progress(catalog, later - timedelta(minutes=1), (6000, 8000), UTC)
        assert early.today == 20


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
