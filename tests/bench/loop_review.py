"""How the arms of the loop's benchmark label a clip, and what the product's own way costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

import msgspec
import numpy as np

from oneclick import hindsight
from oneclick.core import labels as core_labels
from oneclick.core import training_defaults
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet, from_tracks
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.editing import apply, carry
from oneclick.editing.carry import CarryEvidence
from oneclick.editing.operations import Box, CarriedBoxes, DrawTrack, Operation, Redo, Undo
from oneclick.editing.state import EditState
from oneclick.hindsight import keyframes, places, questions, skills
from oneclick.hindsight.places import PlaceEvidence
from oneclick.hindsight.questions import Question
from tests.bench.loop_films import FPS, Film
from tests.bench.simulated_annotator import FITS, WOBBLE, People, SimulatedAnnotator

IN_QUESTION, ELSEWHERE = 2, 5
"""Frames from one look to the next, inside questions and elsewhere."""
CLASSES = ("person",)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HALF_SECONDS = {"model": 0.5, "motion": 2.0}
"""As clip_questions.SECONDS_FOR_HALF."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """What an annotator made of one clip."""

    tracks: Tracks
    frames: tuple[int, ...]
    """Frames of the clip that training uses."""
    seconds: float
    edits: int


@dataclass(frozen=True, eq=False)
class Candidate:
    """One clip that could be labelled."""

    film: Film
    span: Span
    parts: tuple[Detections, ...]
    """Of all labellers over the film."""
    thresholds: tuple[float, ...]
    f1: tuple[float | None, ...] = ()
    """Of each labeller, as far as it was measured; the best one leads."""

    @property
    def truth(self) -> Tracks:
        """Return the truth in frames of the clip."""
        return self.film.truth.cut(self.span)

    def hindsight_labels(self) -> Tracks:
        """Return automatic labels, made with five seconds around."""
        around = self.span.padded(round(5 * FPS), self.film.length)
        order = skills.best_first(self.f1 or (None,) * len(self.parts))
        parts = [self.parts[m].cut(around) for m in order]
        tracks = hindsight.label(parts, [self.thresholds[m] for m in order])
        return tracks.cut(Span(self.span.start - around.start, self.span.stop - around.start))


def trained_frames(candidate: Candidate) -> tuple[int, ...]:
    """Return the frames of a clip that training takes."""
    return tuple(range(0, len(candidate.span), training_defaults.STRIDE))


def hand_drawn(truth: Tracks, seed: int) -> Tracks:
    """Return boxes as a hand draws them that misses as SimulatedAnnotator's does."""
    sides = np.tile(truth.boxes[:, 2:] - truth.boxes[:, :2], 2)
    errors = np.random.default_rng([seed, len(truth)]).normal(0, WOBBLE, truth.boxes.shape)
    shifted = (truth.boxes + errors * sides).astype(np.float32)
    return replace(truth, boxes=shifted)


def label_set(candidate: Candidate, tracks: Tracks) -> LabelSet:
    """Return tracks as a revision."""
    return LabelSet(
        clip=f"{candidate.film.name}-{candidate.span.start:04d}",
        revision=1,
        kind="auto",
        parent=None,
        made_by="bench",
        made_at=NOW,
        frames=tracks.length,
        width=candidate.film.width,
        height=candidate.film.height,
        classes=CLASSES,
        tracks=from_tracks(tracks, keyframes.thin(tracks).boxes) if len(tracks) else (),
    )


def to_columns(label_set: LabelSet) -> Tracks:
    """Return a revision as columns."""
    return core_labels.to_tracks(label_set, FPS)


class ReviewedClip:
    """One clip in front of an annotator who corrects its labels by operations.

    Args:
        candidate: the clip.
        tracks: its automatic labels.
    """

    def __init__(self, candidate: Candidate, tracks: Tracks) -> None:
        span = candidate.span
        self.candidate, self.labels = candidate, label_set(candidate, tracks)
        self.state = EditState.from_labels(self.labels, FPS, {})
        frames = islice(candidate.film.pictures(), span.start, span.stop)
        self.pictures = [np.ascontiguousarray(frame[..., ::-1]) for frame in frames]

    def edit(self, operation: Operation) -> None:
        """Do an operation; a drawn box is carried through the clip, as the review page does."""
        if isinstance(operation, DrawTrack):
            operation = msgspec.structs.replace(operation, carried=self.carried(operation))
        assert not isinstance(operation, Undo | Redo)
        self.state = apply.apply(self.state, operation)

    def carried(self, operation: DrawTrack) -> CarriedBoxes | None:
        """Return the boxes that follow from a drawn one."""
        candidate = self.candidate
        count = len(candidate.parts) - 1
        evidence = CarryEvidence(
            fps=FPS,
            width=candidate.film.width,
            height=candidate.film.height,
            detections=[part.cut(candidate.span) for part in candidate.parts[:count]],
            thresholds=candidate.thresholds[:count],
            labels=self.state.tracks,
        )
        try:
            track = carry.carry(operation.frame, operation.box, self.pictures, evidence)
        except ValueError:
            return None
        return CarriedBoxes(
            frames=track.frames.tolist(),
            boxes=[tuple(box) for box in track.boxes.astype(float).tolist()],
            scores=track.scores.astype(float).tolist(),
            origins=track.origins,
        )


