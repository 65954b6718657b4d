"""The labels of a clip on an Encord label row, and back.

Encord keeps a box as fractions of the picture, frame by frame. A track goes out under a hash made
from the clip's code and its id, and is known by that hash when it comes back; core.edits.settle
then tells what a human did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import cast

import numpy as np
from encord.objects import LabelRowV2, ObjectInstance, RadioAttribute
from encord.objects.coordinates import BoundingBoxCoordinates
from encord.objects.frames import frames_to_ranges
from encord.objects.ontology_object_instance import AnswersForFrames
from encord.objects.options import Option
from numpy.typing import NDArray

from oneclick.core import boxes, edits
from oneclick.core.errors import BadLabels
from oneclick.core.labels import IGNORE, LabelSet, LabelTrack, Ranges
from oneclick.core.tracks import HUMAN
from oneclick.platforms.encord import schema

Mark = ObjectInstance.Annotation
"""One box of an instance."""

LEAST = 0.01
"""px; a box with a shorter side cannot be shown."""


def object_hash(code: str, track: int) -> str:
    """8 characters that stand for one track of one clip, the same each time it is sent."""
    return schema.short_hash(f"{code}:{track}")


def shown(labels: LabelSet) -> tuple[LabelTrack, ...]:
    """The tracks as Encord can show them: boxes cut to the picture, empty ones left out."""
    cut = (_cut(track, labels) for track in labels.tracks)
    return tuple(track for track in cut if len(track.frames))


def fill(row: LabelRowV2, labels: LabelSet, code: str) -> None:
    """Put the shown tracks on an initialised row that has no labels yet; saving is left to others.

    What the ontology has no question or option for is not asked; `read` keeps it.

    Raises:
        BadLabels: if the ontology lacks a class.
    """
    for track in shown(labels):
        item = schema.find(row.ontology_structure, track.cls)
        if item is None:
            raise _unknown(labels, f"the ontology in Encord has no class {track.cls!r}")
        made = ObjectInstance(item, object_hash=object_hash(code, track.id))
        _place(made, track, labels)
        _answer(made, track)
        row.add_object_instance(made)


def read(row: LabelRowV2, sent: LabelSet, code: str) -> tuple[LabelTrack, ...]:
    """The tracks on a row, boxes in px, by id; what humans drew gets ids above all that were sent.

    Raises:
        BadLabels: on a class that the clip's labels do not have, or a shape other than a box.
    """
    return _Reader(row, sent, code).tracks()


def _cut(track: LabelTrack, labels: LabelSet) -> LabelTrack:
    inside = boxes.clip(track.boxes, labels.width, labels.height)
    sides = inside[:, 2:] - inside[:, :2]
    return edits.rows_of(replace(track, boxes=inside), np.flatnonzero(sides.min(axis=1) >= LEAST))


def _place(made: ObjectInstance, track: LabelTrack, labels: LabelSet) -> None:
    """Every box as fractions; the SDK takes none but Python's own numbers."""
    ends = track.boxes / _size(labels)
    keys = set(track.keyframes)
    rows = zip(track.frames.tolist(), ends.tolist(), track.scores.tolist(), strict=True)
    for frame, (left, top, right, bottom), score in rows:
        box = BoundingBoxCoordinates(bottom - top, right - left, left, top)
        key = frame in keys
        made.set_for_frames(box, frame, confidence=score, manual_annotation=key)


def _answer(made: ObjectInstance, track: LabelTrack) -> None:
    """The attributes as answers, on the frames that have boxes and no others."""
    for name, given in track.attributes.items():
        question = schema.find_question(made.ontology_item, track.cls, name)
        options = _options(question, track.cls, name)
        values = edits.values(given, track.frames)
        for value in [known for known in options if known in set(values)]:
            frames = frames_to_ranges(track.frames[values == value].tolist())
            made.set_answer(options[value], question, frames)


def _options(question: RadioAttribute | None, cls: str, name: str) -> dict[str, Option]:
    """What can be answered, by value."""
    options = question.options if question else ()
    return {schema.value(cls, name, option): option for option in options}


