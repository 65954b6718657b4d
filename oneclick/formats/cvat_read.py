"""CVAT for video 1.1 to sequences of labelled frames: a sequence for each task.

Boxes that CVAT interpolated or held have the origin `i`, unless the file names their origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from oneclick import video
from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput
from oneclick.formats import base, cvat_frames, cvat_tracks, disk, pictures
from oneclick.formats.base import Dialogue, ImportedSequence, SequenceSource
from oneclick.formats.cvat_frames import CvatTask
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_files
from oneclick.video.recordings import SUFFIXES

QUESTIONS = frozenset(
    {assumptions.ORDER, assumptions.EXIF, assumptions.SIZE, assumptions.UNMATCHED}
)


@dataclass(frozen=True, kw_only=True)
class CvatSource:
    """One task of a file, with its frames."""

    root: Path
    """Folder of the dataset."""
    file: Path
    task: CvatTask
    is_project: bool
    """Whether the file holds other tasks too."""
    answers: Assumptions

    def find_video(self) -> Path | None:
        """Return the video beside the file.

        It is the one that was uploaded or has the name of the file, or the only one where that is
        called annotations.xml.
        """
        videos = sorted(p for p in self.file.parent.iterdir() if p.suffix.lower() in SUFFIXES)
        upload = PurePosixPath(self.task.source).name
        namesakes = [path for path in videos if path.name == upload]
        if not self.is_project:
            namesakes += [path for path in videos if path.stem == self.file.stem]
            is_only = self.file.stem == "annotations" and len(videos) == 1
            namesakes += videos if is_only else []
        film = next(iter(namesakes), None)
        if film is not None:
            bounded_files.inside(self.root, film)
        return film

    def list_images(self) -> list[Path]:
        """List the pictures beside the file: in a folder of its name, or in images/.

        Those of one task among others lie in a folder of the task's name there.
        """
        folders = [self.file.with_suffix(""), self.file.parent / "images"]
        if self.is_project:
            name = PurePosixPath(self.task.name).name or "."
            folders = [folder / name for folder in (*folders, self.file.parent)]
        listings = (disk.list_images(folder, self.root) for folder in folders)
        return next((listing for listing in listings if listing), [])


def find(
    path: Path,
    classes: Sequence[str],
    failed: dict[str, str],
    dialogue: Dialogue | None = None,
) -> list[SequenceSource]:
    """List the tasks of an XML file, or of all at or below a folder.

    Raises:
        BadInput: there is no XML file, or `path` is one that is broken.
    """
    root = path if path.is_dir() else path.parent
    paths = bounded_files.find(path, is_xml, failed) if path.is_dir() else [path]
    if not paths and not failed:
        raise BadInput(f"{path}: no CVAT dataset: there is no .xml file in it")
    answers = (dialogue or Dialogue()).answers
    sources = []
    for file in paths:
        split = base.split_of_names(root.name, *file.parent.relative_to(root).parts)
        name = str(file.relative_to(root))
        try:
            tasks = cvat_frames.read_tasks(file) or [CvatTask()]
        except BadInput as error:
            if file == path:
                raise
            failed[name] = str(error)
            continue
        parts = [
            CvatSource(root=root, file=file, task=task, is_project=len(tasks) > 1, answers=answers)
            for task in tasks
        ]
        if len(parts) > 1 and not any(part.find_video() or part.list_images() for part in parts):
            names = ", ".join(task.name or task.id for task in tasks[:10])
            failed[name] = (
                f"{file} holds {len(tasks)} tasks ({names[:200]}), and what their pictures are "
                "cannot be told: put those of each into images/TASK, or its video beside the file, "
                "or export each task by itself"
            )
            continue
        for part in parts:
            title = f"{name} {part.task.name or part.task.id}" if part.is_project else name
            sources.append(SequenceSource(title, split, partial(load, part)))
    return sources


def is_xml(name: str) -> bool:
    """Check whether a file name is that of an XML file."""
    return name.endswith(".xml") and not name.startswith(".")


def load(source: CvatSource, origin: str) -> ImportedSequence:
    """Read one task.

    Raises:
        BadInput: neither a video nor images lie beside the file, they lie outside the dataset, it
            is not CVAT for video 1.1, or something can be read in two ways.
    """
    file, task = source.file, source.task
    film = source.find_video()
    images = [] if film else source.list_images()
    stored: list[PictureHeader | None] = []
    headers: list[PictureHeader] = []
    if film:
        info = video.probe(film)
        width, height, fps = info.width, info.height, info.fps
        index = cvat_frames.index_of_film(file, film, info.frames, task)
        pictures.check_size(film, (width, height), task.picture_size, source.answers)
    elif images:
        images, index = cvat_frames.index_of_images(file, images, task, source.answers)
        headers = [pictures.header(image) for image in images]
        stored = [
            header
            if pictures.label_frame(image, header, task.picture_size, source.answers, "shown")
            else None
            for image, header in zip(images, headers, strict=True)
        ]
        (width, height), fps = headers[0].size, None
    else:
        where = f"images/{task.name}" if source.is_project else "images"
        raise BadInput(
            f"{file}: no video {task.source or file.stem + '.mp4'} and no folder {where}/ lies "
            "beside it"
        )
    task_id = task.id if source.is_project else ""
    rows, changes = cvat_tracks.read_boxes(file, index, task_id, stored)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=tuple(images),
        video=film,
        fps=fps,
        fps_from=film.name if film else "",
        names_from=f"labels of {file.name}",
        notes=notes + changes + pictures.turned_note(headers),
    )
