"""DatasetVersions, models and flow runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from oneclick.catalog import rows, schema
from oneclick.catalog.rollups import RollupsMixin
from oneclick.catalog.rows import DatasetRecord, FlowRunRecord, ModelRecord
from oneclick.core.datasets import DatasetVersion


class HistoryMixin(RollupsMixin):
    """DatasetVersions, models and flow runs in the catalog."""

    def add_dataset(self, version: DatasetVersion, at: datetime) -> None:
        """Add a DatasetVersion published at `at`; adding it again changes nothing."""
        columns = {
            "name": version.name,
            "digest": version.digest,
            "parent": version.parent,
            "clips": len(version.clips),
            "images": version.images(),
            "made_at": at,
        }
        clip_columns = [
            {"dataset": version.name, "clip": c.clip, "revision": c.revision, "split": c.split}
            for c in version.clips
        ]
        with self.transaction():
            self._insert_missing(schema.datasets, [columns])
            self._insert_missing(schema.dataset_clips, clip_columns)

    def newest_time(self) -> datetime | None:
        """Return when a video was last added, a clip moved or reviewed; None if nothing was."""
        columns = (schema.videos.c.added_at, schema.clip_events.c.at, schema.verdicts.c.at)
        queries = [sa.select(sa.func.max(column).label("at")) for column in columns]
        times = [self._fetch(query)[0].at for query in queries]
        return max((time for time in times if time is not None), default=None)

    def datasets(self) -> list[DatasetRecord]:
        """Return all DatasetVersions, oldest first."""
        table = schema.datasets
        query = sa.select(table).order_by(table.c.made_at, table.c.name)
        return [DatasetRecord(**row._mapping) for row in self._fetch(query)]

    def datasets_of(self, clip_id: str) -> list[str]:
        """Return the names of the DatasetVersions that contain a Clip."""
        table = schema.dataset_clips.c
        query = sa.select(table.dataset).where(table.clip == clip_id).order_by(table.dataset)
        return [row.dataset for row in self._fetch(query)]

    def published_clips(self) -> set[str]:
        """Return the ids of all Clips that a DatasetVersion contains."""
        return {row.clip for row in self._fetch(sa.select(schema.dataset_clips.c.clip).distinct())}

    def clips_of(self, dataset: str) -> set[tuple[str, int, str]]:
        """Return (clip, label revision, split) of all Clips of a DatasetVersion."""
        table = schema.dataset_clips.c
        query = sa.select(table.clip, table.revision, table.split).where(table.dataset == dataset)
        return {(row.clip, row.revision, row.split) for row in self._fetch(query)}

    def add_model(self, model_id: str, dataset: str | None, card: dict[str, Any]) -> None:
        """Add a trained model, or replace the card of a known one.

        Its time is `made_at` of the card (ISO 8601), or the present where the card has none.
        """
        made_at = card.get("made_at")
        columns = {
            "id": model_id,
            "dataset": dataset,
            "made_at": (
                datetime.fromisoformat(made_at) if isinstance(made_at, str) else self._clock()
            ),
            "card": rows.to_json(card),
        }
        self._upsert(schema.models, columns, keep=("id", "made_at"))

    def models(self) -> list[ModelRecord]:
        """Return all models, oldest first."""
        table = schema.models
        return [
            ModelRecord(row.id, row.dataset, row.made_at, rows.card_from_json(row.card))
            for row in self._fetch(sa.select(table).order_by(table.c.made_at, table.c.id))
        ]

    def add_run(
        self,
        run_id: str,
        flow: str,
        state: str,
        started: datetime | None,
        ended: datetime | None,
        detail: str = "",
    ) -> None:
        """Add a flow run, or overwrite it with its new state."""
        run = FlowRunRecord(
            id=run_id, flow=flow, state=state, started=started, ended=ended, detail=detail
        )
        self._upsert(schema.flow_runs, dict(vars(run)), keep=("id",))

    def advance_run(self, run_id: str, share: float, detail: str) -> None:
        """Set the progress (0 to 1) and the current detail of an unfinished flow run."""
        table = schema.flow_runs
        query = sa.update(table).where(table.c.id == run_id, table.c.ended.is_(None))
        with self.transaction() as connection:
            connection.execute(query.values(progress=share, detail=detail))

    def runs(self, limit: int | None = None, until: datetime | None = None) -> list[FlowRunRecord]:
        """Return the flow runs that started before `until`, newest first."""
        table = schema.flow_runs
        query = sa.select(table).order_by(table.c.started.desc(), table.c.id).limit(limit)
        if until is not None:
            query = query.where(table.c.started < until)
        return [FlowRunRecord(**row._mapping) for row in self._fetch(query)]
