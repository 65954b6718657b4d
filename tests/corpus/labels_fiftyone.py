"""Datasets of FiftyOne."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.corpus import label_case
from tests.corpus.label_case import Builder, LabelCase

CASES: dict[str, Builder] = {}
case = label_case.register(CASES)
BOX = (16.0, 12.0, 32.0, 24.0)


def labelled_object(**changes: Any) -> dict[str, Any]:
    """A box over the second quarter of both sides."""
    corners = {"top_left": {"x": 0.25, "y": 0.25}, "bottom_right": {"x": 0.5, "y": 0.5}}
    entry = {"type": "eta.core.objects.DetectedObject", "label": "person", "tags": []}
    return entry | {"bounding_box": corners, "name": "ground_truth"} | changes


def write(folder: Path, frames: dict[int, list[dict[str, Any]]]) -> None:
    """Write the labels of a video of three frames."""
    label_case.draw(folder / "data/a", *(f"{k:06d}.jpg" for k in range(3)))
    document = {
        "frames": {
            str(number): {"frame_number": number, "objects": {"objects": objects}}
            for number, objects in frames.items()
        }
    }
    label_case.write_json(folder / "labels/a.json", document)


@case
def objects_with_an_index_are_tracks(folder: Path) -> LabelCase:
    write(folder, {1: [labelled_object(index=5)], 3: [labelled_object(index=5)]})
    return LabelCase(sequences=(((0, "person", BOX), (2, "person", BOX)),), track_ids=(5,))


@case
def objects_without_an_index_are_tracks_of_their_own(folder: Path) -> LabelCase:
    write(folder, {1: [labelled_object()], 2: [labelled_object()]})
    return LabelCase(sequences=(((0, "person", BOX), (1, "person", BOX)),), track_ids=(0, 1))


@case
def a_frame_after_the_end_is_refused(folder: Path) -> LabelCase:
    write(folder, {4: [labelled_object()]})
    return LabelCase(problems=("frame 4 of a video of 3 frames",))


@case
def labels_of_pictures_are_refused(folder: Path) -> LabelCase:
    label_case.write_json(folder / "labels.json", {"classes": [], "labels": {}})
    return LabelCase(problems=("no FiftyOneVideoLabelsDataset",))


@case
def a_frame_without_a_number_is_refused(folder: Path) -> LabelCase:
    label_case.draw(folder / "data/a", "0.jpg")
    label_case.write_json(folder / "labels/a.json", {"frames": {"first": {}}})
    return LabelCase(problems=("no labels of a video as FiftyOne has them",))


@case
def a_missing_video_is_named(folder: Path) -> LabelCase:
    label_case.write_json(folder / "labels/a.json", {"frames": {}})
    return LabelCase(problems=("no video a.mp4 lies in",))
