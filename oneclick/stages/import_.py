"""Import: datasets of other tools become clips with labels."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import formats, video
from oneclick.catalog import Catalog
from oneclick.core import ids, progress
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.errors import BadInput, OneclickError, Unavailable, UsageError, reason
from oneclick.core.labels import IGNORE, Kind, LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.review import POLICY, Verdict
from oneclick.core.spans import Span
from oneclick.core.tracks import DETECTED, HUMAN
from oneclick.formats import Incoming, Source, disk
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import cards, files, labels
from oneclick.storage.workspace import Workspace
from oneclick.video.index import DEFAULT_FPS

BY = "import"
UNSEEN = f"{POLICY}accept-import"
"""Who accepted labels of others that nobody here looked at."""
_STREET = (ClipStage.CUT, ClipStage.EXTRACTED, ClipStage.LABELLED)
_POSSIBLE_FPS = (0.05, 500.0)
_QUALITY = 95
"""JPEG quality of pictures that came as something else."""


@dataclass(frozen=True)
class Options:
    """How a dataset is taken in."""

    camera: str
    """Name of the camera that its clips count as."""
    fps: float | None = None
    """Frames per second; None takes what the dataset says, or 25 where it says nothing."""
    test: bool = False
    """All clips are for testing; else those in a folder test or val are."""
    accept: bool = False
    """Accept the labels unseen, recorded as policy:accept-import."""
    auto: bool = False
    """The labels are predictions: nobody drew them."""


@dataclass
class Outcome:
    """What was taken in."""

    images: int = 0
    boxes: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    """What was changed or left out, by kind."""
    result: BatchResult = field(default_factory=BatchResult)
    """Clips by id; what failed by its name in the dataset."""


def import_(
    home: Path, path: Path, format: str, classes: Sequence[str], options: Options
) -> Outcome:
    """Make a Clip with labels of every sequence of a dataset.

    A clip is known by its pictures: the same ones again are skipped, whatever they are called.
    Clips stand at LABELLED, or at ACCEPTED with `options.accept`. Each is the whole of a Video of
    its own, of which no raw file exists. A sequence that is broken stands in `failed`.

    Raises:
        UnknownName: there is no such format.
        UsageError: a class is not among `classes`, or `path` does not exist; nothing was imported.
        BadInput: there is nothing of that format at `path`.
        NoSpace, Unavailable: the disk refuses; what was imported stays.
    """
    kind = formats.get(format)
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}: check the path")
    if options.fps is not None and not _POSSIBLE_FPS[0] <= options.fps <= _POSSIBLE_FPS[1]:
        raise UsageError(f"{options.fps:g} frames per second cannot be: give 0.05 … 500")
    outcome = Outcome()
    sources = kind.find(path, classes, outcome.result.failed)
    _check_classes(path, sources, classes, outcome)
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        street = _Street(workspace, catalog, format, tuple(classes), options)
        for source in progress.track("import", sources, len(sources)):
            if source.name not in outcome.result.failed:
                _one(street, source, outcome)
        if options.accept:
            _accept(street, outcome)
    return outcome


def _check_classes(
    path: Path, sources: Sequence[Source], classes: Sequence[str], outcome: Outcome
) -> None:
    """Read everything once before anything is written."""
    found: set[str] = set()
    for source in progress.track("read labels", sources, len(sources)):
        try:
            found |= {track.cls for track in source.load(HUMAN).tracks}
        except Unavailable:
            raise
        except Exception as error:  # whatever a file holds, the others go on
            outcome.result.failed[source.name] = reason(error, f"read {source.name}")
    if strange := sorted(found - {*classes, IGNORE}):
        raise UsageError(
            f"{path} has classes that the setting `classes` does not name: {', '.join(strange)}; "
            f"set classes = {[*classes, *strange]} in oneclick.toml; nothing was imported"
        )


@dataclass(frozen=True)
class _Street:
    """What every sequence of one import needs."""

    workspace: Workspace
    catalog: Catalog
    format: str
    classes: tuple[str, ...]
    options: Options


def _one(street: _Street, source: Source, outcome: Outcome) -> None:
    result = outcome.result
    try:
        seen = source.load(DETECTED if street.options.auto else HUMAN)
        clip = _clip(street, source, seen)
        found = _labels(street, clip, seen)
        new = _settle(street, clip, seen, found)
    except Unavailable:
        raise
    except Exception as error:  # whatever a file holds, the others go on
        result.failed[source.name] = reason(error, f"import {source.name}")
        return
    (result.done if new else result.skipped).append(clip.id)
    if new:
        outcome.images += found.frames
        outcome.boxes += found.boxes()
        outcome.notes += seen.notes


def _clip(street: _Street, source: Source, seen: Incoming) -> Clip:
    """The Clip of these pictures; its id and that of its Video follow from their bytes."""
    options, digest = street.options, _digest(seen)
    camera = ids.camera_name(options.camera)
    fps = options.fps or seen.fps or DEFAULT_FPS
    if not _POSSIBLE_FPS[0] <= fps <= _POSSIBLE_FPS[1]:
        raise BadInput(f"{source.name}: {fps:g} frames per second cannot be: give --fps")
    frames = video.probe(seen.video).frames if seen.video else len(seen.pictures)
    of, side = ids.video_id(camera, None, digest), "test" if options.test else source.split
    return Clip(
        ids.clip_id(of, 0, fps), camera, of, Span(0, frames), fps, seen.width, seen.height,
        ChosenBy.IMPORTED, (), side, digest,
    )  # fmt: skip


def _digest(seen: Incoming) -> str:
    """sha256 of the film, or of the digests of all pictures."""
    if seen.video:
        return files.sha256(seen.video)
    whole = hashlib.sha256()
    for picture in seen.pictures:
        try:
            whole.update(files.sha256(picture).encode())
        except OSError as error:
            raise BadInput(f"{picture}: cannot be read ({error.strerror})") from None
    return whole.hexdigest()


def _labels(street: _Street, clip: Clip, seen: Incoming) -> LabelSet:
    """Revision 1. A human's revision on disk means accepted, so only accepted labels are that."""
    options = street.options
    kind: Kind = "human" if options.accept and not options.auto else "auto"
    now = datetime.now(UTC)
    return LabelSet(
        clip.id, 1, kind, None, f"{BY}:{street.format}", now, len(clip.span), clip.width,
        clip.height, street.classes, seen.tracks,
    )  # fmt: skip


