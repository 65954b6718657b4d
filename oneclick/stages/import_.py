"""Import: datasets of other tools become clips with labels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from oneclick import formats
from oneclick.catalog import Catalog
from oneclick.core import ids, progress, results
from oneclick.core.assumptions import Assumptions
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.datasets import Split
from oneclick.core.errors import BadInput, OneclickError, UsageError
from oneclick.core.labels import IGNORE, IMPORT_PREFIX, LabelSet
from oneclick.core.results import BatchResult
from oneclick.core.spans import Span
from oneclick.core.tracks import DETECTED, HUMAN
from oneclick.formats import ImportedSequence, SequenceSource, clip_folder, import_summary
from oneclick.formats.base import Dialogue
from oneclick.formats.import_summary import ImportSummary
from oneclick.stages import accept_import, import_sides
from oneclick.stages.accept_import import BY
from oneclick.storage import (
    bounded_zip,
    cameras,
    cards,
    failure_log,
    files,
    labels,
    locks,
    picture_sides,
)
from oneclick.storage.cameras import CodePolicy
from oneclick.storage.picture_sides import PictureSides
from oneclick.storage.workspace import Workspace
from oneclick.video.index import DEFAULT_FPS

_STAGES = (ClipStage.CUT, ClipStage.EXTRACTED, ClipStage.LABELLED)
_POSSIBLE_FPS = (0.05, 500.0)


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Options of one import."""

    camera: str
    """Name of the camera that its clips count as."""
    fps: float | None = None
    """Frames per second; None takes what the dataset says, or 25 where it says nothing."""
    test: bool = False
    """All clips are for testing; else those in a folder test or val are."""
    accept: bool = False
    """Accept the labels unseen, recorded as policy:accept-import."""
    auto: bool = False
    """The labels are predictions of a model."""
    codes: CodePolicy = "auto"
    """Which cameras get codes in place of their names."""
    answers: Assumptions = field(default_factory=Assumptions)
    """What the user says where the dataset can be read in two ways."""
    dry_run: bool = False
    """Say what was understood, draw pictures, and import nothing."""


@dataclass
class ImportResult:
    """Counts and ids of what was imported."""

    images: int = 0
    boxes: int = 0
    summary: ImportSummary = field(default_factory=ImportSummary)
    """What was understood of the whole dataset."""
    result: BatchResult = field(default_factory=BatchResult)
    """Clips by id; what failed by its name in the dataset."""


@dataclass(frozen=True, kw_only=True)
class _ImportContext:
    """Workspace, catalog and arguments of one import."""

    workspace: Workspace
    catalog: Catalog
    format: str
    classes: tuple[str, ...]
    options: ImportOptions
    sides: PictureSides
    """Pictures that must not come in on the other side."""


def import_(
    home: Path,
    path: Path,
    format: str,
    classes: Sequence[str],
    options: ImportOptions,
    *,
    announce: Callable[[ImportSummary], None] = lambda _: None,
) -> ImportResult:
    """Make a Clip with labels of every sequence of a dataset, which may be a zip archive.

    A clip is identified by its pictures: the same ones again are skipped, under any name. Clips
    stand at LABELLED, or at ACCEPTED with `options.accept`. Each is the whole of a Video of its
    own, of which no raw file exists. A sequence that is broken stands in `failed`, with one line
    for each kind of failure.

    Args:
        home: workspace.
        path: folder, file or zip archive.
        format: name of the format.
        classes: the setting; other classes are refused.
        options: what the user says.
        announce: gets what was understood before anything is imported.

    Raises:
        UnknownName: there is no such format.
        UsageError: a class is not among `classes`, `path` does not exist, or an answer that the
            format never asks for; nothing was imported.
        BadInput: there is nothing of that format at `path`, or it can be read in two ways.
        NoSpace, Unavailable: the disk refuses; what was imported stays.
    """
    exchange_format = formats.get(format)
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}: check the path")
    if options.fps is not None and not _POSSIBLE_FPS[0] <= options.fps <= _POSSIBLE_FPS[1]:
        raise UsageError(f"{options.fps:g} frames per second cannot be: give 0.05 … 500")
    options.answers.check_used(format, exchange_format.questions)
    outcome = ImportResult()
    failed = outcome.result.failed
    with bounded_zip.opened(path) as folder:
        dialogue = Dialogue(options.answers)
        sources = formats.find_sequences(format, folder, classes, failed, dialogue)
        outcome.summary.add_notes(dialogue.notes)
        labelled = summarize(sources, Workspace(home), options, outcome)
        unknown = sorted({*outcome.summary.boxed_classes()} - {*classes, IGNORE})
        if not unknown:
            previews = Workspace(home).previews_dir
            outcome.summary.drawn = import_summary.draw(labelled, previews)
        outcome.summary.refused = in_kinds(failed, folder, path)
        announce(outcome.summary)
        if unknown:
            raise UsageError(
                f"{path} has classes that the setting `classes` does not name: "
                f"{', '.join(unknown)}; set classes = {[*classes, *unknown]} in oneclick.toml; "
                "nothing was imported"
            )
        if not options.dry_run:
            readable = [source for source in sources if source.name not in failed]
            write_clips(home, readable, format, classes, options, outcome)
        outcome.result.failed = in_kinds(failed, folder, path)
    return outcome


