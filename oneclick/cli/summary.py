"""The closing summary, as text on stdout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from flows.demo import Demo
    from oneclick.report import Lap, Training
    from oneclick.report.snapshot import RunNow, Snapshot

SLICES = 12
"""Most slices on a terminal."""
ALARMS = ("recall at 0.1", "at 1 false an image")
"""Recall at two rates of false boxes."""
ORIGIN_NAMES = {
    "d": "detected",
    "u": "united",
    "i": "interpolated",
    "r": "recovered",
    "h": "human",
}


def show(state: Lap, now: Snapshot | None = None) -> None:
    """The whole workspace on one screen; with `now` also who works on it."""
    kept = state.kept
    typer.echo(
        f"video      {kept.videos} recordings, {kept.frames:,} frames, "
        f"{kept.seconds / 60:.1f} min; "
        f"kept {100 * kept.share:.1f}% in {kept.clips} clips ({kept.control} drawn at random)"
    )
    typer.echo(f"hits       {_joined((row.trigger, row.hits) for row in state.hits)}")
    typer.echo(f"clips      {_joined((r.stage, r.clips) for r in state.funnel if r.clips)}")
    typer.echo(
        f"boxes      {_joined((ORIGIN_NAMES[letter], n) for letter, n in state.origins.items())}"
    )
    typer.echo(f"review     {_review(state)}")
    if now:
        typer.echo(f"today      {_today(now)}")
        for line in _runs(now):
            typer.echo(line)
    if state.dataset:
        typer.echo(
            f"dataset    {state.dataset}: {state.dataset_clips} clips, "
            f"{state.dataset_images:,} images"
        )
    typer.echo(f"champion   {state.champion or 'none yet'}")
    if state.training:
        show_training(state.training)
    typer.echo(f"workspace  {state.home}")
    for need in now.needs if now else ():
        typer.echo(f"needs you  {need.text}: oneclick {' '.join(need.command)}")
    typer.echo(f"next       {state.next_step}")


def show_training(training: Training) -> None:
    """Candidate against champion, and why it was promoted or not."""
    output.table(
        ["model", "mAP", "AP50", "recall", *ALARMS, "test images"],
        [
            [r.name, r.map, r.ap50, r.recall, r.recall_at_01, r.recall_at_1, r.images]
            for r in training.rows
        ],
        f"training   {training.model}: {training.verdict}",
    )
    for reason in training.reasons:
        typer.echo(f"  {reason}")
    show_slices(training)


def show_slices(training: Training) -> None:
    """The whole test set and its worst slices, as far as a screen holds them."""
    from oneclick.report import scores

    rows = scores.slice_columns(training.slices)
    if not rows:
        return
    shown = rows[:SLICES]
    output.table(list(shown[0]), [list(row.values()) for row in shown], "slices, worst first")
    if len(rows) > len(shown):
        more = len(rows) - len(shown)
        typer.echo(f"  {more} slices more: oneclick models show {training.model}")


def _today(now: Snapshot) -> str:
    """Annotators against the goal of the day."""
    from oneclick.report import formatting

    found, (low, high) = now.reviewing, now.reviewing.goal
    people = ", ".join(f"{one.name} {one.today:,}" for one in found.people if one.today)
    reached = f", {low:,} {formatting.today(found.reached, found.at)}" if found.reached else ""
    said = f"{found.today:,} images reviewed{f' ({people})' if people else ''}"
    return f"{said}, {found.pace:,} in the last hour{reached}; the goal is {low:,} to {high:,}"


def _runs(now: Snapshot) -> Iterator[str]:
    """The newest run of every flow."""
    from oneclick.report import formatting

    newest: dict[str, RunNow] = {}
    for run in now.runs:
        newest.setdefault(run.flow, run)
    for name, run in newest.items():
        share = "" if run.progress is None else f" {run.progress:.0%}"
        since = f", {formatting.age(run.ended or run.started, now.at)} ago" if run.started else ""
        detail = f": {run.detail}" if run.detail else ""
        yield f"flow       {name} {run.state.lower()}{share}{since}{detail}"


def _joined(pairs: object) -> str:
    text = ", ".join(f"{name} {count:,}" for name, count in pairs)  # type: ignore[attr-defined]
    return text or "none"


def _review(state: Lap) -> str:
    effort = state.effort
    parts = []
    if effort.clips:
        parts.append(f"{effort.clips} clips, {effort.images:,} images by people")
    if effort.edits_per_100_boxes is not None:
        parts.append(f"{effort.edits_per_100_boxes:.1f} edits per 100 boxes")
    if effort.seconds_per_image is not None:
        parts.append(f"{effort.seconds_per_image:.1f} s per image")
    if effort.by_policy:
        parts.append(f"{effort.by_policy} clips accepted unseen by policy")
    return ", ".join(parts) or "none yet"


def show_demo(result: Demo) -> None:
    """Both laps side by side: what labels cost, what the champion is worth."""
    output.table(
        [
            "lap",
            "clips reviewed",
            "edits per 100 boxes",
            "s per image",
            "images",
            "gate",
            "mAP",
            "AP50",
        ],
        [
            [
                lap.lap,
                lap.clips,
                lap.edits_per_100_boxes,
                lap.seconds_per_image,
                lap.dataset_images,
                lap.verdict,
                lap.map,
                lap.ap50,
            ]
            for lap in result.laps
        ],
    )
    first, last = result.laps[0], result.laps[-1]
    typer.echo(
        f"mAP and AP50 of the champion after each lap, over {last.test_images} images of ward "
        "cameras never trained on, against the exact truth"
    )
    if last.map > first.map:
        typer.echo(f"champion 2 is better: mAP {first.map:.3f} → {last.map:.3f}")
    else:
        typer.echo(f"lap 2 gave no better champion: mAP {first.map:.3f} → {last.map:.3f}")
    typer.echo(f"look around: oneclick status --home {result.home}")