def _settle(street: _Street, clip: Clip, seen: Incoming, found: LabelSet) -> bool:
    """Files, then the catalog; what a killed run has left is taken as it is. False if known.

    Raises:
        BadInput: the clip is known with other labels.
    """
    workspace, card = street.workspace, street.workspace.clip_card(clip.id)
    if not card.exists():
        with files.atomic_dir(workspace.clip_dir(clip.id)) as folder:
            _fill(workspace, folder, clip, seen, found)
            # Before the clip is there: a clip without its Video is left out of a rebuilt catalog.
            cards.save_video_card(workspace, _video(clip))
    elif not _same(workspace, found):
        raise BadInput(
            f"clip {clip.id} has the same pictures and other labels: correct them in review, or "
            "give another --camera"
        )
    clip = cards.load_clip_card(card)
    of = cards.load_video_card(workspace.video_card(clip.camera, clip.video))
    path = labels.revisions(workspace, clip.id)[0]
    with street.catalog.transaction():
        street.catalog.add_video(of)
        new = street.catalog.add_clip(clip, BY)
        street.catalog.add_revision(labels.load(path), files.sha256(path))
        for old, following in itertools.pairwise(_STREET):
            street.catalog.move(clip.id, old, following, BY, found.made_by)
    return new


def _video(clip: Clip) -> Video:
    """The recording that the pictures stand for; its digest is theirs."""
    frames, size = len(clip.span), (clip.width, clip.height)
    return Video(clip.video, clip.camera, None, clip.fps, frames, *size, clip.digest, ".mp4")


