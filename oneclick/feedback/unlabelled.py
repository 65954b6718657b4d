"""Signs of people without a label, as regions that training and evaluation leave out.

Where nobody looks at labels, what they miss would be taught as background. Everything on record
speaks: boxes of all models with their low scores, motion, and hits about whole pictures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core import labels as core_labels
from oneclick.core.clips import Clip
from oneclick.core.labels import IGNORE, LabelSet, LabelTrack
from oneclick.core.tracks import DETECTED
from oneclick.feedback import clip_questions
from oneclick.hindsight import places
from oneclick.hindsight.places import PlaceOptions
from oneclick.storage.workspace import Workspace

LIKELY = PlaceOptions(least_chance=0.25, standstill_weight=1.0, usual_weight=1.0)
"""More than what a reviewer is asked about, for to leave a region out costs nobody any time; things
that never move too, for people in bed do not."""
MARGIN = 0.1
"""Share of its sides by which a region is wider than the evidence."""


def find_regions(
    workspace: Workspace, clip: Clip, label_set: LabelSet, *, pictures: bool = True
) -> tuple[LabelTrack, ...]:
    """Return tracks of class IGNORE where somebody may be and no label is.

    Args:
        workspace: the workspace.
        clip: the clip.
        label_set: its labels.
        pictures: look at pictures too, for motion, where it is not on record.
    """
    tracks = core_labels.to_tracks(label_set, clip.fps)
    evidence = clip_questions.load_evidence(workspace, clip, label_set.classes, pictures)
    regions = places.find_regions(evidence, tracks, LIKELY)
    labelled = {int(frame) for track in label_set.tracks for frame in track.frames}
    empty = unexplained_frames(clip, labelled)
    if len(empty):
        whole = np.array([[0.0, 0.0, label_set.width, label_set.height]])
        regions.append((empty, np.repeat(whole, len(empty), 0)))
    first = 1 + max((track.id for track in label_set.tracks), default=0)
    return tuple(
        _track(first + number, frames, _widened(corners, label_set))
        for number, (frames, corners) in enumerate(regions)
    )


def leave_out(label_set: LabelSet, regions: tuple[LabelTrack, ...], by: str) -> LabelSet:
    """Return the next revision of labels, with regions that training leaves out.

    Args:
        label_set: the labels.
        regions: tracks of class IGNORE.
        by: the policy that leaves them out.
    """
    return replace(
        label_set,
        revision=label_set.revision + 1,
        parent=label_set.revision,
        made_by=by,
        tracks=(*label_set.tracks, *regions),
    )


def unexplained_frames(clip: Clip, labelled: set[int]) -> NDArray[np.int32]:
    """Return the frames of the clip that a hit calls unusual as a whole, and that have no label.

    Args:
        clip: with its hits, in frames of the video.
        labelled: frames of the clip with a label.
    """
    unusual: set[int] = set()
    for hit in clip.hits:
        part = hit.cut(clip.span)
        if part is not None and not part.boxes:
            unusual |= set(range(part.span.start, part.span.stop))
    return np.array(sorted(unusual - labelled), np.int32)


def _widened(corners: NDArray[np.float64], label_set: LabelSet) -> NDArray[np.float32]:
    """Return boxes `(n, 4)` px with a margin, inside the picture."""
    sides = np.tile(corners[:, 2:] - corners[:, :2], 2) * MARGIN
    wide = corners + sides * np.array([-1, -1, 1, 1])
    return boxes.clip(wide, label_set.width, label_set.height).astype(np.float32)


def _track(number: int, frames: NDArray[np.int32], corners: NDArray[np.float32]) -> LabelTrack:
    """Return one region as a track."""
    return LabelTrack(
        id=number,
        cls=IGNORE,
        frames=frames,
        boxes=corners,
        scores=np.ones(len(frames), np.float32),
        origins=DETECTED * len(frames),
    )
