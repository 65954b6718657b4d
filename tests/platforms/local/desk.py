"""A desk in a workspace with clips that wait, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oneclick.catalog import Catalog
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.labels import LabelSet
from oneclick.editing.operations import MoveBox, Operation
from oneclick.platforms.local import LocalPlatform
from oneclick.platforms.local.leases import Leases
from oneclick.platforms.local.workbench import Carrier, EditRequest, EditResult, Workbench
from oneclick.storage import files
from oneclick.storage.workspace import Workspace
from tests.fakes import clips

POSTURE = {"posture": ("lying", "sitting")}


@dataclass
class Server:
    """One of several servers on a workspace."""

    catalog: Catalog
    queue: LocalPlatform
    leases: Leases
    bench: Workbench

    @classmethod
    def start(
        cls,
        home: Path,
        attributes: Mapping[str, tuple[str, ...]] = POSTURE,
        carrier: Carrier | None = None,
    ) -> Server:
        """Open the catalog and the desk."""
        catalog, queue = Catalog.open(home), LocalPlatform(Workspace(home).review_dir())
        leases = Leases(catalog, queue)
        bench = Workbench(
            queue,
            leases,
            fps=lambda clip: catalog.clip(clip).clip.fps,
            attributes=attributes,
            carrier=carrier,
        )
        return cls(catalog, queue, leases, bench)

    def edit(
        self, clip: str, key: str, base: int, fence: int, operation: Operation, by: str = "anna"
    ) -> EditResult:
        """Send an edit."""
        return self.bench.edit(
            EditRequest(clip=clip, key=key, base=base, fence=fence, by=by), operation
        )


def sure_labels(clip: Clip) -> LabelSet:
    """Return labels of two people of whom the labeller is sure."""
    tracks = [
        replace(clips.track(number, shift), scores=np.full(10, 0.9, np.float32))
        for number, shift in ((1, 0.0), (2, 30.0))
    ]
    return replace(clips.auto_labels(clip), tracks=tuple(tracks))


def waiting(
    home: Path,
    count: int = 1,
    seeded: float = 0.0,
    make_labels: Callable[[Clip], LabelSet] = clips.auto_labels,
) -> list[str]:
    """Make a workspace in which clips wait in our own queue; return their ids.

    Args:
        home: the workspace folder.
        count: clips.
        seeded: share of them that get an error.
        make_labels: returns the labels of a clip.
    """
    items = clips.labelled(home, count, make_labels=make_labels)
    files.write_json(Workspace(home).video_card(clips.VIDEO.camera, clips.VIDEO.id), clips.VIDEO)
    queue = LocalPlatform(Workspace(home).review_dir(), seeded)
    list(queue.send([(clip, make_labels(clip)) for clip in items]))
    with Catalog.open(home) as catalog:
        for clip in items:
            catalog.move(clip.id, ClipStage.LABELLED, ClipStage.IN_REVIEW, "test", "local")
        catalog.enqueue(clip.id for clip in items)
    return [clip.id for clip in items]


def move(number: int = 0, frame: int = 3) -> MoveBox:
    """Move the box of track 1 somewhere that depends on a number."""
    left = 4.0 + number % 20
    return MoveBox(track=1, frame=frame, box=(left, 6.0, left + 9.0, 34.0))
