"""Checks of reviews: verdicts, tasks, edits, receipts; each clip in review waits somewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from oneclick.catalog.file_checks import FileCheck
from oneclick.core.errors import BadInput
from oneclick.core.review import Verdict
from oneclick.storage import (
    bounded_files,
    edit_journals,
    files,
    labels,
    reopenings,
    sealed_files,
    verdicts,
)
from oneclick.storage.edit_journals import Journal
from oneclick.storage.inventories import Inventory
from oneclick.storage.second_looks import SecondLooks
from oneclick.storage.verdicts import VerdictFile

LOCAL = "local"
"""Name of our own platform, whose tasks are files of the workspace."""


class ReviewCheck(FileCheck):
    """Verdicts: archived, waiting to be taken in, and late; tasks; edits; receipts."""

    def run(self) -> list[str]:
        """Return a sentence for each problem."""
        archives = verdicts.read_archives(self.workspace, self.problems)
        archived = {verdict.key: verdict for part in archives.values() for verdict in part}
        for row in self.catalog.verdicts():
            name = f"clip {row.clip}"
            verdict = archived.pop((row.clip, row.by, row.at), None)
            if verdict is None:
                self.add(name, f"the archive holds no verdict of {row.by} at {row.at:%Y-%m-%d}")
                continue
            told = (verdict.decision, verdict.seconds, verdict.edits, verdict.reason)
            if told != (row.decision, row.seconds, row.edits, row.reason):
                self.add(name, f"the archived verdict of {row.by} is not the one in the catalog")
            self._check_corrections(name, verdict)
        for verdict in archived.values():
            self.add(f"clip {verdict.clip}", f"the verdict of {verdict.by} is not in the catalog")
        for pattern in ("review/verdicts/*.json", "review/*/verdicts/*.json"):
            for path in self.paths(pattern):
                self.read(f"clip {path.stem}", _read_waiting, path)
        for path in Inventory.RECEIPTS.files(self.workspace):
            self.read("receipt", sealed_files.read, path)
        for pattern in (
            "review/seeded/**/*.json",
            "review/second/**/*.json",
            "review/control/*.json",
        ):
            for path in self.paths(pattern):
                self.read(f"clip {path.stem}", sealed_files.read, path)
        for inventory in (Inventory.RECEIPTS, Inventory.LATE_VERDICTS, Inventory.SECOND_LOOKS):
            for path in self.missing_files("review", inventory):
                self.add("review", f"{path} is missing: restore it from a backup")
        for path in self.paths("review/tasks/*.json"):
            self.read(f"clip {path.stem}", self._check_task, path)
        for pattern in ("review/desk/*.json", "review/reopened/*.json"):
            for path in self.paths(pattern):
                self.read(f"clip {verdicts.clip_of(path)}", sealed_files.read, path)
        if self.workspace.review_trouble.exists():
            self.read("review", sealed_files.read, self.workspace.review_trouble)
        for path in self.paths("review/*/records/*.json"):
            self.read(f"clip {path.stem}", sealed_files.read, path)
        self._check_looks()
        self._check_journals()
        known = {row.clip for row in self.catalog.verdicts()}
        for clip_id, platform in self.catalog.platforms_in_review().items():
            if platform in ("", LOCAL):
                name = f"clip {clip_id}"
                self.read(name, self._check_waiting, clip_id, archives.get(clip_id, []), known)
        return self.problems

    def _check_looks(self) -> None:
        """Check that each second look that was offered is waited for, decided or erased."""
        looks = SecondLooks(self.workspace)
        receipts = Inventory.RECEIPTS.files(self.workspace)
        for path in self.paths("review/second/offers/*.json"):
            clip_id = path.stem
            files_of_look = (
                looks.result_file(clip_id),
                looks.queue_dir / "tasks" / path.name,
                looks.queue_dir / "verdicts" / path.name,
            )
            is_erased = any(receipt.name.startswith(f"{clip_id}-") for receipt in receipts)
            if not is_erased and not any(file.exists() for file in files_of_look):
                self.add(f"clip {clip_id}", f"its second look is lost: restore {files_of_look[1]}")

    def _check_journals(self) -> None:
        """Read the edits of every round of review, and ask for the record of each decision."""
        folders = ("review/journal", "review/second/queue/journal")
        suffixes = (".jsonl", edit_journals.HEAD_SUFFIX)
        patterns = [f"{folder}/*{suffix}" for folder in folders for suffix in suffixes]
        paths = {path.with_suffix(".jsonl") for each in patterns for path in self.paths(each)}
        for path in sorted(paths):
            name = f"clip {verdicts.clip_of(path)}"
            self.read(name, Journal(path).read_new)
            record = path.parent.with_name("desk") / f"{path.stem}.json"
            if edit_journals.read_head(path).has_record and not record.exists():
                self.add(name, f"{record} is missing: restore it from a backup")

    def _check_waiting(self, clip_id: str, archived: list[VerdictFile], decided: set[str]) -> None:
        """Check that a clip in review on our own platform waits for a person, or was decided.

        Raises:
            BadInput: nobody is asked about it.
        """
        if verdicts.is_decided(self.workspace, clip_id):
            return
        root = self.workspace.review_dir()
        reopening = reopenings.find(root, clip_id)
        current = [
            verdict
            for verdict in archived
            if reopening is None or not reopening.is_earlier(verdict.by, verdict.at)
        ]
        if current and clip_id in decided:
            number = reopenings.current_round(root, clip_id) + 1
            path = reopenings.file(root, clip_id, number)
            raise BadInput(f"is in review again, but {path} is missing: restore it from a backup")
        if not current and not verdicts.is_waiting(self.workspace, clip_id):
            raise BadInput(f"is in review, but its task is lost: oneclick review send {clip_id}")

    def _check_corrections(self, name: str, verdict: VerdictFile) -> None:
        """Compare the labels in a verdict with the label revision that it became."""
        corrected = self.read(name, verdict.corrected_labels)
        if corrected is None or not self.deep:
            return
        for path in labels.revisions(self.workspace, verdict.clip):
            try:
                revision = labels.load(path)
            except BadInput:
                continue  # named by the check of clips
            if (revision.made_by, revision.made_at) == (verdict.by, verdict.at):
                same = replace(revision, revision=corrected.revision, parent=corrected.parent)
                if labels.encode(same) != labels.encode(corrected):
                    self.add(name, f"the archived verdict of {verdict.by} is not {path}")

    def _check_task(self, path: Path) -> None:
        """Compare a task with the label revision that it is a copy of.

        Raises:
            BadInput: it is broken, or was changed after it was sent.
        """
        content = bounded_files.read_bytes(path, files.MAX_JSON)
        remedy = f"oneclick review send {path.stem}"
        try:
            sealed_files.check(content, path)
        except BadInput as error:
            raise BadInput(f"{error}; or {remedy}") from None
        copies = labels.revisions(self.workspace, path.stem) if self.deep else []
        if copies and not any(_is_copy(content, copy) for copy in copies):
            raise BadInput(f"{path} is none of the label revisions of the clip: {remedy}")


def _is_copy(task: bytes, path: Path) -> bool:
    """Check whether a task, with or without a seal, is the label file at `path`."""
    content = path.read_bytes()
    try:
        return task in (content, sealed_files.add_seal(content))
    except BadInput:
        return False


def _read_waiting(path: Path) -> Verdict:
    return verdicts.read(path).verdict()
