"""Label Studio's JSON to sequences of labelled frames: tasks of videos, and tasks of pictures.

Between two key frames of a region, of which the first is enabled, Label Studio interpolates
linearly, and so do we; after the last one it holds the box to the end of the video. A key frame
that is not enabled is shown, and nothing after it until the next. Pictures of one folder become
clips of pictures of the same size, at most base.MAX_LOOSE_IMAGES each, in the order of their names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from oneclick.core.errors import BadInput, BadLabels, OneclickError
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import base, disk, json_lists, labelstudio_regions, media, pictures
from oneclick.formats.base import BoxRows, ImportedSequence, SequenceSource
from oneclick.formats.labelstudio_regions import LsLabels, LsTask
from oneclick.storage import bounded_files
from oneclick.video.recordings import SUFFIXES

MAX_BYTES = 1024 * bounded_files.MEBIBYTE
_UPLOAD = re.compile(r"[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List the tasks of a JSON file, or of all JSON files in a folder.

    Raises:
        BadInput: there is none, or `path` is a file of another format.
    """
    if not path.is_dir():
        return list(list_sequences(path.parent, path, failed))
    paths = bounded_files.find(path, lambda name: name.endswith(".json"), failed)
    if not paths and not failed:
        raise BadInput(f"{path}: no export of Label Studio: there is no .json file in it")
    sources: list[SequenceSource] = []
    for file in paths:
        try:
            sources += list_sequences(path, file, failed)
        except OneclickError as error:
            failed[str(file)] = str(error)
    return sources


def list_sequences(root: Path, file: Path, failed: dict[str, str]) -> Iterator[SequenceSource]:
    """Yield the videos of a file, then its pictures by folder, in runs of the same size.

    A task that cannot be used goes to `failed`.
    """
    index = index_files(root)
    split = base.split_of_names(root.absolute().name, *file.relative_to(root).parts[:-1])
    folders: dict[Path, list[tuple[Path, LsLabels]]] = {}
    for name, task in read_tasks(file, failed):
        try:
            labels = choose_annotation(task, f"{file}: {name}")
            media_path = find_file(file, task, index, labels.place)
        except BadInput as error:
            failed[name] = str(error)
            continue
        if media_path.suffix.lower() in SUFFIXES:
            loader = partial(load_video, root, media_path, labels)
            yield SequenceSource(f"{name}, {media_path.name}", split, loader)
        else:
            folders.setdefault(media_path.parent, []).append((media_path, labels))
    for folder, members in folders.items():
        members.sort(key=lambda member: disk.natural_key(member[0].name))
        duplicates = Counter(image for image, _ in members) - Counter({i for i, _ in members})
        if duplicates:
            image = next(iter(duplicates))
            failed[str(folder)] = f"{file}: two tasks are about {image}: keep one of them"
            continue
        sizes: dict[Path, tuple[int, int]] = {}
        for image, labels in members:
            try:
                sizes[image] = pictures.size(image)
                for region in labels.regions:
                    labels.check_size(region, sizes[image], image.name)
            except BadInput as error:
                failed[image.name] = str(error)
                sizes.pop(image, None)
        readable = [member for member in members if member[0] in sizes]
        runs = disk.equal_size_runs([sizes[i] for i, _ in readable], base.MAX_LOOSE_IMAGES)
        for start, stop in runs:
            part = readable[start:stop]
            loader = partial(load_images, part, sizes[part[0][0]])
            yield SequenceSource(str(part[0][0].relative_to(root)), split, loader)


def read_tasks(file: Path, failed: dict[str, str]) -> list[tuple[str, LsTask]]:
    """Return the tasks of a file with their names; those that cannot be read go to `failed`.

    Raises:
        BadLabels: it is no export of Label Studio.
    """
    form = "no export of Label Studio, a list of tasks"
    tasks: msgspec.Raw = json_lists.read_document(file, MAX_BYTES, msgspec.Raw, form)
    if not bytes(memoryview(tasks)[:1]) == b"[":
        raise BadLabels(f"{file}: {form}")
    elements, broken = json_lists.decode_elements(file, tasks, LsTask, "task")
    remedy = "export the project as JSON, not as JSON-MIN or CSV"
    failed |= {name: f"{problem}; {remedy}" for name, problem in broken.items()}
    return [(f"task {task.id}", task) for task in elements]


