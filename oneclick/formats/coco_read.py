"""COCO detection JSON of any tool to sequences of labelled images.

Images of one `video_id` are one sequence, in the order of `frame_id`. Others are grouped by folder,
in the order of their names, into clips of images of the same size, at most base.MAX_LOOSE_IMAGES
each. Track ids are read where tools store them: `track_id`, `instance_id`, or among the attributes
(CVAT).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput, BadLabels, OneclickError
from oneclick.formats import base, coco_document, disk, pictures
from oneclick.formats.base import Dialogue, ImportedSequence, SequenceSource
from oneclick.formats.coco_document import CocoDocument
from oneclick.formats.coco_file import CocoImage, Id
from oneclick.storage import bounded_files

QUESTIONS = frozenset(
    {assumptions.EXIF, assumptions.SIZE, assumptions.REPEATED, assumptions.UNMATCHED}
)
_ANNOTATION_FOLDERS = ("annotations", "Annotations", "annotation", "labels", "anns", "json")
"""Folders beside those of the pictures."""


def find(
    path: Path,
    classes: Sequence[str],
    failed: dict[str, str],
    dialogue: Dialogue | None = None,
) -> list[SequenceSource]:
    """List the sequences of a COCO file, or of all files in a folder.

    Of a folder, files called `annotations.json` are read, or all JSON files where there is none.

    Raises:
        BadInput: there is no JSON file, or `path` is a file that is not COCO.
    """
    dialogue = dialogue or Dialogue()
    if not path.is_dir():
        root = dataset_folder(path.parent)
        document = coco_document.read(path, root, failed, dialogue)
        sources = list(list_sequences(document, path.parent, failed, dialogue))
        note_strangers(document.image_folder or root, [document], dialogue)
        return sources
    all_paths = bounded_files.find(path, is_json, failed)
    paths = [file for file in all_paths if file.name == "annotations.json"] or all_paths
    if not paths and not failed:
        raise BadInput(f"{path}: no COCO dataset: there is no .json file in it")
    sources = []
    documents: list[CocoDocument] = []
    for file in paths:
        try:
            document = coco_document.read(file, dataset_folder(path), failed, dialogue)
            check_new(document, documents)
            sources += list_sequences(document, path, failed, dialogue)
            documents.append(document)
        except OneclickError as error:
            failed[str(file)] = str(error)
    note_strangers(path, documents, dialogue)
    return sources


def check_new(document: CocoDocument, others: Sequence[CocoDocument]) -> None:
    """Raise BadLabels if another document names pictures of this one too."""
    for other in others:
        names = document.file_names & other.file_names
        if names and document.image_folder == other.image_folder:
            raise BadLabels(
                f"{document.path}: {len(names):,} of its pictures stand in {other.path} too, the "
                f"first {min(names)[:80]}: name the file to import"
            )


def note_strangers(root: Path, documents: Sequence[CocoDocument], dialogue: Dialogue) -> None:
    """Note how many pictures beside the documents none of them names."""
    names = {
        os.path.normpath(document.image_folder.absolute() / name)
        for document in documents
        if document.image_folder is not None
        for name in document.file_names
    }
    pictures_there = bounded_files.find(root, disk.is_image_name, {})
    count = sum(os.path.normpath(path.absolute()) not in names for path in pictures_there)
    if names and count:
        dialogue.notes["pictures that no annotations name left out"] += count


def is_json(name: str) -> bool:
    """Check whether a file name is that of a JSON file."""
    return name.endswith(".json") and not name.startswith(".")


def dataset_folder(folder: Path) -> Path:
    """Return the folder of a dataset whose annotations lie in `folder`.

    It is the folder itself, or the one above where `folder` is called annotations: pictures are
    read nowhere else.
    """
    return folder.absolute().parent if folder.absolute().name in _ANNOTATION_FOLDERS else folder


def list_sequences(
    document: CocoDocument, root: Path, failed: dict[str, str], dialogue: Dialogue
) -> Iterator[SequenceSource]:
    """Yield the videos of a document, and its loose images by folder, in runs of the same size.

    A loose image that cannot be read goes to `failed`; those beside it stay.

    The split follows from the folders below `root`, the name of the file or the folder of the
    first image.
    """
    groups: dict[tuple[bool, Id], list[CocoImage]] = {}
    for image in document.images:
        folder = str(PurePosixPath(image.file_name).parent)
        key = (True, folder) if image.video_id is None else (False, image.video_id)
        groups.setdefault(key, []).append(image)
    path = document.path
    names = (root.name, *path.relative_to(root).parts[:-1], *path.stem.split("_"))
    for (is_loose, _), members in groups.items():
        images = sorted(members, key=CocoImage.sort_key)
        if not is_loose:
            break_repeated_frames(document, images)
        sizes: list[tuple[int, int]] = [image.size or (0, 0) for image in images]
        if is_loose and document.image_folder is not None:
            readable = [(i, readable_size(document, i, failed, dialogue)) for i in images]
            images = [image for image, size in readable if size]
            sizes = [size for _, size in readable if size]
        runs = list(disk.equal_size_runs(sizes, base.MAX_LOOSE_IMAGES if is_loose else None))
        for start, stop in runs:
            first = images[start]
            video = document.videos.get(first.video_id)
            is_whole_video = len(runs) == 1 and not is_loose
            yield SequenceSource(
                video.name if video and video.name else first.file_name,
                base.split_of_names(*names, *PurePosixPath(first.file_name).parts[:-1]),
                partial(load, document, images[start:stop], is_whole_video, dialogue.answers),
            )


def break_repeated_frames(document: CocoDocument, images: Sequence[CocoImage]) -> None:
    """Break the images of a video of which two have one frame number: their order is not told."""
    for before, image in itertools.pairwise(images):
        number = image.sort_key()[0]
        if image.has_number and before.has_number and before.sort_key()[0] == number:
            document.broken.setdefault(
                image.id,
                f"{document.path}: {before.file_name[:80]} and {image.file_name[:80]} are both "
                f"frame {number} of one video: number them in their order",
            )


def readable_size(
    document: CocoDocument, image: CocoImage, failed: dict[str, str], dialogue: Dialogue
) -> tuple[int, int] | None:
    """Return the size of a loose image as shown; add one that is broken to `failed`."""
    try:
        if image.id in document.broken:
            raise BadLabels(document.broken[image.id])
        path = document.image_path(image.file_name)
        header = pictures.header(path)
        pictures.label_frame(path, header, image.size, dialogue.answers)
    except BadInput as error:
        failed[image.file_name] = str(error)
        return None
    return header.size


def load(
    document: CocoDocument,
    images: Sequence[CocoImage],
    is_whole_video: bool,
    answers: Assumptions,
    origin: str,
) -> ImportedSequence:
    """Read the labels of images that are one sequence, and locate the images.

    Key frames and attributes of tracks come from `videos` where all frames of a video are there.

    Raises:
        BadLabels: an annotation of one of the images is broken.
        BadInput: an image is missing.
    """
    for image in images:
        if image.id in document.broken:
            raise BadLabels(document.broken[image.id])
    paths = tuple(document.image_path(image.file_name) for image in images)
    headers = [pictures.header(path) for path in paths]
    stored = [
        header if pictures.label_frame(path, header, image.size, answers) else None
        for path, header, image in zip(paths, headers, images, strict=True)
    ]
    width, height = headers[0].size
    rows, changes = document.box_rows(images, stored)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    video = document.videos.get(images[0].video_id)
    is_complete = is_whole_video and [image.frame_id for image in images] == [*range(len(images))]
    if video and is_complete:
        video_tracks = {track.id: track for track in video.tracks or ()}
        tracks = tuple(
            video_tracks[track.id].restore(track) if track.id in video_tracks else track
            for track in tracks
        )
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=paths,
        fps=video.fps if video else None,
        fps_from="videos in the file",
        class_numbers={str(number): name for number, name in document.class_names.items()},
        names_from=f"categories of {document.path.name}",
        notes=notes + changes + pictures.turned_note(headers),
    )
