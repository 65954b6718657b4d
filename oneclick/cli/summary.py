"""The state of a workspace, a training and the demo as text on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.flows.demo import Demo, ReviewDemo
    from oneclick.report import CameraFigures, EdgeCameraRow, LapSummary, TrainingReport
    from oneclick.report.snapshot import FlowRunRow, Snapshot

SLICES = 12
"""Most slices on a terminal."""
ALARMS = ("recall at 0.1", "at 1 false an image")
"""Headings of recall at two rates of false positives per image."""
ORIGIN_NAMES = {
    "d": "detected",
    "u": "united",
    "i": "interpolated",
    "r": "recovered",
    "h": "human",
}


def print_lap(state: LapSummary, snapshot: Snapshot | None = None) -> None:
    """Print the state of the workspace; with a Snapshot also annotators, flows and open actions."""
    video = state.kept
    edge = f"; {video.edge_videos} stretches of edge cameras without one"
    output.echo(
        f"video      {video.videos} recordings, {video.frames:,} frames, "
        f"{video.seconds / 60:.1f} min; "
        f"kept {100 * video.share:.1f}% in {video.clips} clips ({video.control} drawn at random)"
        f"{edge if video.edge_videos else ''}"
    )
    output.echo(f"hits       {_counts((row.trigger, row.hits) for row in state.hits)}")
    output.echo(f"clips      {_counts((r.stage, r.clips) for r in state.funnel if r.clips)}")
    output.echo(
        f"boxes      {_counts((ORIGIN_NAMES[letter], n) for letter, n in state.origins.items())}"
    )
    output.echo(f"review     {review_cost(state)}")
    if snapshot:
        output.echo(f"today      {review_progress(snapshot)}")
        for line in newest_runs(snapshot):
            output.echo(line)
    if state.dataset:
        output.echo(
            f"dataset    {state.dataset}: {state.dataset_clips} clips, "
            f"{state.dataset_images:,} images"
        )
    if state.ignored_boxes and state.ignored_frames:
        output.echo(
            f"left out   {state.ignored_boxes:,} regions in {state.ignored_frames:,} images of it: "
            "somebody may be there, and no label is"
        )
    if state.excluded:
        output.echo(f"excluded   {state.excluded} published clips: oneclick data include CLIP")
    output.echo(f"champion   {state.champion or 'none yet'}")
    if state.training:
        print_training(state.training)
    output.echo(f"workspace  {state.home}")
    for need in snapshot.needs if snapshot else ():
        output.echo(f"needs you  {need.text}: oneclick {' '.join(need.command)}")
    output.echo(f"next       {state.next_step}")


def print_training(training: TrainingReport) -> None:
    """Print the candidate's metrics beside the champion's, and the gate's decision with reasons."""
    output.print_table(
        ["model", "mAP", "AP50", "recall", *ALARMS, "test images"],
        [
            [r.name, r.map, r.ap50, r.recall, r.recall_at_01, r.recall_at_1, r.images]
            for r in training.rows
        ],
        f"training   {training.model}: {training.verdict}",
    )
    for reason in training.reasons:
        output.echo(f"  {reason}")
    print_slices(training)
    print_shadow(training)


def print_slices(training: TrainingReport) -> None:
    """Print metrics of the whole test set and of its worst slices, at most `SLICES`."""
    from oneclick.report import scores

    rows = scores.slice_columns(training.slices)
    if not rows:
        return
    worst = rows[:SLICES]
    output.print_table(list(worst[0]), [list(row.values()) for row in worst], "slices, worst first")
    if len(rows) > len(worst):
        more = len(rows) - len(worst)
        output.echo(f"  {more} slices more: oneclick models show {training.model}")


def print_shadow(training: TrainingReport) -> None:
    """Print what both models did in shadow, at most `SLICES` rows; nothing where none looked."""
    from oneclick.report import scores

    rows = scores.shadow_columns(training.shadow)
    if rows:
        title = "in shadow, less is better"
        output.print_table(list(rows[0]), [list(row.values()) for row in rows[:SLICES]], title)
    if len(rows) > SLICES:
        output.echo(f"  {len(rows) - SLICES} rows more: oneclick models show {training.model}")
    for reason in training.shadow.failed.values() if training.shadow else ():
        output.message(f"left out: {reason}")


