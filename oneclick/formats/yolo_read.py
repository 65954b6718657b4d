"""YOLO text labels to sequences of labelled images.

The images of one folder and split become clips of images of the same size, at most
base.MAX_LOOSE_IMAGES each; where labels have track ids, those whose names differ by a number alone
are one sequence.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.datasets import Split
from oneclick.core.errors import BadInput, BadLabels
from oneclick.formats import base, disk, pictures, yolo_lines, yolo_sets
from oneclick.formats.base import BoxRows, Dialogue, ImportedSequence, SequenceSource
from oneclick.formats.class_lists import ClassList
from oneclick.formats.yolo_sets import YoloFolder
from oneclick.storage import bounded_files

QUESTIONS = frozenset(
    {
        assumptions.NAMES,
        assumptions.SIXTH,
        assumptions.UNLABELLED,
        assumptions.LINKS,
        assumptions.EXIF,
    }
)
MAX_LABELS = 4 * bounded_files.MEBIBYTE
"""Bytes of the labels of one image."""
SixthColumn = Literal["", "score", "track"]


@dataclass(frozen=True, kw_only=True)
class YoloLabels:
    """How the labels of a dataset are read."""

    folder: YoloFolder
    names: ClassList
    sixth: SixthColumn
    """What the sixth column holds; empty where there is none."""

    @property
    def key_values(self) -> int:
        """Return the columns of key points behind each box, by `kpt_shape`."""
        return yolo_sets.key_values(self.folder)

    @property
    def answers(self) -> Assumptions:
        """Return what the user says of the dataset."""
        return self.folder.dialogue.answers


def find(
    path: Path,
    classes: Sequence[str],
    failed: dict[str, str],
    dialogue: Dialogue | None = None,
) -> list[SequenceSource]:
    """List the sequences of a dataset: `path` is its YAML file or the folder that holds it.

    Raises:
        BadInput: no picture has a label file, or something can be read in two ways.
    """
    folder = yolo_sets.open_folder(path, failed, dialogue or Dialogue())
    names = yolo_sets.class_list(folder, tuple(classes))
    splits = leave_out_shared(folder, yolo_sets.pictures_by_split(folder, failed), failed)
    labelled = {i: s for i, s in splits.items() if os.path.lexists(label_file(folder, i))}
    if not labelled and not failed:
        raise BadLabels(f"{path}: no YOLO dataset: it needs folders images/ and labels/")
    splits = settle_unlabelled(folder, splits, labelled, failed)
    rows = yolo_lines.ColumnCounts()
    for image in labelled:
        try:
            rows.add(read_lines(folder, image))
        except BadInput:  # its sequence will say so
            continue
    if names is None:
        if rows.boxes:
            raise assumptions.question(
                assumptions.NAMES,
                f"{path}: labels have classes by number, and no {yolo_sets.DATA} and no "
                "classes.txt tells what they are",
            )
        names = ClassList({}, "")
    labels = YoloLabels(folder=folder, names=names, sixth=rows.sixth(path, folder.dialogue.answers))
    groups: dict[tuple[Path, Split, str], list[Path]] = {}
    for image, split in splits.items():
        series = re.sub(r"\d+$", "", image.stem) if labels.sixth == "track" else ""
        groups.setdefault((image.parent, split, series), []).append(image)
    return [
        source
        for (_, split, _), images in sorted(groups.items())
        for source in list_sequences(labels, images, split, failed)
    ]


def label_file(folder: YoloFolder, image: Path) -> Path:
    """Return the label file of an image."""
    return yolo_sets.label_path(image, folder.root)


def leave_out_shared(
    folder: YoloFolder, splits: dict[Path, Split], failed: dict[str, str]
) -> dict[Path, Split]:
    """Return the pictures but for those that share a label file, such as a.jpg and a.png.

    Nothing tells of which of them the boxes are.
    """
    pictures_by_label: dict[Path, list[Path]] = {}
    for image in splits:
        pictures_by_label.setdefault(label_file(folder, image), []).append(image)
    twins: set[Path] = set()
    for path, images in pictures_by_label.items():
        if len(images) > 1 and os.path.lexists(path):
            others = ", ".join(image.name for image in images[1:])
            failed[str(images[0])] = (
                f"{images[0]} and {others} have one label file, {path.name}: rename or remove all "
                "but the one it belongs to"
            )
            twins.update(images)
    return {image: split for image, split in splits.items() if image not in twins}


def settle_unlabelled(
    folder: YoloFolder,
    splits: dict[Path, Split],
    labelled: dict[Path, Split],
    failed: dict[str, str],
) -> dict[Path, Split]:
    """Return the pictures to read: those with a label file, or all if the user says so.

    A picture without one may show no object, or its labels may be lost. Label files without a
    picture are counted.
    """
    homes = {label_file(folder, image).parent for image in splits}
    texts = {
        Path(entry.path)
        for home in homes
        if home.is_dir()
        for entry in os.scandir(home)
        if entry.name.endswith(".txt") and entry.name not in yolo_sets.NAME_FILES
    }
    if "images" in {part for image in splits for part in image.parts[:-1]}:
        strangers = texts - {label_file(folder, image) for image in folder.paths}
        if strangers and len(strangers) < len(texts):
            folder.dialogue.notes["label files without a picture left out"] += len(strangers)
    parents = {image.parent for image in labelled}
    unlabelled = [i for i in splits if i not in labelled and i.parent in parents]
    if folder.dialogue.answers.is_answer(assumptions.UNLABELLED, "empty"):
        return {i: split for i, split in splits.items() if i.parent in parents}
    if unlabelled:
        failed["pictures without a label file"] = str(
            assumptions.question(
                assumptions.UNLABELLED,
                f"{len(unlabelled):,} pictures have no label file, the first {unlabelled[0]}: they "
                "are left out",
            )
        )
    if others := len(splits) - len(labelled) - len(unlabelled):
        folder.dialogue.notes["pictures in folders without any label left out"] += others
    return labelled


def read_lines(folder: YoloFolder, image: Path) -> list[tuple[str, list[str]]]:
    """Return the lines of an image's labels in cells, each with its place; none without a file.

    Raises:
        BadInput: the file cannot be read, or leads out of the dataset.
    """
    path = label_file(folder, image)
    if not os.path.lexists(path):
        return []
    folder.check_inside(path)
    lines = bounded_files.read_text(path, MAX_LABELS).split("\n")
    return [(f"{path} line {n}", line.split()) for n, line in enumerate(lines, 1) if line.strip()]


def list_sequences(
    labels: YoloLabels, images: Sequence[Path], split: Split, failed: dict[str, str]
) -> Iterator[SequenceSource]:
    """Yield the sequences of the images of one folder: runs of images of the same size.

    An image that cannot be read goes to `failed`; those beside it stay.
    """
    root = labels.folder.root
    sizes_by_image: dict[Path, tuple[int, int]] = {}
    for image in sorted(images, key=lambda path: disk.natural_key(path.name)):
        try:
            sizes_by_image[image] = pictures.size(image)
        except BadInput as error:
            failed[str(image)] = str(error)
    images, sizes = list(sizes_by_image), list(sizes_by_image.values())
    longest = None if labels.sixth == "track" else base.MAX_LOOSE_IMAGES
    for start, stop in disk.equal_size_runs(sizes, longest):
        first = images[start]
        name = first.relative_to(root) if first.is_relative_to(root) else first
        yield SequenceSource(str(name), split, partial(load, labels, images[start:stop]))


def load(labels: YoloLabels, images: Sequence[Path], origin: str) -> ImportedSequence:
    """Read the labels of a run of images of one size. Raises BadInput."""
    rows, notes = BoxRows(), Counter[str]()
    headers = [pictures.header(image) for image in images]
    for frame, (image, header) in enumerate(zip(images, headers, strict=True)):
        is_stored = pictures.label_frame(image, header, None, labels.answers, "shown")
        size = header.stored_size if is_stored else header.size
        seen: set[tuple[str, ...]] = set()
        for place, cells in read_lines(labels.folder, image):
            if tuple(cells) in seen:
                notes["lines that stand twice taken once"] += 1
                continue
            seen.add(tuple(cells))
            has_tracks = labels.sixth == "track"
            line = yolo_lines.parse_line(place, cells, size, has_tracks, labels.key_values)
            notes["key points left out, their boxes taken"] += bool(labels.key_values)
            notes["polygons and turned boxes made upright boxes around them"] += line.is_polygon
            rows.add(
                frame=frame,
                track_id=base.NO_TRACK if line.track is None else line.track,
                cls=labels.names.name_of(line.cls, place),
                box=header.show_box(line.box) if is_stored else line.box,
                score=line.score,
            )
    sequence = base.build_sequence(rows, images, headers[0].size, origin)
    return replace(
        sequence,
        class_numbers={str(number): name for number, name in labels.names.names.items()},
        names_from=labels.names.origin,
        notes=+notes + sequence.notes + pictures.turned_note(headers),
    )
