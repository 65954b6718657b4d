"""Rank: how much a look at each clip of our own queue is worth, before anybody asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.catalog.review_queue import QueueRank
from oneclick.core.errors import OneclickError, Unavailable
from oneclick.feedback import clip_questions
from oneclick.hindsight.places import PlaceOptions
from oneclick.platforms.local import LocalPlatform
from oneclick.storage import failure_log
from oneclick.storage.second_looks import SecondLooks
from oneclick.storage.workspace import Workspace

BATCH = 20
"""Clips whose worth is stored at once."""


def rank(
    workspace: Workspace,
    catalog: Catalog,
    clip_ids: Sequence[str],
    most_places: int = PlaceOptions.per_clip,
) -> dict[str, str]:
    """Put clips into the queue with the corrections to expect in each.

    A clip whose labels cannot be read stays in the queue, last; it is in the log.

    Args:
        workspace: the workspace.
        catalog: open for writing.
        clip_ids: clips that wait in our own queue; others are left out.
        most_places: most questions about places without a label in one clip.

    Returns:
        One line a clip that failed.
    """
    failed = dict[str, str]()
    queues = {
        clip_id: queue
        for queue in reversed(_queues(workspace))
        for clip_id in clip_ids
        if queue.is_open(clip_id)
    }
    waiting = [clip_id for clip_id in clip_ids if clip_id in queues]
    _enqueue(workspace, catalog, waiting)
    for first in range(0, len(waiting), BATCH):
        ranks = []
        for clip_id in waiting[first : first + BATCH]:
            queue_rank = QueueRank(clip=clip_id, revision=-1, doubts=0, expected=0.0, why="")
            with failure_log.isolate(failed, workspace, clip_id, f"rank {clip_id}"):
                label_set = queues[clip_id].shown_labels(clip_id)
                clip = catalog.clip(clip_id).clip
                question_list = clip_questions.ask(workspace, clip, label_set, most_places)
                queue_rank = QueueRank(
                    clip=clip_id,
                    revision=label_set.revision,
                    doubts=len(question_list),
                    expected=clip_questions.corrections_expected(question_list),
                    why=question_list[0].why if question_list else "",
                )
            ranks.append(queue_rank)
        catalog.rank(ranks)
    return failed


def rank_waiting(
    home: Path, catalog: Catalog, most_places: int = PlaceOptions.per_clip, batch: int = BATCH
) -> int:
    """Compare the queue with the tasks on disk, and rank some clips that nobody ranked.

    Called again and again in the background of a server; it raises nothing.

    Returns:
        The number of clips that were ranked: 0 means that there is nothing to do.
    """
    workspace = Workspace(home)
    try:
        unranked = catalog.unranked(batch)
        if not unranked:
            waiting = {clip_id for queue in _queues(workspace) for clip_id in queue.pending()}
            queued = catalog.queued()
            catalog.dequeue(sorted(queued - waiting))
            if not waiting - queued or not _enqueue(workspace, catalog, sorted(waiting - queued)):
                return 0
            unranked = catalog.unranked(batch)
        rank(workspace, catalog, unranked, most_places)
    except Unavailable:
        return 0
    except OneclickError as error:
        failure_log.record(workspace, "review-queue", "rank the review queue", error)
        return 0
    return len(unranked)


def _queues(workspace: Workspace) -> list[LocalPlatform]:
    """Return our own queue, and that of second looks."""
    folders = workspace.review_dir(), SecondLooks(workspace).queue_dir
    return [LocalPlatform(folder) for folder in folders]


def _enqueue(workspace: Workspace, catalog: Catalog, clip_ids: Sequence[str]) -> int:
    """Add clips to the queue, each barred to who accepted it; return how many were not in it."""
    own_queue, looks = LocalPlatform(workspace.review_dir()), SecondLooks(workspace)
    barred = dict[str, str]()
    for clip_id in clip_ids:
        if not own_queue.is_open(clip_id) and (first := looks.barred(clip_id)):
            barred[clip_id] = first
    return catalog.enqueue(clip_ids, barred)
