"""Labels to Encord: on a branch of ours, from there to `main`, and only where nobody was.

A row that a person has touched is never written: Encord itself copies our branch, and skips units
that have a row on `main`.
"""

from __future__ import annotations

from uuid import UUID

from encord.exceptions import AuthorisationError, InvalidArgumentsError, ResourceNotFoundError
from encord.objects import LabelRowV2
from encord.workflow.stages.agent import AgentStage

from oneclick.platforms.encord import convert
from oneclick.platforms.encord.load import Load
from oneclick.platforms.encord.project import Place
from oneclick.platforms.encord.records import Records

MAIN = "main"
NO = (InvalidArgumentsError, AuthorisationError, ResourceNotFoundError)
Rows = dict[str, LabelRowV2]
"""By data unit."""


class Prelabel:
    """Steps that may each be taken again; the caller repeats them."""

    def __init__(self, place: Place, known: Records) -> None:
        self._place, self._known = place, known
        self._branches = True
        """Whether Encord lets us have a branch and copies it to main; it says so once."""

    def link(self, loads: list[Load]) -> None:
        """Put the files into the dataset, which makes a data unit of each."""
        items: dict[UUID, Load] = {load.item.uuid: load for load in loads if load.item}
        for unit in self._place.dataset.link_items(list(items)):
            if unit.backing_item_uuid in items:
                items[unit.backing_item_uuid].data = unit.uid

    def appear(self, loads: list[Load]) -> list[Load]:
        """Those without a row in the project yet; it comes a while after linking."""
        for load in loads:
            load.data = load.data or self._unit(load)
        rows = self._rows([load for load in loads if load.data], MAIN)
        for load in loads:
            load.fresh = load.data in rows and rows[load.data].label_hash is None
        return [load for load in loads if load.data not in rows]

    def label(self, loads: list[Load]) -> None:
        """Give labels to the clips that nobody has begun; let all go to the people."""
        fresh = [load for load in loads if load.fresh]
        for branch in sorted({load.branch for load in fresh}):
            part = [load for load in fresh if load.branch == branch]
            if self._by_branch(part, branch) < len(part):
                self._directly(part)
        # A row that we made and could not fill before we were cut off.
        self._directly(
            [one for one in loads if not one.fresh and not self._known.find(one.clip.id)]
        )
        self._let_go(loads)

    def _unit(self, load: Load) -> str:
        """The data unit of an item that was linked before; empty where it has none."""
        uuid = load.item.uuid if load.item else None
        for row in self._place.project.list_label_rows_v2(data_title_eq=load.title):
            if row.backing_item_uuid in (uuid, None):
                return row.data_hash
        return ""

    def _rows(self, loads: list[Load], branch: str) -> Rows:
        if not loads:
            return {}
        rows = self._place.project.list_label_rows_v2(
            data_hashes=[load.data for load in loads], branch_name=branch
        )
        return {row.data_hash: row for row in rows}

    def _begin(self, rows: list[LabelRowV2]) -> None:
        """Read rows, which makes those that are not there yet."""
        with self._place.project.create_bundle() as bundle:
            for row in rows:
                row.initialise_labels(bundle=bundle)

    def _by_branch(self, loads: list[Load], branch: str) -> int:
        """Save on our branch and have it copied to main; for how many clips that was done."""
        if not self._branches:
            return 0
        rows = self._rows(loads, branch)
        there = [load for load in loads if load.data in rows]
        self._begin([rows[load.data] for load in there])
        with self._place.project.create_bundle() as bundle:
            for load in there:
                row = rows[load.data]
                if not row.get_object_instances():
                    convert.fill(row, load.labels, load.code)
                    row.save(bundle=bundle)
        try:
            return self._place.project.copy_labels_to_branch(
                MAIN, source_branch=branch, data_hashes=[load.data for load in there]
            )
        except NO:
            self._branches = False
            return 0

    def _directly(self, loads: list[Load]) -> None:
        """Where Encord did not copy to main: save there, if the row is empty and nobody is at it.

        Saving has no condition, so we look before we read and again before we save, whether
        anything changed. Between the last look and the save there is no protection.
        """
        there = self._rows(loads, MAIN)
        self._begin([row for row in there.values() if row.label_hash is None])
        rows = self._rows(loads, MAIN)
        # Before reading: labels carry their time in whole seconds only.
        looked = {data: row.last_edited_at for data, row in rows.items()}
        self._begin(list(rows.values()))
        empty = [one for one in loads if one.data in rows]
        empty = [one for one in empty if not rows[one.data].get_object_instances()]
        for load in empty:
            convert.fill(rows[load.data], load.labels, load.code)
        now = self._rows(empty, MAIN)
        with self._place.project.create_bundle() as bundle:
            for data, row in now.items():
                if row.assigned_user_email is None and row.last_edited_at == looked[data]:
                    rows[data].save(bundle=bundle)

    def _let_go(self, loads: list[Load]) -> None:
        """Send clips on from the stage where they wait for their labels."""
        hold = self._place.options.hold
        if not hold:
            return
        stage = self._place.project.workflow.get_stage(name=hold, type_=AgentStage)
        pathway = stage.pathways[0].uuid
        with self._place.project.create_bundle() as bundle:
            for task in stage.get_tasks(data_hash=[load.data for load in loads]):
                task.proceed(pathway_uuid=pathway, bundle=bundle)
