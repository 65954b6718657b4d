"""The catalog made again from the files of the workspace, without losing what only it knows.

The history of clips, flow runs and times of addition stand in no file: they are carried over from
the old catalog where it can be read. Cards and verdicts whose file is lost or broken are written
again from it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from oneclick.catalog import copies, generations, recount, row_checks, rows, schema, verify
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.exclusive import check_idle
from oneclick.catalog.filler import CatalogFiller
from oneclick.core.clips import ChosenBy, Clip, ClipStage
from oneclick.core.errors import BadInput, Unavailable
from oneclick.storage import cards, files, locks, model_cards, receipts, sealed_files, verdicts
from oneclick.storage.locks import WriteLock
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
BY = "rebuild"
COPY = "catalog.sqlite.before-rebuild"
"""Copy of the catalog as it was before the last rebuild."""
BROKEN = ".broken"
"""Suffix of a broken file that was written again, beside the new one."""
_KNOWLEDGE = (
    schema.videos,
    schema.clips,
    schema.clip_events,
    schema.hits,
    schema.selections,
    schema.label_revisions,
    schema.verdicts,
    schema.datasets,
    schema.models,
    schema.flow_runs,
)

_IN_NO_FILE = (schema.generations, schema.web_sessions, schema.review_queue)
"""Tables that stay as they are: sessions and leases go on."""


@dataclass(frozen=True)
class RebuildResult:
    """What a rebuild of the catalog from files restored, lost and found broken."""

    problems: list[str] = field(default_factory=list)
    """A sentence about each broken file, and about what differs afterwards."""
    restored: list[str] = field(default_factory=list)
    """Files that were written again from the old catalog."""
    losses: list[str] = field(default_factory=list)
    """What the old catalog knew, and the new one cannot know."""


class OldCatalog:
    """The rows of a catalog before it is rebuilt, without damaged ones."""

    def __init__(self, connection: sa.Connection) -> None:
        self.tables: dict[str, list[sa.Row[Any]]] = {
            table.name: row_checks.sound_rows(connection, table) for table in _KNOWLEDGE
        }

    def __getitem__(self, table: sa.Table) -> list[sa.Row[Any]]:
        return self.tables[table.name]


def rebuild(home: Path, accept_losses: bool = False) -> RebuildResult:
    """Make the catalog of a workspace again from its files, in one transaction.

    A readable catalog is copied to `catalog.sqlite.before-rebuild`, a broken one moved aside.

    Args:
        home: the workspace folder.
        accept_losses: go on where the files no longer hold something that the catalog knows.

    Raises:
        Unavailable: a process holds leases on clips, publishes, or takes in verdicts.
        BadInput: something would be lost; the old catalog stays.
    """
    workspace, result = Workspace(Path(home)), RebuildResult()
    with (
        # They write files, and rows about them afterwards.
        locks.hold(workspace, WriteLock.PUBLISH, wait=False),
        locks.hold(workspace, WriteLock.REVIEW, wait=False),
        locks.hold(workspace, WriteLock.REBUILD),
    ):
        _set_aside(workspace)
        with Catalog.open(workspace.home, update=False) as catalog:
            with catalog.transaction() as connection:
                check_idle(catalog)
                old = OldCatalog(connection)
                FileRestorer(workspace, old, result).restore()
                _clear(connection)
                result.problems.extend(CatalogFiller(catalog, BY).fill())
                _carry_over(connection, old)
                result.losses.extend(_find_losses(workspace, connection, old))
                if result.losses and not accept_losses:
                    raise BadInput(_losses_text(result.losses))
                generation = generations.read(connection)
            generations.record(workspace, generation)
            result.problems.extend(
                problem for problem in verify.verify(catalog) if problem not in result.problems
            )
    return result


def _clear(connection: sa.Connection) -> None:
    for table in reversed(schema.metadata.sorted_tables):
        if table not in _IN_NO_FILE:
            connection.execute(table.delete())


def _set_aside(workspace: Workspace) -> None:
    """Copy the SQLite file of the catalog, or move it aside if it is broken."""
    url = Catalog.url(workspace)
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or not path.exists():
        return
    try:
        Catalog.open(workspace.home, update=False).close()
        with files.atomic_file(path.with_name(COPY)) as temporary:
            copies.copy_sqlite(path, temporary)
    except (BadInput, sqlite3.DatabaseError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Unavailable(f"{path} cannot be copied: {error}; free space, run again") from None
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                part = path.with_name(path.name + suffix)
                part.rename(path.with_name(f"{path.name}{BROKEN}-{moment}{suffix}"))


class FileRestorer:
    """Writes cards and verdicts again that are lost or broken, from the rows of the catalog."""

    def __init__(self, workspace: Workspace, old: OldCatalog, result: RebuildResult) -> None:
        self.workspace, self.old, self.result = workspace, old, result

    def restore(self) -> None:
        """Restore all files that the catalog knows enough about."""
        for _, video in self._readable(schema.videos, rows.video_from_row):
            path = self.workspace.video_card(video.camera, video.id)
            if path.parent.is_dir() and not self._is_sound(path, cards.load_video_card):
                self._replace(path, sealed_files.encode(video))
        for row, clip in self._readable(schema.clips, rows.clip_from_row):
            self._restore_clip(row, clip)
        for _, clip in self._readable(schema.selections, rows.clip_from_row):
            path = self.workspace.picked_selection(clip.id)
            if clip.chosen_by is ChosenBy.VIEWER and not self._is_sound(path, cards.load_clip_card):
                self._replace(path, sealed_files.encode(clip))
        self._restore_hits()
        self._restore_verdicts()
        for row in self.old[schema.models]:
            path = self.workspace.model_dir(row.id) / model_cards.CARD_FILE
            weights = path.with_name(model_cards.WEIGHTS_FILE)
            if weights.exists() and not self._is_sound(path, sealed_files.read):
                with contextlib.suppress(BadInput):  # a broken row
                    self._replace(path, sealed_files.add_seal(row.card.encode()))

    def _readable(
        self, table: sa.Table, convert: Callable[[sa.Row[Any]], T]
    ) -> Iterator[tuple[sa.Row[Any], T]]:
        """Yield the rows of a table with what they stand for; broken rows restore nothing."""
        for row in self.old[table]:
            try:
                value = convert(row)
            except BadInput:
                continue
            yield row, value

    def _restore_clip(self, row: sa.Row[Any], clip: Clip) -> None:
        path = self.workspace.clip_card(clip.id)
        is_cut = self.workspace.clip_file(clip.id).exists()
        if is_cut and not self._is_sound(path, cards.load_clip_card):
            self._replace(path, sealed_files.encode(clip))
            # A rebuild orders clips by the time of their cards.
            os.utime(path, (row.created_at.timestamp(),) * 2)
        card = self.workspace.quarantine_card(clip.id)
        if row.stage == ClipStage.QUARANTINED and not self._is_sound(card, cards.load_quarantine):
            self._replace(card, sealed_files.encode(cards.QuarantineCard(clip.id, row.error)))

    def _restore_hits(self) -> None:
        """Write broken hits again; which models each scan compared is not known any more."""
        selections, hits, keys = defaultdict(list), defaultdict(list), {}
        for row, clip in self._readable(schema.selections, rows.clip_from_row):
            selections[row.video].append(clip)
        for row, hit in self._readable(schema.hits, rows.hit_from_row):
            hits[row.video].append(hit)
            keys[row.video] = row.key
        videos = {row.id for row in self.old[schema.videos]}
        for video, key in keys.items():
            path = self.workspace.hits(video)
            if video not in videos or self._is_sound(path, cards.load_hits):
                continue
            card = cards.HitsCard(
                video=video,
                key=key,
                hits=tuple(hits[video]),
                looks={key: tuple(selections[video])},
            )
            self._replace(path, sealed_files.encode(card))

    def _restore_verdicts(self) -> None:
        # One that waits is archived by whoever collects it, perhaps while the archive is read.
        keys = verdicts.waiting_keys(self.workspace)
        archives = verdicts.read_archives(self.workspace, [])
        keys |= {verdict.key for archived in archives.values() for verdict in archived}
        for row in self.old[schema.verdicts]:
            if (row.clip, row.by, row.at) in keys:
                continue
            verdict = VerdictFile(
                clip=row.clip,
                decision=row.decision,
                by=row.by,
                at=row.at,
                seconds=row.seconds,
                edits=row.edits,
                reason=row.reason,
            )
            path = self.workspace.review_dir() / "archive" / f"{row.clip}.json"
            if self._is_sound(path, verdicts.read):
                path = path.with_name(f"{row.clip}.{row.at:%Y%m%dT%H%M%S%f}.json")
            self._replace(path, sealed_files.encode(verdict))

    def _is_sound(self, path: Path, read: Callable[[Path], object]) -> bool:
        try:
            read(path)
        except BadInput:
            return False
        return True

    def _replace(self, path: Path, content: bytes) -> None:
        """Write a file again; what is there is kept beside."""
        if path.exists():
            with files.guard(path):
                path.replace(path.with_name(path.name + BROKEN))
        files.write_atomic(path, content)
        self.result.restored.append(str(path))


def _carry_over(connection: sa.Connection, old: OldCatalog) -> None:
    """Put the history, the times and the flow runs of the old catalog into the new one."""
    clips, events = schema.clips, schema.clip_events
    stages = {row.id: row.stage for row in connection.execute(sa.select(clips))}
    histories = defaultdict(list)
    for row in old[events]:
        columns = dict(row._mapping)
        del columns["id"]
        histories[row.clip].append(columns)
    for row in old[clips]:
        if row.id not in stages or not histories[row.id]:
            continue
        connection.execute(sa.delete(events).where(events.c.clip == row.id))
        columns = {"created_at": row.created_at}
        if stages[row.id] == row.stage:
            columns |= {"moved_at": row.moved_at, "attempts": row.attempts, "error": row.error}
            columns["failed_from"] = row.failed_from
        else:
            change = {"clip": row.id, "at": datetime.now(UTC), "old": row.stage}
            histories[row.id].append(
                change | {"new": stages[row.id], "by": BY, "detail": "as the files tell"}
            )
        connection.execute(sa.update(clips).where(clips.c.id == row.id).values(columns))
    history = [columns for clip in stages for columns in histories.pop(clip, ())]
    # Clips that were put back to be cut again have events, but no row.
    history += [columns for events_of_clip in histories.values() for columns in events_of_clip]
    if history:
        connection.execute(sa.insert(events), sorted(history, key=lambda row: row["at"]))
    for row in old[schema.videos]:
        query = sa.update(schema.videos).where(schema.videos.c.id == row.id)
        connection.execute(query.values(added_at=row.added_at))
    if old[schema.flow_runs]:
        runs = [dict(row._mapping) for row in old[schema.flow_runs]]
        connection.execute(sa.insert(schema.flow_runs), runs)
    recount.refill(connection)


def _find_losses(workspace: Workspace, connection: sa.Connection, old: OldCatalog) -> Iterator[str]:
    """Yield a sentence for each thing of the old catalog that the files no longer hold."""
    for table, key, noun in (
        (schema.videos, "id", "video"),
        (schema.clips, "id", "clip"),
        (schema.datasets, "name", "dataset"),
        (schema.models, "id", "model"),
    ):
        rebuilt = set(connection.scalars(sa.select(table.c[key])))
        for name in sorted({row._mapping[key] for row in old[table]} - rebuilt):
            yield f"{noun} {name}: its files are lost or broken"
    revisions = schema.label_revisions
    query = sa.select(revisions.c.clip, revisions.c.revision)
    rebuilt_revisions = {(clip, revision) for clip, revision in connection.execute(query)}
    erased = receipts.clips_erased_everywhere(workspace)
    for row in old[revisions]:
        is_rebuilt = (row.clip, row.revision) in rebuilt_revisions or row.clip in erased
        if row.kind == "human" and not is_rebuilt:
            yield f"labels {row.revision} of clip {row.clip} by {row.made_by}: the file is lost"


def _losses_text(losses: list[str]) -> str:
    text = "; ".join(losses[:5]) + (f"; {len(losses) - 5} more" if len(losses) > 5 else "")
    return (
        f"a rebuild would lose what the catalog knows: {text}: restore the files from a backup, "
        "or oneclick catalog rebuild --accept-losses"
    )