def choose_annotation(task: LsTask, place: str) -> LsLabels:
    """Return the annotation of a task, or the only prediction where nobody has annotated it.

    Raises:
        BadLabels: nobody has said anything about it, or several have and none is the truth.
    """
    drawn = [annotation for annotation in task.annotations if not annotation.was_cancelled]
    truths = [annotation for annotation in drawn if annotation.ground_truth]
    candidates = truths or drawn or task.predictions
    if not candidates:
        raise BadLabels(f"{place} is not annotated: annotate it, or leave it out of the export")
    if len(candidates) > 1:
        kind = "annotations" if drawn else "predictions"
        raise BadLabels(
            f"{place} has {len(candidates)} {kind}: mark one as ground truth, or delete the others"
        )
    return LsLabels(task=task, place=place, regions=candidates[0].result, is_prediction=not drawn)


def index_files(root: Path) -> dict[str, list[Path]]:
    """Return the pictures, videos and folders of pictures below a folder, by their names."""
    index: dict[str, list[Path]] = {}
    for path in bounded_files.find(root, is_media_name, {}):
        index.setdefault(path.name, []).append(path)
    return index


def is_media_name(name: str) -> bool:
    """Check whether a file name is that of a picture or a video."""
    return disk.is_image_name(name) or Path(name).suffix.lower() in SUFFIXES


def find_file(file: Path, task: LsTask, index: Mapping[str, list[Path]], place: str) -> Path:
    """Return the picture or video of a task, by the name that its address ends with.

    A video that is not there is where it would be beside the JSON file.

    Raises:
        BadInput: no address is that of a picture or a video, or the file is missing or not unique.
    """
    addresses = [address_path(value) for value in task.data.values() if isinstance(value, str)]
    names = [address.name for address in addresses if is_media_name(address.name)]
    if len({*names}) != 1:
        raise BadInput(f"{place} has {len(names)} pictures or videos in its data, not one")
    paths = index.get(names[0]) or index.get(_UPLOAD.sub("", names[0], count=1)) or []
    if len(paths) > 1:
        address = next(a for a in addresses if a.name == names[0])
        paths = [path for path in paths if path.parts[-2:] == address.parts[-2:]] or paths
    if len(paths) == 1:
        return paths[0]
    if not paths and Path(names[0]).suffix.lower() in SUFFIXES:
        return file.parent / names[0]
    problem = "several files are" if paths else "no file is"
    raise BadInput(f"{place}: {problem} called {names[0][:200]}: put it beside the export")


def address_path(address: str) -> PurePosixPath:
    """Return the file path in the address that Label Studio has for a picture.

    It is that of an upload, of a local file (`?d=…`), of a bucket or of the web.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return PurePosixPath()
    local = parse_qs(parts.query).get("d")
    return PurePosixPath(local[0] if local else unquote(parts.path))


def load_images(
    members: Sequence[tuple[Path, LsLabels]], size: tuple[int, int], origin: str
) -> ImportedSequence:
    """Read the labels of pictures of one size. Raises BadLabels, naming the task."""
    rows, notes = BoxRows(), Counter[str]()
    for frame, (_, labels) in enumerate(members):
        notes["pictures with predictions that nobody has annotated"] += labels.is_prediction
        for region, name in labels.boxes("rectangle", notes):
            point = labelstudio_regions.decode_point(region.value, labels.place)
            rows.add(
                frame=frame,
                track_id=base.NO_TRACK,
                cls=name,
                box=point.pixel_box(size, notes),
                origin=labels.origin(origin),
            )
    sequence = base.build_sequence(rows, [image for image, _ in members], size, origin)
    return replace(sequence, notes=sequence.notes + +notes)


def load_video(root: Path, film: Path, labels: LsLabels, origin: str) -> ImportedSequence:
    """Read the labels of a video.

    Raises:
        BadInput: there is no such video, or it has another number of frames or size.
    """
    frames, notes = media.open_media(root, film), Counter[str]()
    size = frames.width, frames.height
    notes["videos with predictions that nobody has annotated"] += labels.is_prediction
    rows = BoxRows()
    boxes = list(labels.boxes("videorectangle", notes))
    track_ids = labelstudio_regions.number_tracks([region.id for region, _ in boxes])
    for track_id, (region, name) in zip(track_ids, boxes, strict=True):
        labels.check_size(region, size, film.name)
        for point in region.points(frames.frames, frames.fps, labels.place):
            rows.add(
                frame=point.frame - 1,
                track_id=track_id,
                cls=name,
                box=point.pixel_box(size, notes),
                origin=INTERPOLATED if point.auto else labels.origin(origin),
                keyframe=not point.auto,
            )
    tracks, changes = base.build_tracks(rows, *size, origin)
    fps = labels.task.data.get("fps")
    return ImportedSequence(
        width=frames.width,
        height=frames.height,
        tracks=tracks,
        images=frames.images,
        video=frames.video,
        fps=frames.fps or (float(fps) if isinstance(fps, int | float) else None),
        notes=changes + +notes,
    )
