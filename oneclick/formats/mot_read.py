"""MOTChallenge sequences of any tool to sequences of labelled images.

A frame is the picture whose name has its number where these begin elsewhere than at 1. Classes have
names in gt/labels.txt or in seqinfo.ini; without both, class 1 is a person, as MOTChallenge says.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput, BadLabels
from oneclick.formats import base, class_lists, disk, mot_table, mot_text, pictures
from oneclick.formats.base import BoxRows, Dialogue, ImportedSequence, SequenceSource
from oneclick.formats.class_lists import ClassList
from oneclick.formats.mot_table import MotTable
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_files

QUESTIONS = frozenset(
    {
        assumptions.NAMES,
        assumptions.FRAMES,
        assumptions.ORDER,
        assumptions.COLUMNS,
        assumptions.EXIF,
        assumptions.SIZE,
    }
)
_PERSONS = ("person", "pedestrian")


@dataclass(frozen=True, kw_only=True)
class MotDataset:
    """A dataset and what the user says of it."""

    root: Path
    classes: Sequence[str]
    answers: Assumptions


def find(
    path: Path,
    classes: Sequence[str],
    failed: dict[str, str],
    dialogue: Dialogue | None = None,
) -> list[SequenceSource]:
    """List the sequences at or below `path`: folders that hold gt/gt.txt.

    Folders of a sequence without it go to `failed`.

    Raises:
        BadInput: there is none.
    """
    texts = bounded_files.find(path, "gt.txt".__eq__, failed) if path.is_dir() else []
    truths = [text for text in texts if text.parent.name == "gt"]
    if not truths and not failed:
        raise BadInput(f"{path}: no MOTChallenge dataset: no folder in it holds gt/gt.txt")
    folders = [truth.parent.parent for truth in truths]
    for info in bounded_files.find(path, "seqinfo.ini".__eq__, {}):
        folder = info.parent
        if folder not in folders and not os.path.lexists(folder / "gt/gt.txt"):
            failed[str(folder)] = f"{folder}: a sequence without gt/gt.txt is left out"
    answers = (dialogue or Dialogue()).answers
    dataset = MotDataset(root=path, classes=classes, answers=answers)
    sources = []
    for folder in folders:
        parents = folder.parent.relative_to(path).parts if folder != path else ()
        split = base.split_of_names(path.name, *parents)
        sources.append(SequenceSource(folder.name, split, partial(load, dataset, folder)))
    return sources


def load(dataset: MotDataset, folder: Path, origin: str) -> ImportedSequence:
    """Read one sequence of a dataset.

    Raises:
        BadInput: images and seqinfo.ini do not fit, a line of gt.txt is broken, a file lies outside
            the dataset, or something can be read in two ways.
    """
    for name in ("seqinfo.ini", "gt/gt.txt"):
        bounded_files.inside(dataset.root, folder / name)
    info = mot_text.read_sequence_section(folder / "seqinfo.ini")
    numbers = mot_text.sequence_numbers(info)
    images = tuple(ordered_images(dataset, folder / info.get("imdir", "img1")))
    length = int(numbers.get("seqLength", len(images)))
    if not images or length != len(images):
        raise BadInput(f"{folder}: {len(images)} pictures of {length} frames are there")
    named_size = None
    if "imWidth" in numbers and "imHeight" in numbers:
        named_size = int(numbers["imWidth"]), int(numbers["imHeight"])
    headers = [pictures.header(image) for image in images]
    stored = [
        header if pictures.label_frame(image, header, named_size, dataset.answers) else None
        for image, header in zip(images, headers, strict=True)
    ]
    table = mot_table.read(folder / "gt" / "gt.txt")
    class_list = class_names(dataset, folder, info, table)
    indices = frame_indices(images, table, dataset.answers)
    rows, ignored = box_rows(table, class_list, indices, stored)
    track_zero = info.get(mot_text.TRACK_ZERO.lower())
    rows.track_ids = [0 if str(number) == track_zero else number for number in rows.track_ids]
    width, height = headers[0].size
    tracks, notes = base.build_tracks(rows, width, height, origin)
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=images,
        fps=numbers.get("frameRate"),
        fps_from="seqinfo.ini",
        class_numbers={str(number): name for number, name in class_list.names.items()},
        names_from=class_list.origin,
        notes=notes
        + Counter({"boxes with conf 0 left out": ignored})
        + pictures.turned_note(headers),
    )


def ordered_images(dataset: MotDataset, folder: Path) -> list[Path]:
    """List the pictures of a sequence in the order of time.

    Raises:
        BadLabels: no number ends their names, and the order is another by letters.
    """
    images = disk.list_images(folder, dataset.root)
    by_letters = sorted(images, key=lambda path: path.name)
    if by_letters == images or all(re.search(r"\d$", image.stem) for image in images):
        return images
    answer = dataset.answers.answers.get(assumptions.ORDER)
    if answer is None:
        raise assumptions.question(
            assumptions.ORDER,
            f"{folder}: {by_letters[1].name} may stand before or after {images[1].name}",
        )
    return by_letters if answer == "letters" else images


def class_names(
    dataset: MotDataset, folder: Path, info: dict[str, str], table: MotTable
) -> ClassList:
    """Return the names of the classes of a sequence.

    Raises:
        BadLabels: nobody names them, or two files do it differently.
    """
    is_visdrone = table.holds_visdrone_classes(dataset.answers)
    lists = []
    if (labels := folder / "gt" / "labels.txt").is_file():
        lists.append(class_lists.read_lines(labels, 1, dataset.root))
    if names := info.get("classes", "").strip():
        parts = [name.strip() for name in names.split(",")]
        lists.append(ClassList(dict(enumerate(parts, 1)), "classes= of seqinfo.ini"))
    if is_visdrone and not lists:
        lists = [ClassList(mot_table.VISDRONE_CLASSES, "VisDrone's own list")]
    first = 0 if is_visdrone else 1
    class_list = class_lists.choose(lists, folder, dataset.classes, first, dataset.answers)
    numbers = table.class_numbers()
    if not numbers:
        return class_list or ClassList({}, "")
    if class_list is None:
        class_list = pedestrian_class(dataset.classes) if numbers <= {None, 1} else None
    elif None in numbers and len(class_list.names) == 1:
        class_list = ClassList({1: next(iter(class_list.names.values()))}, class_list.origin)
    elif None in numbers and assumptions.NAMES not in dataset.answers.answers:
        class_list = None
    if class_list is None:
        shown = ", ".join(sorted(str(number or "none") for number in numbers))
        raise assumptions.question(
            assumptions.NAMES,
            f"{table.file} has classes by number ({shown}), and neither gt/labels.txt nor classes= "
            "in seqinfo.ini tells what they are",
        )
    return class_list


def pedestrian_class(classes: Sequence[str]) -> ClassList | None:
    """Return what MOTChallenge means by class 1, in words of the setting; None if it has none."""
    persons = [name for name in classes if name in _PERSONS]
    name = classes[0] if len(classes) == 1 else next(iter(persons), None)
    return ClassList({1: name}, "MOTChallenge, where 1 is a person") if name else None


def frame_indices(images: Sequence[Path], table: MotTable, answers: Assumptions) -> dict[int, int]:
    """Return which picture each frame number of gt.txt is.

    Raises:
        BadLabels: a frame has no picture, or pictures are not numbered from 1 and both the picture
            of that name and that of that place could be meant.
    """
    positions = {position: k for k, position in enumerate(range(1, len(images) + 1))}
    matches = [re.search(r"(\d+)$", image.stem) for image in images]
    names = {int(match[1]): k for k, match in enumerate(matches) if match}
    answer = answers.answers.get(assumptions.FRAMES)
    if names.keys() == positions.keys():
        answer = "names"
    elif not names:
        answer = "positions"
    elif len(names) != len(images):
        raise BadLabels(
            f"{table.file}: {len(images)} pictures have {len(names)} numbers: give each its own"
        )
    frames = table.frames()
    if answer is None:
        fits_names, fits_positions = frames <= names.keys(), frames <= positions.keys()
        first = min(names)
        if fits_names and not (fits_positions and first == 0):
            answer = "names"
        elif fits_positions and first == 0 and not fits_names:
            answer = "positions"
        elif fits_names or fits_positions:
            raise assumptions.question(
                assumptions.FRAMES,
                f"{table.file}: pictures are numbered from {first}, frames from {min(frames)}",
            )
    indices = positions if answer == "positions" else names
    if strangers := sorted(frames - indices.keys()):
        last = max(indices)
        text = f"is beyond the last frame, {last}" if strangers[0] > last else "has no picture"
        raise BadLabels(
            f"{table.file} line {table.line_of_frame(strangers[0])}: frame {strangers[0]} {text}"
        )
    return indices


def box_rows(
    table: MotTable,
    class_list: ClassList,
    indices: dict[int, int],
    stored: Sequence[PictureHeader | None],
) -> tuple[BoxRows, int]:
    """Return the boxes of a table, and how many were ignored because their conf is 0.

    Args:
        stored: headers of pictures whose boxes count in stored pixels, by index.
    """
    rows, ignored = BoxRows(), 0
    for line, row in zip(table.lines, table.rows, strict=True):
        if row.conf == 0:
            ignored += 1
            continue
        index = indices[row.frame]
        header = stored[index]
        rows.add(
            frame=index,
            track_id=row.track,
            cls=class_list.name_of(1 if row.cls is None else row.cls, f"{table.file} line {line}"),
            box=header.show_box(row.box) if header else row.box,
            score=row.conf,
        )
    return rows, ignored