def review_cost(state: LapSummary) -> str:
    """Return clips and images that people reviewed, and what a review cost on average."""
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


def review_progress(snapshot: Snapshot) -> str:
    """Return the annotators' images of today against the goal of the day."""
    from oneclick.report import formatting

    day, (low, high) = snapshot.reviewing, snapshot.reviewing.goal
    names = ", ".join(f"{person.name} {person.today:,}" for person in day.people if person.today)
    forecast = f", {low:,} {formatting.today(day.reached, day.at)}" if day.reached else ""
    return (
        f"{day.today:,} images reviewed{f' ({names})' if names else ''}, "
        f"{day.pace:,} in the last hour{forecast}; the goal is {low:,} to {high:,}"
    )


def newest_runs(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line about the newest run of every flow."""
    from oneclick.report import formatting

    newest: dict[str, FlowRunRow] = {}
    for run in snapshot.runs:
        newest.setdefault(run.flow, run)
    for name, run in newest.items():
        share = "" if run.progress is None else f" {run.progress:.0%}"
        age = formatting.age(run.ended or run.started, snapshot.at) if run.started else ""
        since = f", {age} ago" if age else ""
        detail = f": {run.detail}" if run.detail else ""
        yield f"flow       {name} {run.state.lower()}{share}{since}{detail}"


def _counts(pairs: Iterable[tuple[str, int]]) -> str:
    """Return the names with their counts in one line, or `none`."""
    return ", ".join(f"{name} {count:,}" for name, count in pairs) or "none"


def print_review_demo(result: ReviewDemo) -> None:
    """Print what waits, and how to open the pages."""
    output.echo(
        f"{result.clips} clips with {result.images} images wait, and {result.questions} questions "
        "about them"
    )
    output.echo(f"correct them: oneclick review serve --home {result.home}")


def print_live(rows: list[CameraFigures]) -> None:
    """Print one line about the cameras that run live, and what is wrong with them."""
    running = sum(row.live is not None and row.live.status == "running" for row in rows)
    cameras = f"{len(rows)} camera{'s' if len(rows) > 1 else ''}, {running} running"
    troubles = [f"{row.camera}: {row.trouble}" for row in rows if row.trouble]
    output.echo("; ".join([f"live       {cameras}", *troubles]))


def print_edge(rows: list[EdgeCameraRow]) -> None:
    """Print one line about the cameras that run their model themselves."""
    cameras, trouble = sum(bool(row.camera) for row in rows), sum(row.trouble for row in rows)
    newest = max((row.seen_at for row in rows if row.seen_at), default=None)
    last = f", last batch {newest:%Y-%m-%d %H:%M:%S} UTC" if newest else ""
    taken = sum(row.stored for row in rows)
    text = f"edge       {cameras} cameras, {taken:,} predictions{last}"
    if trouble:
        text += f"; {trouble:,} not taken: oneclick edge list"
    output.echo(text)


def print_demo(result: Demo) -> None:
    """Print the laps side by side: what labels cost, and how good the champion is."""
    output.print_table(
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
    output.echo(
        f"mAP and AP50 of the champion after each lap, over "
        f"{max(lap.test_images for lap in result.laps)} images of ward cameras never trained on, "
        "against the exact truth"
    )
    output.echo(describe_gain(result))
    steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in result.seconds.items())
    output.echo(f"{sum(result.seconds.values()):.0f} s: {steps}")
    output.echo(f"look around: oneclick status --home {result.home}")


def describe_gain(result: Demo) -> str:
    """Say whether the last champion of a demo is better than the first, and how sure that is."""
    gain, laps = result.gain, len(result.laps)
    if gain is None:
        serving = next((lap.lap for lap in result.laps if lap.champion), None)
        if serving is None:
            return f"{laps} laps gave no model good enough to serve"
        return f"{laps} laps gave one champion, in lap {serving}, and none better"
    interval = (
        f"gain {gain.last - gain.first:+.3f}, 90% interval {gain.low:+.3f} … {gain.high:+.3f}"
    )
    word = "better" if gain.last > gain.first else "no better"
    return f"the last champion is {word}: mAP {gain.first:.3f} → {gain.last:.3f} ({interval})"