def _same(workspace: Workspace, found: LabelSet) -> bool:
    """Whether revision 1 holds these boxes."""
    known = labels.load(labels.revisions(workspace, found.clip)[0])
    again = replace(
        found,
        kind=known.kind,
        made_by=known.made_by,
        made_at=known.made_at,
        classes=known.classes,
    )
    try:
        return labels.encode(again) == labels.encode(known)
    except OneclickError:  # a class that was not known then
        return False


def _fill(workspace: Workspace, folder: Path, clip: Clip, seen: Incoming, found: LabelSet) -> None:
    """clip.mp4, frames, labels and the card of a clip that is being built."""
    frames, film = folder / "frames", folder / workspace.clip_file(clip.id).name
    with files.guard(frames):
        frames.mkdir()
    if seen.video:
        video.cut(seen.video, clip.span, film, clip.fps)
        video.extract(seen.video, frames)
    else:
        video.write(film, _pictures(seen, frames), clip.fps)
    count = sum(1 for _ in frames.iterdir())
    if count != len(clip.span):
        raise BadInput(f"{seen.video or folder} gave {count} of {len(clip.span)} frames")
    files.write_atomic(folder / "labels" / labels.path(workspace, found).name, labels.encode(found))
    card = folder / workspace.clip_card(clip.id).name
    cards.save_clip_card(card, replace(clip, digest=files.sha256(film)))


def _pictures(seen: Incoming, frames: Path) -> Iterator[NDArray[np.uint8]]:
    """Every picture as RGB, and saved as frame k: a JPEG keeps its bytes."""
    import cv2

    for k, path in enumerate(seen.pictures):
        content = path.read_bytes()
        image = disk.decode(content, path)
        if image.shape[:2] != (seen.height, seen.width):
            raise BadInput(
                f"{path} has {image.shape[1]}x{image.shape[0]} px, not {seen.width}x{seen.height}"
            )
        if not content.startswith(b"\xff\xd8"):
            flags = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
            content = cv2.imencode(".jpg", image, flags)[1].tobytes()
        target = frames / f"{k:06d}.jpg"
        with files.guard(target):
            target.write_bytes(content)
        yield np.ascontiguousarray(image[..., ::-1])


def _accept(street: _Street, outcome: Outcome) -> None:
    """All clips of this import through our own queue; a person's verdict that is there stays."""
    result, catalog = outcome.result, street.catalog
    queue = LocalPlatform(street.workspace.review_dir())
    mine = dict.fromkeys([*result.done, *result.skipped])
    for clip_id in mine:
        try:
            _give(street, queue, clip_id)
        except Unavailable:
            raise
        except OneclickError as error:
            result.failed[clip_id] = str(error)
    for verdict in queue.collect():
        if verdict.by == UNSEEN and verdict.clip in mine:
            row = catalog.clip(verdict.clip)
            catalog.add_verdict(verdict, len(row.clip.span))
            catalog.move(verdict.clip, ClipStage.IN_REVIEW, ClipStage.ACCEPTED, UNSEEN)
            queue.done(verdict)


def _give(street: _Street, queue: LocalPlatform, clip_id: str) -> None:
    """Into the queue, and a verdict unless there is one; clips that are further stay there.

    Raises:
        UnknownName: it is in review elsewhere. BadInput: its labels are missing or broken.
    """
    catalog, row = street.catalog, street.catalog.clip(clip_id)
    if row.stage is ClipStage.LABELLED:
        latest = labels.latest(street.workspace, clip_id)
        if latest is None:
            raise BadInput(f"clip {clip_id} has no labels: restore them from a backup")
        for sent in queue.send([(row.clip, latest)]):
            if sent.trouble:
                raise sent.trouble
        catalog.move(clip_id, ClipStage.LABELLED, ClipStage.IN_REVIEW, BY, queue.name)
    elif row.stage is not ClipStage.IN_REVIEW:
        return
    queue.give(Verdict(clip_id, "accept", UNSEEN, datetime.now(UTC)))
