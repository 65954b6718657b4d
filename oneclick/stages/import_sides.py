"""Sides of an import: no picture comes in for testing that is trained on, nor the reverse."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from oneclick.catalog import Catalog
from oneclick.core import progress
from oneclick.core.clips import ChosenBy, Clip, ClipStage
from oneclick.core.errors import BadInput
from oneclick.storage import picture_sides
from oneclick.storage.picture_sides import PictureSides

_OTHER = {"train": "test", "test": "train"}


def read(catalog: Catalog, sides: Collection[str]) -> PictureSides:
    """Return the pictures of imported clips that must not come in on some sides.

    Those of a clip that was rejected may: it is never published.
    """
    others = {_OTHER[side] for side in sides}
    pictures = PictureSides(others)
    digests = {recording.id: recording.digest for recording in catalog.videos()}
    clips = [
        row.clip
        for row in catalog.clips()
        if row.clip.chosen_by is ChosenBy.IMPORTED
        and row.clip.split in others
        and row.stage is not ClipStage.REJECTED
    ]
    for clip in progress.track("look at earlier imports", clips, len(clips)):
        own = picture_sides.load(catalog.workspace, clip.id)
        pictures.add(clip.id, clip.split, [*own, digests[clip.video]])
    return pictures


def check(sides: PictureSides, clip: Clip, digests: Sequence[str]) -> None:
    """Raise BadInput where pictures of a new clip are on the other side already.

    Args:
        sides: what is there.
        clip: its digest is that of all its pictures.
        digests: of the pictures, or of the video file.
    """
    other = _OTHER[clip.split]
    # The whole tells of clips of which there is neither a list of pictures nor the JPEG files.
    clips = sides.clips_with(other, [clip.digest]) * len(clip.span)
    clips = clips or sides.clips_with(other, digests)
    if clips:
        raise BadInput(
            f"{len(clips):,} of its {len(clip.span):,} pictures are in clip {clips[0]} too, which "
            f"is for {other} and not for {clip.split}: take them out of one side of the dataset"
        )
