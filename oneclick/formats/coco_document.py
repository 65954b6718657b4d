"""A COCO file with its annotations matched to its images, and what does not match."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from oneclick.core import assumptions
from oneclick.core.errors import BadInput, BadLabels
from oneclick.formats import coco_file, turned
from oneclick.formats.base import BoxRows, Dialogue
from oneclick.formats.coco_file import CocoAnnotation, CocoCategory, CocoImage, CocoVideo, Id
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_files

V = TypeVar("V")


@dataclass(kw_only=True)
class CocoDocument:
    """One file, with its annotations by image."""

    path: Path
    root: Path
    """Folder of the dataset: no image is read outside of it."""
    images: list[CocoImage]
    file_names: frozenset[str]
    """Of all images, those that are left out too."""
    class_names: dict[Id, str]
    """By category id."""
    videos: dict[Id | None, CocoVideo]
    annotations: dict[Id, list[CocoAnnotation]] = field(default_factory=dict)
    """By image id."""
    broken: dict[Id, str] = field(default_factory=dict)
    """Why an image cannot be read, by its id."""
    converted: int = 0
    """Annotations that name their image as text where it has a number, or the other way."""
    strangers: list[tuple[Any, Any, str]] = field(default_factory=list)
    """Annotations of no image: annotation id, image id, what else is wrong."""
    numbers_by_track: dict[str, int] = field(default_factory=dict)
    """Numbers of the tracks that have text as their id."""

    @cached_property
    def image_folder(self) -> Path | None:
        """Return the folder in which the first image lies, of those where tools put images."""
        home, stem = self.path.parent, self.path.stem.rpartition("_")[2]
        folders = [home, home / "images", home.parent, home.parent / "images"]
        folders += [home.parent / stem, home.parent / "images" / stem]
        root = self.root.resolve()
        for folder in folders:
            try:
                if (folder / self._first_name).is_file() and folder.resolve().is_relative_to(root):
                    return folder
            except (OSError, ValueError, RuntimeError):  # a name that no file can have
                continue
        return None

    @cached_property
    def _first_track_number(self) -> int:
        """Return a number above those of all tracks."""
        annotations = itertools.chain.from_iterable(self.annotations.values())
        ids = (a.find_track_id(a.decode_attributes()) for a in annotations)
        return 1 + max((track_id for track_id in ids if isinstance(track_id, int)), default=0)

    @property
    def _free_track_number(self) -> int:
        return self._first_track_number + len(self.numbers_by_track)

    @property
    def _first_name(self) -> str:
        return self.images[0].file_name if self.images else ""

    def image_path(self, name: str) -> Path:
        """Return the path of an image of the dataset.

        Raises:
            BadInput: no image folder was found, or the name leads out of it.
        """
        if self.image_folder is None:
            raise BadInput(
                f"{self.path}: no picture {self._first_name[:200]} beside it, in images/ or one "
                f"folder above, within {self.root}: name the folder that holds both"
            )
        return bounded_files.inside(self.image_folder, self.image_folder / name)

    def add(self, annotation: CocoAnnotation) -> None:
        """Add an annotation to its image; one that is wrong breaks it."""
        image_id = match(annotation.image_id, self.annotations)
        category_id = match(annotation.category_id, self.class_names)
        self.converted += image_id not in (None, annotation.image_id)
        problem = ""
        if category_id is None:
            problem = f"there is no category {annotation.category_id}"
        elif annotation.bbox[2] < 0 or annotation.bbox[3] < 0:
            problem = "box turned inside out"
        elif annotation.is_crowd() is None:
            problem = f"iscrowd is {annotation.iscrowd!r}, neither 0 nor 1"
        if image_id is None or category_id is None or problem:
            self.reject(annotation.image_id, annotation.id, problem)
            return
        annotation.category_id = category_id
        self.annotations[image_id].append(annotation)

    def reject(self, image_id: Any, annotation_id: Any, problem: str) -> None:
        """Mark the image of a broken annotation as broken; one of no image is a stranger."""
        key = match(image_id, self.annotations)
        if key is None:
            self.strangers.append((annotation_id, image_id, problem))
        else:
            self.broken.setdefault(key, f"{self.path}: annotation {annotation_id}: {problem}")

    def settle_strangers(self, failed: dict[str, str], dialogue: Dialogue) -> None:
        """Report annotations of no image, in one line, and leave out images that lack any.

        Theirs may be those annotations: an image goes in as one without objects only where all
        annotations are matched, or the user says so.
        """
        if not self.strangers:
            return
        if dialogue.answers.is_answer(assumptions.UNMATCHED, "drop"):
            dialogue.notes["annotations of pictures that are not there left out"] += len(
                self.strangers
            )
            return
        annotation_id, image_id, problem = self.strangers[0]
        empty = [image for image in self.images if not self.annotations[image.id]]
        self.images = [image for image in self.images if self.annotations[image.id]]
        text = (
            f"{self.path}: {len(self.strangers):,} annotations are of no picture in it (the first: "
            f"annotation {annotation_id} of image {str(image_id)[:80]}"
            f"{', ' + problem if problem else ''}); {len(empty):,} pictures without annotations, "
            "which may be theirs, are left out"
        )
        failed[f"{self.path} annotations"] = str(assumptions.question(assumptions.UNMATCHED, text))

    def settle_repeats(self, dialogue: Dialogue) -> None:
        """Break images that share an id; merge those that are one picture, or break them too."""
        count = len(self.images)
        self.images = list({(i.id, i.video_id, i.file_name): i for i in self.images}.values())
        if repeats := count - len(self.images):
            dialogue.notes["pictures that stand twice in the file taken once"] += repeats
        by_id: dict[Id, list[CocoImage]] = {}
        by_name: dict[tuple[Id | None, str], list[CocoImage]] = {}
        for image in self.images:
            by_id.setdefault(image.id, []).append(image)
            name = os.path.normpath(image.file_name)
            by_name.setdefault((image.video_id, name), []).append(image)
        for image_id, images in by_id.items():
            if len(images) > 1:
                names = ", ".join(dict.fromkeys(image.file_name[:80] for image in images[:4]))
                self.broken[image_id] = (
                    f"{self.path}: {len(images)} pictures have the id {image_id} ({names}): whose "
                    "annotations are which cannot be told; give each its own"
                )
        for (_, name), images in by_name.items():
            ids = list(dict.fromkeys(image.id for image in images))
            if len(ids) == 1:
                continue
            if dialogue.answers.is_answer(assumptions.REPEATED, "merge"):
                dialogue.notes["pictures with several ids, their boxes taken together"] += 1
                for image_id in ids[1:]:
                    self.annotations[ids[0]] += self.annotations.pop(image_id)
                self.images = [image for image in self.images if image.id not in ids[1:]]
                continue
            text = f"{self.path}: the picture {name[:80]} stands under {len(ids)} ids"
            error = assumptions.question(assumptions.REPEATED, f"{text} ({ids[0]}, {ids[1]} …)")
            for image_id in ids:
                self.broken.setdefault(image_id, str(error))

    def box_rows(
        self, images: Sequence[CocoImage], stored: Sequence[PictureHeader | None]
    ) -> tuple[BoxRows, Counter[str]]:
        """Return the boxes of images, by their index, and what was left out.

        Args:
            stored: headers of the images whose boxes count in stored pixels, by index.
        """
        rows, notes = BoxRows(), Counter[str]()
        for frame, (image, header) in enumerate(zip(images, stored, strict=True)):
            seen: set[tuple[Any, ...]] = set()
            for annotation in self.annotations[image.id]:
                if annotation.is_crowd():
                    notes["crowd regions left out"] += 1
                    continue
                key = annotation.id, annotation.category_id, annotation.bbox
                if annotation.id != coco_file.WITHOUT_ID and key in seen:
                    notes["annotations that stand twice taken once"] += 1
                    continue
                seen.add(key)
                attributes = annotation.decode_attributes()
                box = annotation.upright_corners(attributes)
                notes[turned.NOTE] += box != annotation.corners()
                track_id = annotation.find_track_id(attributes)
                if isinstance(track_id, str):
                    track_id = self.numbers_by_track.setdefault(track_id, self._free_track_number)
                rows.add(
                    frame=frame,
                    track_id=track_id,
                    cls=self.class_names[annotation.category_id],
                    box=header.show_box(box) if header else box,
                    score=1.0 if annotation.score is None else annotation.score,
                    origin=annotation.origin,
                    keyframe=annotation.keyframe or attributes.get("keyframe") is True,
                    attributes=coco_file.text_attributes(attributes),
                )
        return rows, notes


def match(key: Any, table: Mapping[Id, V]) -> Id | None:
    """Return the key of `table` that `key` stands for, as a number or as text; None if none."""
    if not isinstance(key, int | str | float):
        return None
    if key in table:
        return key
    try:
        other: Id = int(key) if isinstance(key, str) else str(key)
    except ValueError:
        return None
    return other if other in table else None


FEWEST_BOXES = 4
"""Boxes within one pixel that are no chance: fewer may be people far away."""


def check_pixels(document: CocoDocument) -> None:
    """Check that boxes are not all within one pixel, as shares of a picture are. Raises BadLabels.

    Boxes without area do not count.
    """
    boxes = [
        annotation.corners()
        for annotations in document.annotations.values()
        for annotation in annotations
        if min(annotation.bbox[2:]) > 0
    ]
    if len(boxes) >= FEWEST_BOXES and max(max(box) for box in boxes) <= 1:
        raise BadLabels(
            f"{document.path}: no box reaches beyond the first pixel: COCO's are in pixels, not in "
            "shares of a picture; multiply them by its size"
        )


def named_by_id(categories: Iterable[CocoCategory], path: Path) -> dict[Id, str]:
    """Return the class names by id. Raises BadLabels if an id has two."""
    names: dict[Id, str] = {}
    for category in categories:
        if names.setdefault(category.id, category.name) != category.name:
            raise BadLabels(
                f"{path}: category {category.id} is {names[category.id]} and {category.name}: give "
                "each class its own id"
            )
    return names


def read(path: Path, root: Path, failed: dict[str, str], dialogue: Dialogue) -> CocoDocument:
    """Parse a COCO file of the dataset in `root`.

    Annotations of images that it does not have go to `failed`.

    Raises:
        BadInput: the file cannot be read, or is not COCO.
    """
    parsed, annotations, broken = coco_file.parse(path)
    document = CocoDocument(
        path=path,
        root=root,
        images=parsed.images,
        file_names=frozenset(image.file_name for image in parsed.images),
        class_names=named_by_id(parsed.categories, path),
        videos={video.id: video for video in parsed.videos},
        annotations={image.id: [] for image in parsed.images},
    )
    for image_id, (annotation_id, problem) in broken.items():
        document.reject(image_id, annotation_id, problem)
    for annotation in annotations:
        document.add(annotation)
    check_pixels(document)
    if document.converted:
        note = "annotations matched to pictures by an id that is text here and a number there"
        dialogue.notes[note] += document.converted
    document.settle_repeats(dialogue)
    document.settle_strangers(failed, dialogue)
    return document
