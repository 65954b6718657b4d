"""Who did what on Encord, when, and for how long: the log of task actions, and the time spent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from encord.orm.analytics import TaskAction, TaskActionType

from oneclick.core.errors import PlatformRefused
from oneclick.platforms.encord.project import EncordProject

DECISIONS = (
    TaskActionType.SUBMIT,
    TaskActionType.APPROVE,
    TaskActionType.REJECT,
    TaskActionType.MOVE,
)


def list_decisions(
    encord: EncordProject, since: datetime, data_hashes: Sequence[str] | None = None
) -> list[TaskAction] | None:
    """List the actions that may decide on a clip; None where the key cannot read the log.

    Args:
        since: how far back; the service may limit it.
        data_hashes: only actions on these data units.
    """
    until = datetime.now(UTC) + timedelta(minutes=1)
    try:
        return encord.retrier.call(
            "read the log of actions",
            lambda: list(
                encord.project.get_task_actions(
                    after=since,
                    before=until,
                    action_type=list(DECISIONS),
                    data_unit_uuid=list(data_hashes) if data_hashes else None,
                )
            ),
        )
    except PlatformRefused:
        return None


def seconds_spent(
    encord: EncordProject, since: datetime, data_hashes: Collection[str]
) -> dict[str, int]:
    """Return the seconds that annotators spent on each data unit; 0 where the key cannot read them.

    Encord counts by days: the whole first day is included.
    """
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = dict.fromkeys(data_hashes, 0)
    try:
        entries = encord.retrier.call(
            "read the time spent",
            lambda: list(encord.project.list_time_spent(midnight, datetime.now(UTC))),
        )
    except PlatformRefused:
        return seconds
    for entry in entries:
        if str(entry.data_uuid) in seconds:
            seconds[str(entry.data_uuid)] += entry.time_spent_seconds
    return seconds
