"""The labels of a clip to an Encord label row, and back.

Encord stores a box per frame, relative to the image size. A track is sent under a hash made from
the clip's code and its id, and is recognised by that hash when it comes back;
core.edits.reconcile then finds what a human changed.
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

Annotation = ObjectInstance.Annotation
"""One box of an object instance."""

MIN_SIDE = 0.01
"""px; Encord cannot show a box with a shorter side."""


def object_hash(code: str, track_id: int) -> str:
    """Return 8 characters that identify a track of a clip, the same each time it is sent."""
    return schema.short_hash(f"{code}:{track_id}")


def visible_tracks(labels: LabelSet) -> tuple[LabelTrack, ...]:
    """Return the tracks as Encord can show them: boxes clipped to the image, empty ones omitted."""
    tracks = []
    for track in labels.tracks:
        clipped = boxes.clip(track.boxes, labels.width, labels.height)
        sides = clipped[:, 2:] - clipped[:, :2]
        rows = np.flatnonzero(sides.min(axis=1) >= MIN_SIDE)
        tracks.append(edits.select_boxes(replace(track, boxes=clipped), rows))
    return tuple(track for track in tracks if len(track.frames))


def fill_row(row: LabelRowV2, labels: LabelSet, code: str) -> None:
    """Put the visible tracks on an initialised row without labels; the caller saves it.

    Attributes and values that the ontology lacks are left out; `read_tracks` restores them.

    Raises:
        BadLabels: the ontology lacks a class.
    """
    for track in visible_tracks(labels):
        item = schema.find_class(row.ontology_structure, track.cls)
        if item is None:
            raise _unknown_class(labels, f"the ontology in Encord has no class {track.cls!r}")
        instance = ObjectInstance(item, object_hash=object_hash(code, track.id))
        add_boxes(instance, track, labels)
        add_attributes(instance, track)
        row.add_object_instance(instance)


def add_boxes(instance: ObjectInstance, track: LabelTrack, labels: LabelSet) -> None:
    """Add the boxes of a track, relative to the image size; key frames count as manual."""
    relative = track.boxes / _size(labels)
    keyframes = set(track.keyframes)
    # The SDK accepts no numbers of numpy.
    rows = zip(track.frames.tolist(), relative.tolist(), track.scores.tolist(), strict=True)
    for frame, (x1, y1, x2, y2), score in rows:
        box = BoundingBoxCoordinates(y2 - y1, x2 - x1, x1, y1)
        is_key = frame in keyframes
        instance.set_for_frames(box, frame, confidence=score, manual_annotation=is_key)


def add_attributes(instance: ObjectInstance, track: LabelTrack) -> None:
    """Add the attributes of a track as answers, on the frames with boxes only."""
    for name, ranges in track.attributes.items():
        attribute = schema.find_attribute(instance.ontology_item, track.cls, name)
        options = _options_by_value(attribute, track.cls, name)
        values = edits.values_per_frame(ranges, track.frames)
        for value in [value for value in options if value in set(values)]:
            frames = frames_to_ranges(track.frames[values == value].tolist())
            instance.set_answer(options[value], attribute, frames)


def read_tracks(row: LabelRowV2, sent_labels: LabelSet, code: str) -> tuple[LabelTrack, ...]:
    """Return the tracks on a row by id, boxes in px; objects that a human added get higher ids.

    Raises:
        BadLabels: an object has a class that the clip's labels lack, or is no box.
    """
    sent_tracks = {object_hash(code, track.id): track for track in sent_labels.tracks}
    new_ids = count(1 + max((track.id for track in sent_labels.tracks), default=-1))
    instances = []
    for instance in row.get_object_instances():
        annotations = [a for a in instance.get_annotations() if not a.is_deleted]
        if annotations:
            instances.append((annotations[0].frame, instance.object_hash, instance, annotations))
    reader = _TrackReader(row, sent_labels)
    tracks = []
    for _, key, instance, annotations in sorted(instances, key=lambda entry: entry[:2]):
        sent_track = sent_tracks.get(key)
        track_id = sent_track.id if sent_track else next(new_ids)
        tracks.append(reader.read(instance, annotations, track_id, sent_track))
    return tuple(sorted(tracks, key=lambda track: track.id))


class _TrackReader:
    """Reads the objects of one row as tracks."""

    def __init__(self, row: LabelRowV2, sent_labels: LabelSet) -> None:
        self._labels = sent_labels
        self._classes: dict[str, str] = {}
        """Name by feature hash."""
        for name in (*sent_labels.classes, IGNORE):
            item = schema.find_class(row.ontology_structure, name)
            if item:
                self._classes[item.feature_node_hash] = name
        names = (name for track in sent_labels.tracks for name in track.attributes)
        self._attribute_names = list(dict.fromkeys(names))

    def read(
        self,
        instance: ObjectInstance,
        annotations: list[Annotation],
        track_id: int,
        sent_track: LabelTrack | None,
    ) -> LabelTrack:
        """Read one object; `sent_track` is None where a human added it."""
        cls = self._classes.get(instance.feature_hash)
        if cls is None:
            classes = ", ".join(self._labels.classes)
            raise _unknown_class(
                self._labels, f"class {instance.object_name!r} is none of {classes}"
            )
        frames = np.array([annotation.frame for annotation in annotations], np.int32)
        sent_origins: dict[int, str] = {}
        if sent_track:
            sent_origins = dict(zip(sent_track.frames.tolist(), sent_track.origins, strict=True))
        return LabelTrack(
            id=track_id,
            cls=cls,
            frames=frames,
            boxes=self.read_boxes(annotations, cls),
            scores=np.array([annotation.confidence for annotation in annotations], np.float32),
            origins="".join(sent_origins.get(frame, HUMAN) for frame in frames.tolist()),
            keyframes=tuple(a.frame for a in annotations if a.manual_annotation),
            attributes=self.read_attributes(
                instance, cls, frames, sent_track.attributes if sent_track else {}
            ),
        )

    def read_boxes(self, annotations: list[Annotation], cls: str) -> NDArray[np.float32]:
        """Return (n, 4) px, x1 y1 x2 y2. Raises BadLabels where a shape is no box."""
        rows = []
        for box in (annotation.coordinates for annotation in annotations):
            if not isinstance(box, BoundingBoxCoordinates):
                raise BadLabels(
                    f"clip {self._labels.clip}: a {cls!r} is drawn as another shape than a box; "
                    "draw it as a box of a class in `classes` of oneclick.toml"
                )
            rows.append((box.top_left_x, box.top_left_y, box.width, box.height))
        relative = np.array(rows, np.float64)
        relative[:, 2:] += relative[:, :2]
        return (relative * _size(self._labels)).astype(np.float32)

    def read_attributes(
        self,
        instance: ObjectInstance,
        cls: str,
        frames: edits.Frames,
        sent_attributes: Mapping[str, Ranges],
    ) -> dict[str, Ranges]:
        """Return ranges by attribute: ours by the names they were sent under, others by title.

        A value that was sent and that the ontology cannot express was not reviewed: it stays.
        """
        item = instance.ontology_item
        our_attributes = {
            name: schema.find_attribute(item, cls, name) for name in self._attribute_names
        }
        our_hashes = {
            attribute.feature_node_hash for attribute in our_attributes.values() if attribute
        }
        others = {
            attribute.name: attribute
            for key, attribute in schema.frame_attributes(item).items()
            if key not in our_hashes
        }
        ranges = {}
        for name, attribute in {**others, **our_attributes}.items():
            options = _options_by_value(attribute, cls, name)
            answers = edits.values_per_frame(_answers(instance, attribute, cls, name), frames)
            before = edits.values_per_frame(sent_attributes.get(name, ()), frames)
            values = [
                old if new is None and old not in options else new
                for old, new in zip(before, answers, strict=True)
            ]
            ranges[name] = edits.value_ranges(frames, np.array(values, object))
        return {name: parts for name, parts in ranges.items() if parts}


def _options_by_value(attribute: RadioAttribute | None, cls: str, name: str) -> dict[str, Option]:
    options = attribute.options if attribute else ()
    return {schema.option_value(cls, name, option): option for option in options}


def _answers(
    instance: ObjectInstance, attribute: RadioAttribute | None, cls: str, name: str
) -> Ranges:
    """Return the answers for one attribute, as ranges in any order."""
    if attribute is None:
        return ()
    answers = cast(AnswersForFrames, instance.get_answer(attribute, is_dynamic=True))
    return tuple(
        (part.start, part.end + 1, schema.option_value(cls, name, cast(Option, answer.answer)))
        for answer in answers
        for part in answer.ranges
    )


def _size(labels: LabelSet) -> NDArray[np.float64]:
    """Return (4,) px, the factor from relative boxes to pixels."""
    return np.array([labels.width, labels.height] * 2, np.float64)


def _unknown_class(labels: LabelSet, problem: str) -> BadLabels:
    return BadLabels(f"clip {labels.clip}: {problem}; add it to `classes` in oneclick.toml")
