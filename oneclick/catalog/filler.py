"""What the files of a workspace tell, taken into its catalog: all of it, or what it lacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from oneclick.catalog import recount, rows
from oneclick.catalog.catalog import Catalog
from oneclick.catalog.rows import LabelRevisionRecord, VerdictRecord
from oneclick.core import progress
from oneclick.core.clips import Clip, ClipStage
from oneclick.core.errors import BadInput, OneclickError, Unavailable
from oneclick.core.labels import IMPORT_PREFIX, LabelSet
from oneclick.core.review import POLICY_PREFIX
from oneclick.storage import (
    cards,
    datasets,
    files,
    labels,
    receipts,
    reopenings,
    sealed_files,
    verdicts,
)
from oneclick.storage.reopenings import Reopening
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace

T = TypeVar("T")
RANK = {stage: rank for rank, stage in enumerate(ClipStage)} | {
    ClipStage.REJECTED: list(ClipStage).index(ClipStage.ACCEPTED)
}
"""How far a clip is at each stage; both decisions are equally far."""
MARKED_FILES = {cards.PREDICT_STEP: "predictions", cards.MEASURE_STEP: "signals"}
"""Folder of the Parquet files of a video, which the marks of a step name."""


class CatalogFiller:
    """Adds the files of a workspace to its catalog, leaving out broken ones.

    Args:
        catalog: an open catalog; empty, or one that lacks some of what the files tell.
        by: name in the events of clips.
    """

    def __init__(self, catalog: Catalog, by: str) -> None:
        self.catalog, self.by = catalog, by
        self.workspace = catalog.workspace
        self.problems: list[str] = []
        self.additions: list[str] = []
        """Names of what the catalog lacked."""
        self.verdicts: dict[str, list[VerdictFile]] = {}
        self.published: dict[str, int] = {}
        """Newest published label revision by clip."""
        self.reopened: dict[str, Reopening] = {}
        self.erased: set[str] = set()
        """Clips that were erased on a review platform in the current round of review."""
        self.gone: set[str] = set()
        """Clips that were erased everywhere."""

    def fill(self, thorough: bool = True) -> list[str]:
        """Add what is missing, in the order of the references; return what was left out.

        Args:
            thorough: compare the labels of every clip; else only of clips that a verdict, a dataset
                or a card beyond the catalog names.
        """
        self.add_videos(thorough)
        self.add_hits(thorough)
        self.add_picked_selections()
        stages = self.catalog.stages()
        self.read_reopenings()
        self.erased = receipts.erased_clips(self.workspace)
        self.gone = receipts.clips_erased_everywhere(self.workspace)
        settled = set() if thorough else self.find_settled(stages)
        settled -= self.reopened.keys() | self.erased
        self.verdicts = verdicts.read_archives(self.workspace, self.problems, settled)
        self.add_datasets()
        self.add_new_clips(stages)
        unpublished = {id for id, stage in stages.items() if stage is not ClipStage.PUBLISHED}
        suspects = self.verdicts.keys() | (self.published.keys() & unpublished)
        suspects |= self.reopened.keys() | self.erased | self.gone
        for clip_id in sorted(stages if thorough else suspects & stages.keys()):
            self._attempt(self.update_clip, clip_id)
        for clip in self.catalog.selections():
            self.restore_quarantine(clip.id)
        self.add_models()
        return self.problems

    def read_reopenings(self) -> None:
        """Read why clips are reviewed again."""
        root = self.workspace.review_dir()
        for clip_id in sorted(reopenings.clip_ids(root)):
            if reopening := self._attempt(reopenings.find, root, clip_id):
                self.reopened[clip_id] = reopening

    def find_settled(self, stages: dict[str, ClipStage]) -> set[str]:
        """Return the clips that were decided, with a verdict that the catalog has."""
        decided = (ClipStage.ACCEPTED, ClipStage.REJECTED, ClipStage.PUBLISHED)
        judged = self.catalog.judged_clips()
        return {id for id, stage in stages.items() if stage in decided and id in judged}

    def _attempt(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call the function, or note its error and return None."""
        try:
            return function(*arguments)
        except Unavailable:
            raise
        except OneclickError as error:
            self.problems.append(f"left out: {error}")
            return None

    def _files(self, pattern: str) -> list[Path]:
        # Temporary files of running processes begin with a dot.
        paths = self.workspace.home.glob(pattern)
        return sorted(path for path in paths if not path.name.startswith("."))

    def add_videos(self, thorough: bool) -> None:
        """Add all videos, and the marks of their predictions and signals."""
        catalogued = {video.id for video in self.catalog.videos()}
        for path in self._files("videos/*/*.json"):
            is_known = path.stem in catalogued
            if is_known and not thorough:
                continue
            if video := self._attempt(cards.load_video_card, path):
                self._attempt(self.catalog.add_video, video)
                if not is_known:
                    self.additions.append(f"video {video.id}")
                for step, folder in MARKED_FILES.items():
                    paths = self._files(f"{folder}/{video.id}/*.parquet")
                    self.catalog.mark(video.id, step, *(path.stem for path in paths))

    def add_hits(self, thorough: bool) -> None:
        """Add the hits and selections of all videos."""
        unscanned = set(self.catalog.unmarked(cards.SCAN_STEP))
        for path in self._files("hits/*.json"):
            if not thorough and path.stem not in unscanned:
                continue
            if hits := self._attempt(cards.load_hits, path):
                self._attempt(self.add_video_hits, hits)

    def add_video_hits(self, hits: cards.HitsCard) -> None:
        """Add the hits and selections of one video.

        Raises:
            UnknownName: the video is not in the catalog.
        """
        if not self.catalog.is_marked(hits.video, cards.SCAN_STEP, hits.key):
            self.catalog.replace_hits(hits.video, hits.hits, hits.key)
            self.additions.append(f"hits of {hits.video}")
        marks = [(hits.video, cards.SCAN_STEP, key) for key in hits.looks]
        self.catalog.add_selections(hits.selections, marks)

    def add_picked_selections(self) -> None:
        """Add the spans that people chose to be cut."""
        catalogued = {clip.id for clip in self.catalog.selections(uncut_only=False)}
        for path in self._files("selections/*.json"):
            if path.stem in catalogued:
                continue
            clip = self._attempt(cards.load_clip_card, path)
            if clip and self._attempt(self.catalog.video, clip.video):
                self.catalog.add_selections([clip])
                self.additions.append(f"selection {clip.id}")

    def add_datasets(self) -> None:
        """Add all dataset versions, and note which clips are published."""
        catalogued = {row.name for row in self.catalog.datasets()}
        for name in datasets.names(self.workspace):
            folder = self.workspace.dataset_dir(name)
            if version := self._attempt(datasets.load, folder):
                for clip in version.clips:
                    newest = self.published.get(clip.clip, 0)
                    self.published[clip.clip] = max(newest, clip.revision)
                if name not in catalogued:
                    self.catalog.add_dataset(version, datasets.publication_time(folder))
                    self.additions.append(f"dataset {name}")

    def add_new_clips(self, catalogued: Container[str]) -> None:
        """Add the clips that are not in the catalog, in the order in which they were cut."""
        new_clips = []
        for clip_id, folder in clip_folders(self.workspace):
            if clip_id in catalogued or not (folder / "clip.json").exists():
                continue
            if clip := self._attempt(cards.load_clip_card, folder / "clip.json"):
                at = datetime.fromtimestamp((folder / "clip.json").stat().st_mtime, UTC)
                new_clips.append((clip, at))
        new_clips.sort(key=lambda pair: (pair[1], pair[0].id))
        if not new_clips:
            return
        videos = {video.id for video in self.catalog.videos()}
        entries, revisions, records = [], [], []
        for clip, at in progress.track(self.by, new_clips, len(new_clips)):
            if clip.video not in videos:
                self.problems.append(f"left out: clip {clip.id}: its video {clip.video} is unknown")
                continue
            self.restore_labels(clip.id)
            clip_revisions = self.read_revisions(clip.id)
            newest = max((revision.revision for revision in clip_revisions), default=0)
            entries.append((clip, self.stage_on_disk(clip.id), newest, at))
            revisions += clip_revisions
            records += self.verdict_records(clip)
            self.additions.append(f"clip {clip.id}")
        with self.catalog.transaction() as connection:
            self.catalog.insert_clips(entries, self.by)
            self.catalog.insert_reviews(revisions, records)
            recount.refill(connection)
        for clip, *_ in entries:
            self.restore_quarantine(clip.id)

    def read_revisions(self, clip_id: str) -> list[LabelRevisionRecord]:
        """Return the records of the label files of a clip; broken ones are left out."""
        records = []
        for path in labels.revisions(self.workspace, clip_id):
            if label_set := self._attempt(labels.load, path):
                records.append(rows.revision_record(label_set, files.sha256(path)))
        return records

    def verdict_records(self, clip: Clip) -> list[VerdictRecord]:
        """Return the records of the archived verdicts on a clip."""
        return [
            VerdictRecord(
                clip=clip.id,
                decision=verdict.decision,
                by=verdict.by,
                at=verdict.at,
                seconds=verdict.seconds,
                edits=verdict.edits,
                images=len(clip.span),
                reason=verdict.reason,
            )
            for verdict in self.verdicts.get(clip.id, ())
        ]

    def update_clip(self, clip_id: str) -> None:
        """Take in labels and verdicts of a clip, and move it on to the stage that its files show.

        Where somebody works on the clip, its stage is left to them.
        """
        row = self.catalog.clip(clip_id)
        self.restore_labels(clip_id)
        for path in labels.revisions(self.workspace, clip_id):
            if label_set := self._attempt(labels.load, path):
                self._attempt(self.catalog.add_revision, label_set, files.sha256(path))
        for verdict in self.verdict_records(row.clip):
            self.catalog.insert_verdict(verdict)
        self.restore_quarantine(clip_id)
        stage = self.stage_on_disk(clip_id)
        if row.stage is ClipStage.QUARANTINED or row.lease_owner or stage is row.stage:
            return
        is_back = clip_id in self.gone or self.is_taken_back(row.stage, clip_id)
        if RANK[stage] <= RANK[row.stage] and not is_back:
            return
        if self.catalog.advance(clip_id, row.stage, stage, self.by):
            self.additions.append(f"clip {clip_id}: {row.stage} → {stage}")

    def is_taken_back(self, stage: ClipStage, clip_id: str) -> bool:
        """Check whether a clip stands in the catalog as it did before it was reopened."""
        if clip_id not in self.reopened or stage is ClipStage.IN_REVIEW:
            return False
        # Whoever takes in a verdict moves the clip first, and archives the verdict then.
        return not verdicts.is_decided(self.workspace, clip_id)

    def restore_labels(self, clip_id: str) -> None:
        """Save the labels of archived acceptances again where their files are lost."""
        acceptances = [
            verdict
            for verdict in self.verdicts.get(clip_id, ())
            if verdict.decision == "accept" and not verdict.by.startswith(POLICY_PREFIX)
        ]
        if reopening := self.reopened.get(clip_id):
            acceptances.sort(key=lambda verdict: reopening.place(verdict.by, verdict.at))
        for number, verdict in enumerate(acceptances):
            self._attempt(self._restore_revision, clip_id, verdict, number)

    def _restore_revision(self, clip_id: str, verdict: VerdictFile, number: int) -> None:
        """Save the labels of the acceptance after `number` others."""
        paths = labels.revisions(self.workspace, clip_id)
        if sum(path.stem.endswith("-human") for path in paths) > number or not paths:
            return
        latest = labels.load(paths[-1])
        corrected = verdict.corrected_labels()
        restored: LabelSet = replace(
            latest,
            revision=latest.revision + 1,
            kind="human",
            parent=latest.revision,
            made_by=verdict.by,
            made_at=verdict.at,
            tracks=latest.tracks if corrected is None else corrected.tracks,
        )
        labels.save(self.workspace, restored)
        self.additions.append(f"labels of {clip_id} by {verdict.by}")

    def restore_quarantine(self, clip_id: str) -> None:
        """Move a clip or selection to QUARANTINED if it has a quarantine card."""
        path = self.workspace.quarantine_card(clip_id)
        if not path.exists() or self.stage_on_disk(clip_id) is ClipStage.REJECTED:
            return  # the card of one that was erased since
        if card := self._attempt(cards.load_quarantine, path):
            self._attempt(self.catalog.quarantine, clip_id, card.reason, self.by)

    def add_models(self) -> None:
        """Add all trained models."""
        catalogued = {row.id for row in self.catalog.models()}
        for path in self._files("models/*/card.json"):
            if path.parent.name in catalogued:
                continue
            card = self._attempt(sealed_files.read, path, dict[str, Any])
            if card is not None:
                dataset = card.get("dataset")
                name = dataset.get("name") if isinstance(dataset, dict) else dataset
                self.catalog.add_model(path.parent.name, name, card)
                self.additions.append(f"model {path.parent.name}")

    def is_reviewed(self, path: Path) -> bool:
        """Check whether a label file tells that a person accepted its clip.

        Imported labels may be a person's too: an import writes them before it accepts the clip.
        """
        if not path.stem.endswith("-human"):
            return False
        try:
            return not labels.load(path).made_by.startswith(IMPORT_PREFIX)
        except BadInput:
            return True

    def stage_on_disk(self, clip_id: str) -> ClipStage:
        """Return the furthest stage that the files of a clip show, apart from QUARANTINED."""
        workspace, archived = self.workspace, self.verdicts.get(clip_id)
        paths = labels.revisions(workspace, clip_id)
        reopening = self.reopened.get(clip_id)
        # A verdict that was given before the erasure still counts, once it is taken in.
        is_erased = clip_id in self.erased and not verdicts.is_decided(workspace, clip_id)
        if clip_id in self.gone:
            return ClipStage.REJECTED
        if self.published.get(clip_id, 0) > (reopening.revision if reopening else 0):
            return ClipStage.PUBLISHED
        if reopening:
            archived = [v for v in archived or () if not reopening.is_earlier(v.by, v.at)]
            if not archived:
                return ClipStage.REJECTED if is_erased else ClipStage.IN_REVIEW
        if archived:
            is_accepted = archived[-1].decision == "accept"
            return ClipStage.ACCEPTED if is_accepted else ClipStage.REJECTED
        # Before the labels: a process killed while it stores a verdict leaves human labels.
        if verdicts.is_waiting(workspace, clip_id):
            return ClipStage.IN_REVIEW
        if any(self.is_reviewed(path) for path in paths):
            return ClipStage.ACCEPTED
        if is_erased:
            return ClipStage.REJECTED
        if paths:
            return ClipStage.LABELLED
        return ClipStage.EXTRACTED if workspace.frames_dir(clip_id).is_dir() else ClipStage.CUT


def clip_folders(workspace: Workspace) -> list[tuple[str, Path]]:
    """Return (clip id, folder) of all folders of clips, sorted by id; fast for very many."""
    folders = []
    try:
        with os.scandir(workspace.clips_dir) as cameras:
            for camera in cameras:
                if camera.is_dir() and not camera.name.startswith("."):
                    with os.scandir(camera.path) as entries:
                        folders += [
                            (entry.name, Path(entry.path))
                            for entry in entries
                            if not entry.name.startswith(".")
                        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput(f"{workspace.clips_dir} cannot be read: {error.strerror}") from None
    return sorted(folders)
