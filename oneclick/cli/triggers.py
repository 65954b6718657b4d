"""`oneclick triggers`: the rules that find trouble, and what they find in a detections file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneclick.cli import mutes, output, timeline, trigger_replay, trigger_report

if TYPE_CHECKING:
    from oneclick.core.hits import Hit
    from oneclick.triggers.streaming import SceneBlock

app = typer.Typer(no_args_is_help=True, help="Rules that find the moments where a model is wrong.")
app.command("timeline")(timeline.timeline)
app.command("hits")(timeline.hits)
app.command("mute")(mutes.mute)
app.command("unmute")(mutes.unmute)
app.command("muted")(mutes.muted)
app.command("try")(trigger_replay.try_)
app.command("set")(trigger_replay.set_)
app.command("report")(trigger_report.report)

DEFAULT_FPS = 25.0
Score = Annotated[
    float | None,
    typer.Option(help="Operating point of the model; boxes below it are doubts. Default: none."),
]


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List all triggers with their parameters, as the settings have them."""
    from oneclick import triggers
    from oneclick.core.errors import OneclickError

    try:
        params = output.load_settings(home).triggers.params
    except OneclickError as error:  # whoever mends the settings looks for names and defaults here
        output.message(f"these are the defaults: {error}")
        params = {}
    kinds, failures = triggers.GROUP.usable()
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "parameters": triggers.parameters(kind) | params.get(name, {}),
            "summary": kind.summary,
        }
        for name, kind in kinds.items()
    ]
    for failure in failures:
        output.message(str(failure))
        output.debug_traceback(failure)
    if json:
        output.print_json(rows)
        return
    cells = []
    for row in rows:
        parameters = " ".join(f"{name}={value:g}" for name, value in row["parameters"].items())
        cells.append([row["name"], parameters, row["summary"]])
    output.print_table(["trigger", "parameters", "finds"], cells)


@app.command()
def scan(
    detections: Annotated[Path, typer.Argument(help="Boxes of a model, MOTChallenge text.")],
    against: Annotated[
        Path | None, typer.Option(help="Boxes of another model on the same video.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second; else from seqinfo.ini beside the file, else 25."),
    ] = None,
    min_score: Score = None,
    against_min_score: Annotated[
        float | None, typer.Option(help="Operating point of the other model; else --min-score.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Print the best frames, at most this share of them."),
    ] = None,
    per_box: Annotated[
        bool,
        typer.Option("--per-box", help="With --budget: expected errors per box, not per frame."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Run the triggers over a detections file; needs no workspace."""
    from oneclick import triggers
    from oneclick.core.errors import BadInput

    other_score = min_score if against_min_score is None else against_min_score
    rival_problem = ""
    try:
        blocks = load_blocks(detections, against, fps, min_score, other_score)
    except BadInput as error:
        if against is None:
            raise
        # Raises again where the first file is the broken one.
        blocks = load_blocks(detections, None, fps, min_score, None)
        rival_problem = f"{error}; scanned without it"
    rules = triggers.make()
    hits = [hit for block in blocks for hit in block.find(rules)]
    if budget is None:
        rows = [hit_row(hit) for hit in hits]
        columns = ["trigger", "start", "stop", "score", "boxes", "why"]
    else:
        rows = best_frames(hits, blocks, budget, per_box)
        columns = ["frame", "score", "triggers"]
    if json:
        for row in rows:
            output.print_json(row, indent=None)
    else:
        output.print_table(columns, [[_cell(row[name]) for name in columns] for row in rows])
    counts = sorted(Counter(hit.trigger for hit in hits).items())
    names = ", ".join(f"{name} ({count})" for name, count in counts) or "no trigger"
    output.message(f"{detections}: {blocks[-1].core.stop} frames, {len(hits)} hits of {names}")
    for name, problem in rules.problems().items():
        output.message(problem)
        output.debug_traceback(rules.failures[name])
    if rival_problem:
        output.message(rival_problem)
    if rules.failures or rival_problem:
        raise typer.Exit(3)


def load_blocks(
    path: Path,
    against: Path | None,
    fps: float | None,
    min_score: float | None,
    other_score: float | None,
) -> list[SceneBlock]:
    """Load MOTChallenge detections of one or two models as the blocks that triggers look at.

    The frame rate is `fps`, else that of seqinfo.ini beside `path`, else 25. Length and picture
    size are those of seqinfo.ini, else the smallest that hold all boxes (at least 1 frame, 1 px).
    """
    from dataclasses import replace

    from oneclick.feedback import replay
    from oneclick.formats import mot_text
    from oneclick.triggers.streaming import PredictionChunk

    sequence = mot_text.read_seqinfo(path)
    is_rate_unknown = fps is None and "frameRate" not in sequence
    fps = sequence.get("frameRate", DEFAULT_FPS) if fps is None else fps
    frames = int(sequence.get("seqLength", 0)) or None
    models = [mot_text.load(file, fps, frames) for file in (path, against) if file]
    if is_rate_unknown:
        output.message(f"frames per second: {DEFAULT_FPS:g}, nothing says it: give --fps")
    length = max(1, *(detections.length for detections in models))
    models = [replace(detections, length=length) for detections in models]
    corners = [detections.boxes[:, 2:].max(0, initial=1) for detections in models]
    width, height = (max(float(corner[axis]) for corner in corners) for axis in (0, 1))
    size = sequence.get("imWidth", width), sequence.get("imHeight", height)
    limits = [-float("inf") if limit is None else limit for limit in (min_score, other_score)]
    blocks = replay.block_buffer(limits[: len(models)], *size)
    return [*blocks.feed(PredictionChunk(tuple(models))), *blocks.close()]


def hit_row(hit: Hit) -> dict[str, Any]:
    """Return a hit as an object for JSON; frames are 0-based, `stop` is exclusive."""
    return {
        "trigger": hit.trigger,
        "start": hit.span.start,
        "stop": hit.span.stop,
        "score": hit.score,
        "boxes": [list(box) for box in hit.boxes],
        "why": hit.why,
    }


def best_frames(
    hits: Sequence[Hit], blocks: Sequence[SceneBlock], budget: float, per_box: bool
) -> list[dict[str, Any]]:
    """Return the frames to annotate within the budget, best first.

    Args:
        hits: of all triggers.
        blocks: the whole video, in order.
        budget: share of the frames, 0 to 1.
        per_box: rank by expected errors per visible box, not per frame.
    """
    import numpy as np

    from oneclick.triggers.selection import expected_errors, select

    errors = expected_errors.per_frame(list(hits), blocks[-1].core.stop)
    if per_box:
        boxes = np.concatenate([block.visible for block in blocks])
        errors = expected_errors.per_box(errors, boxes)
    rows = []
    for frame, score in select.best_frames(errors, blocks[0].scene.fps, budget):
        near = [hit for hit in hits if frame in hit.span]
        names = {h.trigger for h in near if not h.boxes or any(b[0] == frame for b in h.boxes)}
        rows.append({"frame": frame, "score": score, "triggers": sorted(names)})
    return rows


def _cell(value: Any) -> Any:
    """Return a value of a row as a table shows it: names joined, boxes counted."""
    if isinstance(value, list):
        return " ".join(value) if value and isinstance(value[0], str) else len(value)
    return value
