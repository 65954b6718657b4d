"""`oneclick triggers`: the rules that find trouble, and what they find in a detections file."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oneclick.cli import ledger, output, rehearse, timeline

if TYPE_CHECKING:
    from oneclick.core.detections import Detections
    from oneclick.core.hits import Hit
    from oneclick.triggers.streaming import SceneBlock

app = typer.Typer(no_args_is_help=True, help="Rules that find the moments where a model is wrong.")
app.command("timeline")(timeline.timeline)
app.command("hits")(timeline.hits)
app.command("try")(rehearse.try_)
app.command("set")(rehearse.set_)
app.command("report")(ledger.report)

DEFAULT_FPS = 25.0
Score = Annotated[
    float | None,
    typer.Option(help="Operating point of the model; boxes below it are doubts. Default: none."),
]


@app.command("list")
def list_(json: output.Json = False) -> None:
    """All triggers with their parameters."""
    from oneclick import triggers

    known = triggers.registry()
    if json:
        keys = ("name", "parameters", "summary")
        rows = [(name, triggers.parameters(kind), kind.summary) for name, kind in known.items()]
        output.show_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    output.table(
        ["trigger", "parameters", "finds"],
        [
            (name, _settings(triggers.parameters(kind)), kind.summary)
            for name, kind in known.items()
        ],
    )


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
    """What the triggers find in a detections file; needs no workspace."""
    import numpy as np

    from oneclick import triggers

    other = min_score if against_min_score is None else against_min_score
    blocks = _blocks(detections, against, fps, min_score, other)
    length, rate = blocks[-1].core.stop, blocks[0].scene.fps
    rules = triggers.make()
    hits = [hit for block in blocks for hit in block.find(rules)]
    if budget is None:
        columns, rows = ["trigger", "start", "stop", "score", "boxes", "why"], _hits(hits)
    else:
        from oneclick.triggers.selection import expected_errors, select

        columns = ["frame", "score", "triggers"]
        worth = expected_errors.errors(hits, length)
        if per_box:
            worth = expected_errors.per_box(
                worth, np.concatenate([block.visible for block in blocks])
            )
        picked = select.frames(worth, rate, budget)
        rows = [{"frame": k, "score": score, "triggers": _fired(hits, k)} for k, score in picked]
    if json:
        for row in rows:
            typer.echo(json_text.dumps(row, ensure_ascii=False))
    else:
        output.table(columns, [[_short(row[name]) for name in columns] for row in rows])
    output.say(f"{detections}: {length} frames, {len(hits)} hits of {_counts(hits)}")


def _settings(parameters: dict[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in parameters.items())


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(value) if value and isinstance(value[0], str) else len(value)
    return value


def _counts(hits: Iterable[Hit]) -> str:
    from collections import Counter

    counts = Counter(hit.trigger for hit in hits)
    return ", ".join(f"{name} ({count})" for name, count in sorted(counts.items())) or "no trigger"


def _hits(hits: list[Hit]) -> list[dict[str, Any]]:
    return [
        {
            "trigger": hit.trigger,
            "start": hit.span.start,
            "stop": hit.span.stop,
            "score": hit.score,
            "boxes": [list(box) for box in hit.boxes],
            "why": hit.why,
        }
        for hit in hits
    ]


def _fired(hits: list[Hit], frame: int) -> list[str]:
    near = [hit for hit in hits if frame in hit.span]
    return sorted({h.trigger for h in near if not h.boxes or any(b[0] == frame for b in h.boxes)})


def _blocks(
    path: Path,
    against: Path | None,
    fps: float | None,
    min_score: float | None,
    other_score: float | None,
) -> list[SceneBlock]:
    from dataclasses import replace

    from oneclick.feedback import replay
    from oneclick.formats import mot_text
    from oneclick.triggers.streaming import Chunk

    known = mot_text.sequence(path)
    fps = known.get("frameRate", DEFAULT_FPS) if fps is None else fps
    frames = int(known.get("seqLength", 0)) or None
    own = mot_text.load(path, fps, frames)
    other = mot_text.load(against, fps, frames) if against else None
    length = max(own.length, other.length if other else 0, 1)
    own = replace(own, length=length)
    other = replace(other, length=length) if other else None
    parts = [own] if other is None else [own, other]
    limits = [-float("inf") if limit is None else limit for limit in (min_score, other_score)]
    width, height = _extent(parts)
    size = known.get("imWidth", width), known.get("imHeight", height)
    blocks = replay.watch(limits[: len(parts)], *size)
    return [*blocks.feed(Chunk(tuple(parts))), *blocks.close()]


def _extent(parts: list[Detections]) -> tuple[float, float]:
    """A picture that holds all boxes, at least 1 px."""
    sides = [d.boxes[:, 2:].max(0, initial=1) for d in parts]
    return max(float(s[0]) for s in sides), max(float(s[1]) for s in sides)
