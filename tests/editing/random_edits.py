"""Labels and operations drawn at random, possible ones and others."""

from __future__ import annotations

import random

import numpy as np

from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import DETECTED
from oneclick.editing import operations
from oneclick.editing.operations import Box, Operation
from oneclick.editing.state import EditState

FRAMES, WIDTH, HEIGHT = 40, 320, 240


def draw_box(rng: random.Random) -> Box:
    """Draw a box in the picture, with two decimals."""
    x, y = rng.uniform(0, WIDTH - 60), rng.uniform(0, HEIGHT - 90)
    corners = (x, y, x + rng.uniform(5, 50), y + rng.uniform(5, 80))
    return (
        round(corners[0], 2),
        round(corners[1], 2),
        round(corners[2], 2),
        round(corners[3], 2),
    )


def draw_state(rng: random.Random) -> EditState:
    """Draw labels with some tracks that have holes and attributes."""
    tracks = []
    for track_id in range(rng.randint(2, 5)):
        frames = sorted(rng.sample(range(FRAMES), rng.randint(3, FRAMES)))
        boxes = np.array([draw_box(rng) for _ in frames], np.float32)
        middle = rng.randint(1, FRAMES - 1)
        tracks.append(
            LabelTrack(
                id=track_id,
                cls="person",
                frames=np.array(frames, np.int32),
                boxes=boxes,
                scores=np.full(len(frames), 0.5, np.float32),
                origins=DETECTED * len(frames),
                attributes={"posture": ((0, middle, "standing"), (middle, FRAMES, "lying"))},
            )
        )
    return EditState(
        clip="hall-20260101T000000Z-0",
        frames=FRAMES,
        fps=rng.choice([5.0, 10.0, 12.5]),
        width=WIDTH,
        height=HEIGHT,
        classes=("person", "bed"),
        attributes={"posture": ("standing", "sitting", "lying"), "carer": ("yes",)},
        tracks=tuple(tracks),
    )


def draw_operation(rng: random.Random, state: EditState) -> Operation:
    """Draw an operation on labels; some are impossible."""
    ids = [track.id for track in state.tracks] or [0]
    track, other, new = rng.choice(ids), rng.choice(ids), max(ids) + 1
    frame = rng.randrange(FRAMES)
    start = rng.randrange(FRAMES)
    stop = rng.randint(start, min(FRAMES, start + 8))
    answer = rng.choice(("right", "wrong", "nobody", "unsure"))
    carried = operations.CarriedBoxes(
        frames=[frame, frame + 1],
        boxes=[draw_box(rng), draw_box(rng)],
        scores=[1.0, 0.5],
        origins="hi",
    )
    value = rng.choice(("standing", "sitting", None))
    choices: list[Operation] = [
        operations.DrawTrack(
            track=new,
            cls=rng.choice(("person", "bed")),
            frame=frame,
            box=draw_box(rng),
            carried=rng.choice((None, carried)),
        ),
        operations.MoveBox(track, frame, draw_box(rng)),
        operations.MoveBox(track, frame, draw_box(rng)),
        operations.MoveBox(track, frame, draw_box(rng)),
        operations.TrimTrack(track, start, stop),
        operations.FillTrack(track, start, stop),
        operations.SplitTrack(track, frame, new),
        operations.MergeTracks(track, other),
        operations.SwapTracks(track, other, frame),
        operations.ClassifyTrack(track, rng.choice(("person", "bed", "ignore"))),
        operations.DescribeTrack(track, "posture", start, stop, value),
        operations.AnswerQuestion(f"q{frame}", answer),  # type: ignore[arg-type]
        operations.CommentSpan(
            id=f"c{frame}",
            start=start,
            stop=stop,
            track=rng.choice((None, track)),
            text=rng.choice(("who is this?", " \u202eevil\x1b ", "\u2003", "a\tb 🛏")),
        ),
        operations.ResolveComment(
            rng.choice([comment.id for comment in state.comments] or ["c0"]), rng.random() < 0.7
        ),
    ]
    if rng.random() < 0.1:
        return operations.DeleteTrack(track)
    return rng.choice(choices)
