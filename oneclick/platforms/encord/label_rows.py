"""Label rows on Encord: listed by the hundred, read together, and compared with our labels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from encord.objects import LabelRowV2

from oneclick.core import edits, ids
from oneclick.core.edits import Edits
from oneclick.core.errors import PlatformAway, PlatformRefused
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.platforms.encord import convert, schema
from oneclick.platforms.encord.project import EncordProject

ROWS = 500
"""Most rows that are listed in one request by their data units."""


class _OfClip(Protocol):
    @property
    def clip(self) -> str: ...


T = TypeVar("T", bound=_OfClip)


class RowReader:
    """Lists and reads the rows of one project.

    Args:
        encord: the project.
    """

    def __init__(self, encord: EncordProject) -> None:
        self._encord = encord
        self._final_stages = (encord.options.finished, encord.options.discarded)
        self.unreadable: dict[str, str] = {}
        """Clips that were decided or corrected and cannot be read, each with its reason."""

    def list_rows(self, data_hashes: Sequence[str]) -> list[LabelRowV2]:
        """List the rows of up to ROWS data units; those that were deleted are not among them."""
        return self._encord.call(
            "list rows",
            lambda: self._encord.project.list_label_rows_v2(data_hashes=list(data_hashes)),
        )

    def list_edited(self, since: datetime) -> list[LabelRowV2]:
        """List the rows whose labels were edited after a time (UTC)."""
        return self._encord.call(
            "list edited rows",
            lambda: self._encord.project.list_label_rows_v2(edited_after=since),
        )

    def is_final(self, row: LabelRowV2) -> bool:
        """Check whether a row is at a stage where its clip is decided."""
        return _stage(row) in self._final_stages

    def read_final(self, rows: list[tuple[LabelRowV2, T]]) -> list[tuple[LabelRowV2, T]]:
        """Read the labels of rows; return those that were read and are still at a final stage."""
        read_rows = self._read_labels(rows)
        if not read_rows:
            return []
        current_rows = self.list_rows([row.data_hash for row, _ in read_rows])
        final = {row.data_hash for row in current_rows if self.is_final(row)}
        return [(row, clip) for row, clip in read_rows if row.data_hash in final]

    def _read_labels(self, rows: list[tuple[LabelRowV2, T]]) -> list[tuple[LabelRowV2, T]]:
        """Read the labels of rows; return those that could be read.

        Where Encord refuses, the rows are read by halves, to find the one that is the cause.
        """
        # A row without a hash has no labels, and reading would create some.
        labelled = [pair for pair in rows if pair[0].label_hash is not None]
        unlabelled = [pair for pair in rows if pair[0].label_hash is None]
        for row, record in unlabelled:
            if _stage(row) == self._encord.options.finished:
                self.unreadable[record.clip] = (
                    f"clip {record.clip} was finished on Encord before it had labels: reopen it"
                )

        def initialise() -> None:
            with self._encord.project.create_bundle() as bundle:
                for row, _ in labelled:
                    row.initialise_labels(overwrite=True, bundle=bundle)

        try:
            self._encord.retrier.call("read labels", initialise)
        except PlatformAway:
            raise
        except PlatformRefused as error:
            if len(labelled) > 1:
                half = len(labelled) // 2
                rest = labelled[half:] + unlabelled
                return [*self._read_labels(labelled[:half]), *self._read_labels(rest)]
            self._encord.check_access()
            self.unreadable[labelled[0][1].clip] = str(error)
            labelled = []
        return labelled + [pair for pair in unlabelled if pair[1].clip not in self.unreadable]

    def find_rejection(self, row: LabelRowV2) -> str | None:
        """Return why a row that was read is rejected, or None where it is not."""
        rejection = schema.rejection_reason(row) if row.is_labelling_initialised else None
        discarded = self._encord.options.discarded
        if rejection is None and _stage(row) == discarded:
            return f"at {discarded} on Encord"
        return rejection


def read_corrections(
    row: LabelRowV2, label_set: LabelSet
) -> tuple[tuple[LabelTrack, ...] | None, Edits]:
    """Return the tracks on a row that was read, and how they differ from labels of its clip.

    Returns:
        None in place of the tracks where they are the same.

    Raises:
        BadLabels: the labels on the row do not fit the clip.
    """
    visible = convert.visible_tracks(label_set)
    reviewed = convert.read_tracks(row, label_set, ids.pseudonym(label_set.clip))
    reviewed = edits.restore_ids(visible, reviewed)
    tracks, changes = edits.reconcile(label_set.tracks, visible, reviewed)
    same_keyframes = _keyframes(tracks) == _keyframes(label_set.tracks)
    return None if changes == Edits() and same_keyframes else tracks, changes


def utc(at: datetime) -> datetime:
    """Return a time of Encord as UTC; one without a zone is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _keyframes(tracks: Sequence[LabelTrack]) -> dict[int, tuple[int, ...]]:
    return {track.id: track.keyframes for track in tracks}


def _stage(row: LabelRowV2) -> str | None:
    return row.workflow_graph_node.title if row.workflow_graph_node else None
