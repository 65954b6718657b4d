"""Tasks of a CVAT file, and from CVAT's frame numbers to pictures."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadLabels
from oneclick.formats import disk
from oneclick.storage import bounded_documents, bounded_files

MAX_BYTES = 4096 * bounded_files.MEBIBYTE
MAX_TASKS = 10_000
_NUMBERS = ("size", "start_frame", "stop_frame")


@dataclass(kw_only=True)
class CvatTask:
    """A task, or the job of one, as the head of a file describes it."""

    id: str = ""
    name: str = ""
    source: str = ""
    """Name of the video that was uploaded."""
    size: int | None = None
    """Frames."""
    start_frame: int = 0
    """Number of its first frame in what was uploaded."""
    step: int = 1
    """From one frame to the next, in what was uploaded."""
    picture_size: tuple[int, int] | None = None
    """(width, height) in px, where the file says it."""


def read_tasks(file: Path) -> list[CvatTask]:
    """Return the tasks in the head of a file, before its tracks; more than one for a project.

    Raises:
        BadInput: the file cannot be read.
    """
    tasks: list[CvatTask] = []
    tags: list[str] = []
    sides: dict[str, int] = {}
    elements = []
    for event, element in bounded_documents.xml_events(file, MAX_BYTES):
        if event == "start":
            if element.tag in ("track", "image"):
                break
            if element.tag in ("task", "job") and tags[:2] == ["annotations", "meta"]:
                tasks.append(CvatTask())
                if len(tasks) > MAX_TASKS:
                    raise BadLabels(f"{file}: more than {MAX_TASKS:,} tasks: export them singly")
            tags.append(element.tag)
            elements.append(element)
            continue
        elements.pop()
        tags.pop()
        parent, text = tags[-1] if tags else "", (element.text or "").strip()
        if tasks and parent in ("task", "job", "meta"):
            read_entry(tasks[-1], element.tag, text, file)
        elif tasks and parent == "original_size" and text.isdecimal():
            sides[element.tag] = int(text)
            if len(sides) == 2:
                tasks[-1].picture_size = sides.get("width", 0), sides.get("height", 0)
                sides = {}
        if elements:
            elements[-1].remove(element)
    return tasks


def read_entry(task: CvatTask, tag: str, text: str, file: Path) -> None:
    """Set what an element of the head says of a task. Raises BadLabels for a broken number."""
    if tag in ("id", "name", "source"):
        setattr(task, tag, text)
    if tag in _NUMBERS and text:
        if not text.isdecimal():
            raise BadLabels(f"{file}: {tag} is {text[:20]!r}, no number of frames")
        setattr(task, tag, int(text))
    if tag == "frame_filter" and text:
        step = re.fullmatch(r"step\s*=\s*(\d+)", text)
        if not step or not int(step[1]):
            raise BadLabels(f"{file}: the frame filter {text[:40]!r} is not step=N")
        task.step = int(step[1])


@dataclass(frozen=True, kw_only=True)
class CvatFrameIndex:
    """From CVAT's frame numbers to frames of a task, and to pictures."""

    length: int
    """Frames of the task."""
    positions: Mapping[int, int] | None = None
    """Frame of the task by frame number, where names of pictures tell."""
    start: int = 0
    step: int = 1
    pictures: Mapping[int, int] | None = None
    """Picture by frame of the task, where some are missing."""

    def position_of(self, frame: int, place: str, is_outside: bool) -> int:
        """Return the frame in the task; an end beyond the last one is the end of the task.

        Raises:
            BadLabels: naming the `place`, if there is no such frame.
        """
        if self.positions is not None:
            position = self.positions.get(frame, -1)
            is_beyond = frame > max(self.positions)
        else:
            position, rest = divmod(frame - self.start, self.step)
            is_beyond = position >= self.length
            position = -1 if rest or is_beyond else position
        if is_outside and is_beyond:
            return self.length
        if position < 0:
            raise BadLabels(f"{place}: there is no such frame; pictures and labels do not fit")
        return position

    def picture_of(self, position: int) -> int | None:
        """Return the picture of a frame of the task, or None where it is missing."""
        return position if self.pictures is None else self.pictures.get(position)


def index_of_images(
    file: Path, images: Sequence[Path], task: CvatTask, answers: Assumptions
) -> tuple[list[Path], CvatFrameIndex]:
    """Return images in the order of the task, and which frame each is.

    Names as CVAT gives them, frame_000120.png, hold the number. Other images stand in the order in
    which CVAT got them, which the file does not say.

    Raises:
        BadLabels: their order could be that of letters or of numbers, or some are missing.
    """
    matches = [re.fullmatch(r"frame_(\d{6,})", path.stem) for path in images]
    numbers = [int(match[1]) for match in matches if match]
    has_numbers = len(set(numbers)) == len(images)
    gaps = {number - before for before, number in itertools.pairwise(numbers)}
    frames = [(number - task.start_frame) // task.step for number in numbers]
    size = task.size
    if size is None:
        size = frames[-1] + 1 if has_numbers and len(gaps) > 1 else len(images)
    if size != len(images):
        text = f"{file}: {len(images)} pictures of {size} frames are there"
        if not has_numbers or not answers.is_answer(assumptions.UNMATCHED, "drop"):
            raise assumptions.question(assumptions.UNMATCHED, text)
        rests = {(number - task.start_frame) % task.step for number in numbers}
        if rests != {0} or min(frames) < 0 or max(frames) >= size:
            raise BadLabels(f"{text}, and their numbers are not those of the task")
        return list(images), CvatFrameIndex(
            length=size,
            start=task.start_frame,
            step=task.step,
            pictures={frame: k for k, frame in enumerate(frames)},
        )
    if has_numbers:
        positions = {number: k for k, number in enumerate(numbers)}
        return list(images), CvatFrameIndex(length=len(images), positions=positions)
    by_numbers = sorted(images, key=lambda path: disk.natural_key(path.name))
    by_letters = sorted(images, key=lambda path: path.name)
    answer = answers.answers.get(assumptions.ORDER)
    if answer is None and by_numbers != by_letters:
        raise assumptions.question(
            assumptions.ORDER,
            f"{file} counts pictures and does not name them, and {by_letters[1].name} may stand "
            f"before or after {by_numbers[1].name}",
        )
    ordered = by_letters if answer == "letters" else by_numbers
    return ordered, CvatFrameIndex(length=len(images), start=task.start_frame, step=task.step)


def index_of_film(file: Path, film: Path, frames: int, task: CvatTask) -> CvatFrameIndex:
    """Return which frame of a video each frame of its task is.

    Raises:
        BadLabels: the labels are not of all its frames.
    """
    if task.size not in (None, frames):
        raise BadLabels(
            f"{file} labels {task.size} of the {frames} frames of {film.name} (from "
            f"{task.start_frame}, each {task.step}.): export it from CVAT with its pictures"
        )
    is_part = task.size is not None
    return CvatFrameIndex(
        length=frames,
        start=task.start_frame if is_part else 0,
        step=task.step if is_part else 1,
    )
