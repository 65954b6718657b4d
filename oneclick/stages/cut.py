"""Cut: every selected Span of a Video becomes a Clip of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import Clip
from oneclick.core.errors import BadVideo
from oneclick.core.results import BatchResult
from oneclick.stages.quarantine import quarantine_on_failure
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace


def cut(home: Path, by: str) -> BatchResult:
    """Cut all selections that are not clips yet; they come into the catalog at CUT.

    A clip folder appears whole or not at all, and its catalog row after it. A selection that cannot
    be cut is QUARANTINED with its reason, and `clips retry` makes it a selection again.

    Raises:
        NoSpace: the device is full.
        Unavailable: the workspace cannot be written.
    """
    workspace, result = Workspace(home), BatchResult()
    with Catalog.open(home) as catalog:
        selections = catalog.selections(uncut_only=True)
        selections.sort(key=lambda clip: (clip.video, clip.span))
        for selection in progress.track("cut", selections, len(selections)):
            with quarantine_on_failure(result.failed, workspace, catalog, selection.id, "cut", by):
                clip = write_clip(workspace, catalog, selection)
                is_new = catalog.add_clip(clip, by)
                (result.done if is_new else result.skipped).append(clip.id)
    return result


def write_clip(workspace: Workspace, catalog: Catalog, selection: Clip) -> Clip:
    """Write the folder of a selection, unless a killed process did, and return its Clip.

    Raises:
        BadVideo: the recording is gone or does not give all frames.
    """
    card = workspace.clip_card(selection.id)
    if card.exists():
        return cards.load_clip_card(card)
    raw = workspace.video_file(catalog.video(selection.video))
    if not raw.exists():
        raise BadVideo(f"the recording {raw.name} is gone: raise retain_raw_days to keep it longer")
    with files.atomic_dir(workspace.clip_dir(selection.id), card.name) as folder:
        file = folder / workspace.clip_file(selection.id).name
        video.keep_index(raw)
        video.cut(raw, selection.span, file, selection.fps)
        frames, length = video.probe(file).frames, len(selection.span)
        if frames != length:
            raise BadVideo(f"{raw.name} gave {frames} of the {length} frames of {selection.id}")
        cards.save_clip_card(folder / card.name, replace(selection, digest=files.sha256(file)))
    return cards.load_clip_card(card)