class _Reader:
    """One row while it is read."""

    def __init__(self, row: LabelRowV2, sent: LabelSet, code: str) -> None:
        self.row, self.sent = row, sent
        self.known = {object_hash(code, track.id): track for track in sent.tracks}
        drawn = {name: schema.find(row.ontology_structure, name) for name in _names(sent)}
        self.classes = {item.feature_node_hash: name for name, item in drawn.items() if item}
        self.asked = list(dict.fromkeys(name for track in sent.tracks for name in track.attributes))

    def tracks(self) -> tuple[LabelTrack, ...]:
        fresh = count(1 + max((track.id for track in self.sent.tracks), default=-1))
        found = [(_marks(made), made.object_hash, made) for made in self.row.get_object_instances()]
        drawn = sorted((item for item in found if item[0]), key=lambda it: (it[0][0].frame, it[1]))
        tracks = []
        for marks, key, made in drawn:
            base = self.known.get(key)
            tracks.append(self._track(made, marks, base.id if base else next(fresh), base))
        return tuple(sorted(tracks, key=lambda track: track.id))

    def _track(
        self, made: ObjectInstance, marks: list[Mark], key: int, base: LabelTrack | None
    ) -> LabelTrack:
        cls = self.classes.get(made.feature_hash)
        if cls is None:
            classes = ", ".join(self.sent.classes)
            raise _unknown(self.sent, f"class {made.object_name!r} is none of {classes}")
        frames = np.array([mark.frame for mark in marks], np.int32)
        before = dict(zip(base.frames.tolist(), base.origins, strict=True)) if base else {}
        return LabelTrack(
            key,
            cls,
            frames,
            self._boxes(marks, cls),
            np.array([mark.confidence for mark in marks], np.float32),
            "".join(before.get(frame, HUMAN) for frame in frames.tolist()),
            tuple(mark.frame for mark in marks if mark.manual_annotation),
            self._attributes(made, cls, frames, base.attributes if base else {}),
        )

    def _boxes(self, marks: list[Mark], cls: str) -> NDArray[np.float32]:
        """(n, 4) px."""
        found = []
        for box in (mark.coordinates for mark in marks):
            if not isinstance(box, BoundingBoxCoordinates):
                raise _misshapen(self.sent, cls)
            found.append((box.top_left_x, box.top_left_y, box.width, box.height))
        ends = np.array(found, np.float64)
        ends[:, 2:] += ends[:, :2]
        return (ends * _size(self.sent)).astype(np.float32)

    def _attributes(
        self, made: ObjectInstance, cls: str, frames: edits.Frames, before: Mapping[str, Ranges]
    ) -> dict[str, Ranges]:
        after = {}
        for name, question in self._questions(made, cls).items():
            options = _options(question, cls, name)
            found = edits.values(_answers(made, question, cls, name), frames)
            was = edits.values(before.get(name, ()), frames)
            # What the ontology could not ask was not judged.
            kept = [
                old if new is None and old not in options else new
                for old, new in zip(was, found, strict=True)
            ]
            after[name] = edits.ranges(frames, np.array(kept, object))
        return {name: given for name, given in after.items() if given}

    def _questions(self, made: ObjectInstance, cls: str) -> dict[str, RadioAttribute | None]:
        """Ours by the names they were sent under, None where not asked; others by their titles."""
        item = made.ontology_item
        ours = {name: schema.find_question(item, cls, name) for name in self.asked}
        known = {asked.feature_node_hash for asked in ours.values() if asked}
        others = {
            asked.name: asked for key, asked in schema.questions(item).items() if key not in known
        }
        return {**others, **ours}


def _answers(made: ObjectInstance, asked: RadioAttribute | None, cls: str, name: str) -> Ranges:
    """The answers to one question, as ranges in any order."""
    given = cast(AnswersForFrames, made.get_answer(asked, is_dynamic=True)) if asked else []
    return tuple(
        (part.start, part.end + 1, schema.value(cls, name, cast(Option, answer.answer)))
        for answer in given
        for part in answer.ranges
    )


def _names(labels: LabelSet) -> tuple[str, ...]:
    return (*labels.classes, IGNORE)


def _marks(made: ObjectInstance) -> list[Mark]:
    """The boxes of an instance, by frame."""
    return [mark for mark in made.get_annotations() if not mark.is_deleted]


def _size(labels: LabelSet) -> NDArray[np.float64]:
    """(4,) px: what a box in fractions is multiplied by."""
    return np.array([labels.width, labels.height] * 2, np.float64)


def _unknown(labels: LabelSet, problem: str) -> BadLabels:
    return BadLabels(f"clip {labels.clip}: {problem}; add it to `classes` in oneclick.toml")


def _misshapen(labels: LabelSet, cls: str) -> BadLabels:
    return BadLabels(
        f"clip {labels.clip}: a {cls!r} is drawn as another shape than a box; draw it as a box of "
        f"a class in `classes` of oneclick.toml"
    )
