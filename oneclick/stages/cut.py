"""Cut: every selected Span of a Video becomes a Clip of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Clip
from oneclick.core.errors import BadVideo, Unavailable
from oneclick.core.results import BatchResult
from oneclick.stages.quarantine import put_aside
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace


def cut(home: Path, by: str) -> BatchResult:
    """Cut all selections that are not clips yet; they come into the catalog at CUT.

    A clip folder appears whole or not at all, and its catalog row after it. A selection that cannot
    be cut is QUARANTINED with its reason, and `clips retry` makes it a selection again.

    Raises:
        NoSpace: the device is full. Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    with Catalog.open(home) as catalog:
        selected = sorted(catalog.selections(uncut_only=True), key=lambda c: (c.video, c.span))
        for clip in progress.track("cut", selected, len(selected)):
            try:
                made = _make(workspace, catalog, clip)
            except Unavailable:
                raise
            except Exception as error:  # whatever a recording holds, the others go on
                result.failed[clip.id] = put_aside(workspace, catalog, clip.id, error, "cut", by)
            else:
                added = catalog.add_clip(made, by)
                (result.done if added else result.skipped).append(clip.id)
    return result


def _make(workspace: Workspace, catalog: Catalog, clip: Clip) -> Clip:
    """The clip folder; one that stands there whole, left by a killed process, is taken as it is."""
    card = workspace.clip_card(clip.id)
    if not card.exists():
        with files.atomic_dir(workspace.clip_dir(clip.id)) as folder:
            _fill(workspace, catalog, clip, folder)
    return cards.load_clip_card(card)


def _fill(workspace: Workspace, catalog: Catalog, clip: Clip, folder: Path) -> None:
    raw = workspace.video_file(catalog.video(clip.video))
    if not raw.exists():
        raise BadVideo(f"the recording {raw.name} is gone: raise retain_raw_days to keep it longer")
    file = folder / workspace.clip_file(clip.id).name
    video.cut(raw, clip.span, file, clip.fps)
    frames = video.probe(file).frames
    if frames != len(clip.span):
        raise BadVideo(f"{raw.name} gave {frames} of the {len(clip.span)} frames of {clip.id}")
    card = folder / workspace.clip_card(clip.id).name
    cards.save_clip_card(card, replace(clip, digest=files.sha256(file)))