def in_kinds(failed: dict[str, str], folder: Path, path: Path) -> dict[str, str]:
    """Return one line for each kind of failure, with the name of the archive if there is one."""
    lines = results.by_kind(failed)
    return {
        bounded_zip.renamed(name, folder, path): bounded_zip.renamed(reason, folder, path)
        for name, reason in lines.items()
    }


def summarize(
    sources: Sequence[SequenceSource],
    workspace: Workspace,
    options: ImportOptions,
    outcome: ImportResult,
) -> list[SequenceSource]:
    """Read all sequences once, before anything is written, and count what they hold.

    A sequence that cannot be read goes to `failed`, with a one-line reason.

    Returns:
        Those that have a box.
    """
    labelled = []
    failed = outcome.result.failed
    for source in progress.track("read labels", sources, len(sources)):
        with failure_log.isolate(failed, workspace, source.name, f"read {source.name}"):
            sequence = source.load(HUMAN)
            outcome.summary.add(sequence, side_of(source, options), options.fps, DEFAULT_FPS)
            if sequence.tracks:
                labelled.append(source)
    return labelled


def write_clips(
    home: Path,
    sources: Sequence[SequenceSource],
    format: str,
    classes: Sequence[str],
    options: ImportOptions,
    outcome: ImportResult,
) -> None:
    """Make the clips of all sequences, and accept them if the user says so.

    Imports take turns: two at once could each bring a picture to another side.
    """
    result = outcome.result
    turn = locks.file_lock(Workspace(home).locks_dir / "imports")
    with Catalog.open(home) as catalog, turn:
        cameras_in_use = {recording.camera for recording in catalog.videos()}
        camera = cameras.camera_of(
            Workspace(home), options.camera, cameras_in_use, options.codes, is_typed=True
        )
        options = replace(options, camera=camera)
        context = _ImportContext(
            workspace=Workspace(home),
            catalog=catalog,
            format=format,
            classes=tuple(classes),
            options=options,
            sides=import_sides.read(catalog, {side_of(source, options) for source in sources}),
        )
        for source in progress.track("import", sources, len(sources)):
            with failure_log.isolate(
                result.failed, context.workspace, source.name, f"import {source.name}"
            ):
                sequence = source.load(DETECTED if options.auto else HUMAN)
                digests = clip_folder.picture_digests(sequence)
                clip = build_clip(source, sequence, options, digests)
                label_set = _first_revision(context, clip, sequence)
                is_new = _register_clip(context, clip, sequence, label_set, digests)
                (result.done if is_new else result.skipped).append(clip.id)
                if is_new:
                    outcome.images += label_set.frames
                    outcome.boxes += label_set.boxes()
        if options.accept:
            accept_import.accept_clips(context.workspace, catalog, result)


def side_of(source: SequenceSource, options: ImportOptions) -> Split:
    """Return the side of the split that a sequence comes in on."""
    return "test" if options.test else source.split


