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

    A clip whose labels cannot be read stays in the queue, last, with what is wrong as its reason.

    Args:
        workspace: the workspace.
        catalog: open for writing.
        clip_ids: clips that wait in our own queue; others are left out.
        most_places: most questions about places without a label in one clip.

    Returns:
        One line a clip that failed.
    """
    failed = dict[str, str]()
    queues = dict[str, LocalPlatform]()
    for clip_id in clip_ids:
        with failure_log.isolate(failed, workspace, clip_id, f"rank {clip_id}"):
            for queue in reversed(_queues(workspace)):
                if queue.is_open(clip_id):
                    queues[clip_id] = queue
    catalog.rank([_unreadable(clip_id, reason) for clip_id, reason in failed.items()])
    waiting = [clip_id for clip_id in clip_ids if clip_id in queues and clip_id not in failed]
    _enqueue(workspace, catalog, waiting, failed)
    for first in range(0, len(waiting), BATCH):
        ranks = []
        for clip_id in waiting[first : first + BATCH]:
            queue_rank: QueueRank | None = None
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
            ranks.append(queue_rank or _unreadable(clip_id, failed[clip_id]))
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
            queued = catalog.queued()  # first: what is sent meanwhile waits, and is not removed
            waiting = {clip_id for queue in _queues(workspace) for clip_id in queue.pending()}
            catalog.dequeue(sorted(queued - waiting))
            missing = sorted(waiting - queued)
            if not missing or not _enqueue(workspace, catalog, missing, {}):
                return 0
            unranked = catalog.unranked(batch)
        rank(workspace, catalog, unranked, most_places)
        # What is not ranked now does not wait: it would be tried for ever, and the others never.
        catalog.dequeue({*unranked} & {*catalog.unranked(batch)})
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


def _unreadable(clip_id: str, reason: str) -> QueueRank:
    """Return the rank of a clip that cannot be ranked, and not be opened either."""
    return QueueRank(clip=clip_id, revision=-1, doubts=0, expected=0.0, why=reason)


def _enqueue(
    workspace: Workspace, catalog: Catalog, clip_ids: Sequence[str], failed: dict[str, str]
) -> int:
    """Add clips to the queue, each barred to who accepted it; return how many were not in it.

    A clip of which it cannot be told who that was is left out.
    """
    own_queue, looks = LocalPlatform(workspace.review_dir()), SecondLooks(workspace)
    barred, known = dict[str, str](), list[str]()
    for clip_id in clip_ids:
        with failure_log.isolate(failed, workspace, clip_id, f"queue {clip_id}"):
            if not own_queue.is_open(clip_id) and (first := looks.barred(clip_id)):
                barred[clip_id] = first
            known.append(clip_id)
    return catalog.enqueue(known, barred)