def ask(candidate: Candidate, tracks: Tracks) -> list[Question]:
    """Return the questions about the labels of a clip, places without a label included."""
    film, evidence = candidate.film, []
    kinds = ["model"] * (len(candidate.parts) - 1) + ["motion"]
    for kind, part, threshold in zip(kinds, candidate.parts, candidate.thresholds, strict=True):
        boxes = part.cut(candidate.span)
        strengths = replace(boxes, scores=boxes.scores / np.float32(threshold))
        evidence.append(
            PlaceEvidence(source=kind, boxes=strengths, seconds_for_half=HALF_SECONDS[kind])
        )
    asked = questions.questions(tracks, film.width, film.height)
    return questions.ranked([*asked, *places.find_places(evidence, tracks)])


def is_open_end(question: Question, tracks: Tracks) -> bool:
    """Check whether a question is about frames in which its track has no box."""
    frames = tracks.frames[tracks.tracks == question.track]
    return not ((frames >= question.span.start) & (frames < question.span.stop)).any()


def first_look(question: Question, tracks: Tracks) -> int:
    """Return the frame at which the page opens a question, as firstLook of doubts.js."""
    if question.track is None:
        return question.middle
    rows = np.flatnonzero(tracks.tracks == question.track)
    frames, span = tracks.frames[rows], question.span
    inside = rows[(frames >= span.start) & (frames < span.stop)]
    if len(inside):
        return int(tracks.frames[inside[tracks.scores[inside].argmin()]])
    return span.stop - 1 if frames.min() >= span.stop else span.start


def review_questions(candidate: Candidate, seed: int) -> Labelled:
    """Answer the questions about the labels of a clip, and look at each second without one.

    A question is answered where the page opens it. Where something is wrong there, he looks at
    the other frames of the question too; where a track goes on beyond its end, at the far end.
    He adjusts boxes below FITS: what is trained on should be tight.
    """
    tracks, length = candidate.hindsight_labels(), len(candidate.span)
    places_shown: dict[int, list[Box]] = {}
    frames: set[int] = set()
    more: dict[int, set[int]] = {}
    ends: dict[int, list[range]] = {}
    for question in ask(candidate, tracks):
        opened = first_look(question, tracks)
        start, last = question.span.start, question.span.stop - 1
        frames.add(opened)
        if question.track is not None and is_open_end(question, tracks):
            beyond = (
                range(start, last, IN_QUESTION)
                if opened == last
                else range(last, start, -IN_QUESTION)
            )
            ends.setdefault(opened, []).append(beyond)
        else:
            more.setdefault(opened, set()).update(range(start, last, IN_QUESTION), {last})
        if question.box is not None:
            places_shown.setdefault(opened, []).append(question.box)
    for start in range(0, length, ELSEWHERE):
        if frames.isdisjoint(range(start, start + ELSEWHERE)):
            frames.add(min(start + ELSEWHERE // 2, length - 1))
    true_tracks, truth = candidate.truth, dict[int, People]()
    for frame, person, box in zip(
        true_tracks.frames.tolist(),
        true_tracks.tracks.tolist(),
        true_tracks.boxes.astype(np.float64),
        strict=True,
    ):
        truth.setdefault(frame, {})[person] = box
    clip, rng = ReviewedClip(candidate, tracks), np.random.default_rng([seed, candidate.span.start])
    annotator = SimulatedAnnotator(lambda: clip.state, clip.edit, truth, rng, right=FITS)
    work = annotator.review(sorted(frames), places_shown, more, ends)
    final = replace(clip.labels, tracks=clip.state.tracks)
    edits = sum(work.operations.values())
    return Labelled(to_columns(final), trained_frames(candidate), work.seconds, edits)
