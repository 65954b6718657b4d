"""Labels to Encord: on a branch of ours, from there to `main`, but never over a human's work.

A row that a human has touched is never written: Encord itself copies our branch, and skips data
units that have a row on `main`.
"""

from __future__ import annotations

from uuid import UUID

from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceNotFoundError
from encord.objects import LabelRowV2
from encord.workflow.stages.agent import AgentStage

from oneclick.platforms.encord import convert
from oneclick.platforms.encord.load import ClipUpload
from oneclick.platforms.encord.project import EncordProject
from oneclick.platforms.encord.records import EncordRecords

MAIN = "main"
_REFUSALS = (InvalidArgumentsError, AuthorisationError, ResourceNotFoundError)
Rows = dict[str, LabelRowV2]
"""By data unit."""


class Prelabeller:
    """Links clips into a dataset and labels them, in steps that may each be repeated."""

    def __init__(self, encord: EncordProject, records: EncordRecords) -> None:
        self._encord, self._records = encord, records
        self._copies_branches = True
        """Whether Encord lets us have a branch and copies it to main; False after one refusal."""

    def link(self, uploads: list[ClipUpload]) -> None:
        """Link files into the dataset, which makes a data unit of each."""
        by_item: dict[UUID, ClipUpload] = {u.item.uuid: u for u in uploads if u.item}
        for unit in self._encord.dataset.link_items(list(by_item)):
            if unit.backing_item_uuid in by_item:
                by_item[unit.backing_item_uuid].data_hash = unit.uid

    def find_rows(self, uploads: list[ClipUpload]) -> list[ClipUpload]:
        """Look up the rows of clips; return those without one: it comes a while after linking."""
        for upload in uploads:
            upload.data_hash = upload.data_hash or self.find_data_hash(upload)
        rows = self._rows([upload for upload in uploads if upload.data_hash], MAIN)
        for upload in uploads:
            row = rows.get(upload.data_hash)
            upload.is_unlabelled = row is not None and row.label_hash is None
        return [upload for upload in uploads if upload.data_hash not in rows]

    def find_data_hash(self, upload: ClipUpload) -> str:
        """Return the data unit of an item that was linked before, or "" where it has none."""
        uuid = upload.item.uuid if upload.item else None
        for row in self._encord.project.list_label_rows_v2(data_title_eq=upload.title):
            if row.backing_item_uuid in (uuid, None):
                return row.data_hash
        return ""

    def label(self, uploads: list[ClipUpload]) -> None:
        """Save labels on the clips that have none, then release all clips for annotation."""
        unlabelled = [upload for upload in uploads if upload.is_unlabelled]
        for branch in sorted({upload.branch for upload in unlabelled}):
            part = [upload for upload in unlabelled if upload.branch == branch]
            if self.label_by_branch(part, branch) < len(part):
                self._label_main(part)
        # A row that we made, and could not fill before we were interrupted, has no record.
        labelled = [upload for upload in uploads if not upload.is_unlabelled]
        self._label_main([upload for upload in labelled if not self._records.find(upload.clip.id)])
        self.release(uploads)

    def label_by_branch(self, uploads: list[ClipUpload], branch: str) -> int:
        """Save labels on a branch of ours, have it copied to main; return how many were copied."""
        if not self._copies_branches:
            return 0
        rows = self._rows(uploads, branch)
        available = [upload for upload in uploads if upload.data_hash in rows]
        self._initialise([rows[upload.data_hash] for upload in available])
        with self._encord.project.create_bundle() as bundle:
            for upload in available:
                row = rows[upload.data_hash]
                if not row.get_object_instances():
                    convert.fill_row(row, upload.labels, upload.code)
                    row.save(bundle=bundle)
        try:
            return self._encord.project.copy_labels_to_branch(
                MAIN, source_branch=branch, data_hashes=[upload.data_hash for upload in available]
            )
        except _REFUSALS:
            self._copies_branches = False
            return 0

    def _label_main(self, uploads: list[ClipUpload]) -> None:
        """Save labels on main, on rows without labels that no one is annotating.

        Saving has no precondition, so rows are compared before reading and again before saving,
        for any change in between. Between the last comparison and the save there is no protection.
        """
        rows = self._rows(uploads, MAIN)
        self._initialise([row for row in rows.values() if row.label_hash is None])
        rows = self._rows(uploads, MAIN)
        # Before reading: labels carry their time in whole seconds only.
        edited_at = {data_hash: row.last_edited_at for data_hash, row in rows.items()}
        self._initialise(list(rows.values()))
        available = [upload for upload in uploads if upload.data_hash in rows]
        empty = [u for u in available if not rows[u.data_hash].get_object_instances()]
        for upload in empty:
            convert.fill_row(rows[upload.data_hash], upload.labels, upload.code)
        current_rows = self._rows(empty, MAIN)
        with self._encord.project.create_bundle() as bundle:
            for data_hash, row in current_rows.items():
                if row.assigned_user_email is None and row.last_edited_at == edited_at[data_hash]:
                    rows[data_hash].save(bundle=bundle)

    def release(self, uploads: list[ClipUpload]) -> None:
        """Move clips on from the agent stage where they wait for their labels, if there is one."""
        hold = self._encord.options.hold
        if not hold:
            return
        stage = self._encord.project.workflow.get_stage(name=hold, type_=AgentStage)
        pathway = stage.pathways[0].uuid
        with self._encord.project.create_bundle() as bundle:
            for task in stage.get_tasks(data_hash=[upload.data_hash for upload in uploads]):
                task.proceed(pathway_uuid=pathway, bundle=bundle)

    def _rows(self, uploads: list[ClipUpload], branch: str) -> Rows:
        if not uploads:
            return {}
        rows = self._encord.project.list_label_rows_v2(
            data_hashes=[upload.data_hash for upload in uploads], branch_name=branch
        )
        return {row.data_hash: row for row in rows}

    def _initialise(self, rows: list[LabelRowV2]) -> None:
        """Read the labels of rows, which creates label rows that do not exist yet."""
        with self._encord.project.create_bundle() as bundle:
            for row in rows:
                row.initialise_labels(bundle=bundle)
