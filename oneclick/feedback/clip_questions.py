"""Questions about the labels of one clip: tracks in doubt, and places where nobody is labelled.

They take seconds where pictures are looked at, so they are kept in `review/questions/<clip>.json`,
which can be computed again any time.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.detections import concat
from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.core.spans import Span
from oneclick.feedback import clip_evidence
from oneclick.hindsight import places, questions
from oneclick.hindsight.places import PlaceEvidence, PlaceOptions
from oneclick.hindsight.questions import Question
from oneclick.storage import sealed_files
from oneclick.storage.workspace import Workspace

RECIPE = 4
"""Raised when other questions are asked about the same labels."""
MODEL, TURNED, MOTION = "a model", "a look at the turned picture", "motion"
SECONDS_FOR_HALF = {MODEL: 0.5, TURNED: 0.5, MOTION: 2.0}
"""By source: seconds at full strength after which somebody is there with a probability of a half;
measured by tests/bench/questions.py."""


class _StoredQuestion(msgspec.Struct, frozen=True, kw_only=True):
    track: int | None
    start: int
    stop: int
    expected: float
    why: str
    box: tuple[float, float, float, float] | None
    cls: str


class _QuestionsFile(msgspec.Struct, frozen=True, kw_only=True):
    recipe: int
    labels: int
    """Checksum of the labels that they are about."""
    places: int
    questions: list[_StoredQuestion]


def ask(
    workspace: Workspace,
    clip: Clip,
    label_set: LabelSet,
    most_places: int = PlaceOptions.per_clip,
    *,
    store: bool = True,
    pictures: bool = True,
) -> list[Question]:
    """Return the questions about labels, most expected corrections first; stored ones are read.

    Args:
        workspace: the workspace.
        clip: the clip.
        label_set: its labels.
        most_places: most questions about places without a label.
        store: keep what was computed now.
        pictures: look at pictures too, where nothing is stored; that takes up to seconds.

    Raises:
        NoSpace, Unavailable: they cannot be stored.
    """
    path = workspace.questions_file(clip.id)
    stored_questions = _read(workspace, clip, label_set, most_places)
    if stored_questions is not None:
        return stored_questions
    question_list = compute(workspace, clip, label_set, most_places, pictures)
    if not store:
        return question_list
    document = _QuestionsFile(
        recipe=RECIPE,
        labels=_checksum(label_set),
        places=most_places,
        questions=[
            _StoredQuestion(
                track=question.track,
                start=question.span.start,
                stop=question.span.stop,
                expected=question.expected,
                why=question.why,
                box=question.box,
                cls=question.cls,
            )
            for question in question_list
        ],
    )
    sealed_files.write(path, document)
    return question_list


def is_stored(
    workspace: Workspace, clip: Clip, label_set: LabelSet, most_places: int = PlaceOptions.per_clip
) -> bool:
    """Check whether the questions about labels are stored."""
    return _read(workspace, clip, label_set, most_places) is not None


def _read(
    workspace: Workspace, clip: Clip, label_set: LabelSet, most_places: int
) -> list[Question] | None:
    path = workspace.questions_file(clip.id)
    if not path.exists():
        return None
    try:
        document: _QuestionsFile = sealed_files.read(path, _QuestionsFile)
        expected = RECIPE, _checksum(label_set), most_places
        if (document.recipe, document.labels, document.places) != expected:
            return None
        return [
            Question(
                track=each.track,
                span=Span(each.start, each.stop),
                expected=each.expected,
                why=each.why,
                box=each.box,
                cls=each.cls,
            )
            for each in document.questions
        ]
    except (BadInput, ValueError):
        return None


def _checksum(label_set: LabelSet) -> int:
    """Return a number that nearly always differs for other labels."""
    value = 0
    for track in label_set.tracks:
        value = zlib.crc32(f"{track.id} {track.cls}".encode(), value)
        for numbers in (track.frames, track.boxes):
            value = zlib.crc32(numbers.tobytes(), value)
    return value


def compute(
    workspace: Workspace,
    clip: Clip,
    label_set: LabelSet,
    most_places: int = PlaceOptions.per_clip,
    pictures: bool = True,
) -> list[Question]:
    """Compute the questions about labels, most expected corrections first."""
    tracks = core_labels.to_tracks(label_set, clip.fps)
    question_list = questions.questions(tracks, label_set.width, label_set.height)
    if most_places > 0:
        evidence = load_evidence(workspace, clip, label_set.classes, pictures)
        question_list += places.find_places(evidence, tracks, PlaceOptions(per_clip=most_places))
    return questions.ranked(question_list)


def load_evidence(
    workspace: Workspace, clip: Clip, classes: Sequence[str], pictures: bool = True
) -> list[PlaceEvidence]:
    """Return what speaks for people in a clip, whether they are labelled or not.

    Novelty would be a further source: anything that gives boxes with a strength.
    """
    models = clip_evidence.load_models(workspace, clip, tuple(classes))
    evidence = []
    networks = [model for model in models if model.model != clip_evidence.MOTION_MODEL]
    for source in (MODEL, TURNED):
        looks = [m.strengths() for m in networks if m.is_turned == (source == TURNED)]
        if looks:
            evidence.append(
                PlaceEvidence(
                    source=source,
                    boxes=concat(looks),
                    seconds_for_half=SECONDS_FOR_HALF[source],
                    may_lie=source == TURNED,
                )
            )
    moving = next((m for m in models if m.model == clip_evidence.MOTION_MODEL), None)
    if moving is None and pictures:
        moving = clip_evidence.find_moving(workspace, clip)
    if moving is not None:
        evidence.append(
            PlaceEvidence(
                source=MOTION,
                boxes=moving.strengths(),
                seconds_for_half=SECONDS_FOR_HALF[MOTION],
                has_classes=False,
            )
        )
    return evidence


def corrections_expected(question_list: Sequence[Question]) -> float:
    """Return the number of corrections that questions expect together."""
    return float(np.round(sum(question.expected for question in question_list), 3))