def build_clip(
    source: SequenceSource,
    sequence: ImportedSequence,
    options: ImportOptions,
    digests: Sequence[str],
) -> Clip:
    """Return the Clip of a sequence; its id and that of its Video follow from the pictures.

    Args:
        source: of the sequence.
        sequence: pictures and labels.
        options: what the user says.
        digests: of the pictures.

    Raises:
        BadInput: the frame rate is impossible.
    """
    digest = clip_folder.content_digest(sequence, digests)
    camera = ids.camera_name(options.camera)
    fps = options.fps or sequence.fps or DEFAULT_FPS
    if not _POSSIBLE_FPS[0] <= fps <= _POSSIBLE_FPS[1]:
        raise BadInput(f"{source.name}: {fps:g} frames per second cannot be: give --fps")
    frames = import_summary.frame_count(sequence)
    video_id = ids.video_id(camera, None, digest)
    return Clip(
        id=ids.clip_id(video_id, 0.0),
        camera=camera,
        video=video_id,
        span=Span(0, frames),
        fps=fps,
        width=sequence.width,
        height=sequence.height,
        chosen_by=ChosenBy.IMPORTED,
        hits=(),
        split=side_of(source, options),
        digest=digest,
    )


def _first_revision(context: _ImportContext, clip: Clip, sequence: ImportedSequence) -> LabelSet:
    # A human's revision that was not imported means accepted; one that was needs its verdict too.
    is_human = context.options.accept and not context.options.auto
    return LabelSet(
        clip=clip.id,
        revision=1,
        kind="human" if is_human else "auto",
        parent=None,
        made_by=f"{IMPORT_PREFIX}{context.format}",
        made_at=datetime.now(UTC),
        frames=len(clip.span),
        width=clip.width,
        height=clip.height,
        classes=context.classes,
        tracks=sequence.tracks,
    )


def _register_clip(
    context: _ImportContext,
    clip: Clip,
    sequence: ImportedSequence,
    label_set: LabelSet,
    digests: Sequence[str],
) -> bool:
    """Write the clip's files, unless a killed run did, then its rows; False if it was there.

    Raises:
        BadInput: the clip exists with other labels, or has pictures of the other side.
    """
    workspace, catalog = context.workspace, context.catalog
    card = workspace.clip_card(clip.id)
    if not card.exists():
        import_sides.check(context.sides, clip, digests)
        with files.atomic_dir(workspace.clip_dir(clip.id), card.name) as folder:
            clip_folder.write_clip_folder(workspace, folder, clip, sequence, label_set)
            pictures = folder / workspace.clip_pictures(clip.id).name
            files.write_atomic(pictures, picture_sides.encode(digests))
            # Before the clip is there: a clip without its Video is left out of a rebuilt catalog.
            cards.save_video_card(workspace, video_of(clip))
    elif not has_same_labels(workspace, label_set):
        raise BadInput(
            f"clip {clip.id} has the same pictures and other labels: correct them in review, or "
            "give another --camera"
        )
    clip = cards.load_clip_card(card)
    context.sides.add(clip.id, clip.split, digests)
    recording = cards.load_video_card(workspace.video_card(clip.camera, clip.video))
    path = labels.revisions(workspace, clip.id)[0]
    with catalog.transaction():
        catalog.add_video(recording)
        is_new = catalog.add_clip(clip, BY)
        catalog.add_revision(labels.load(path), files.sha256(path))
        for old, following in itertools.pairwise(_STAGES):
            catalog.move(clip.id, old, following, BY, label_set.made_by)
    return is_new


def video_of(clip: Clip) -> Video:
    """Return the Video that an imported clip is the whole of, with the digest of its pictures."""
    return Video(
        id=clip.video,
        camera=clip.camera,
        started_at=None,
        fps=clip.fps,
        frames=len(clip.span),
        width=clip.width,
        height=clip.height,
        digest=clip.digest,
        suffix=".mp4",
    )


def has_same_labels(workspace: Workspace, label_set: LabelSet) -> bool:
    """Check whether revision 1 of the clip holds the same tracks."""
    existing = labels.load(labels.revisions(workspace, label_set.clip)[0])
    candidate = replace(
        label_set,
        kind=existing.kind,
        made_by=existing.made_by,
        made_at=existing.made_at,
        classes=existing.classes,
    )
    try:
        return labels.encode(candidate) == labels.encode(existing)
    except OneclickError:  # a class that the existing revision does not have
        return False
