"""DatasetVersions, models and flow runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from oneclick.catalog import rows, schema
from oneclick.catalog.rollups import Rollups
from oneclick.catalog.rows import DatasetRow, ModelRow, RunRow
from oneclick.core.datasets import DatasetVersion


class History(Rollups):
    """The part of the catalog that knows what was made of the Clips."""

    def add_dataset(self, version: DatasetVersion, at: datetime) -> None:
        """Remember a published version and its clips; a second time changes nothing."""
        row = {
            "name": version.name,
            "digest": version.digest,
            "parent": version.parent,
            "clips": len(version.clips),
            "images": version.images(),
            "made_at": at,
        }
        lines = [
            {"dataset": version.name, "clip": c.clip, "revision": c.revision, "split": c.split}
            for c in version.clips
        ]
        with self.transaction():
            self._put(schema.datasets, [row])
            self._put(schema.dataset_clips, lines)

    def datasets(self) -> list[DatasetRow]:
        """All versions, oldest first."""
        table = schema.datasets
        found = self._rows(sa.select(table).order_by(table.c.made_at, table.c.name))
        return [DatasetRow(**row._mapping) for row in found]

    def datasets_of(self, clip_id: str) -> list[str]:
        """Names of the versions that hold a Clip."""
        table = schema.dataset_clips.c
        query = sa.select(table.dataset).where(table.clip == clip_id).order_by(table.dataset)
        return [row.dataset for row in self._rows(query)]

    def add_model(self, model_id: str, dataset: str | None, card: dict[str, Any]) -> None:
        """Remember a trained model; a second time only its card changes.

        It was made when its card says (`made_at`, ISO 8601), else now.
        """
        made = card.get("made_at")
        row = {
            "id": model_id,
            "dataset": dataset,
            "made_at": datetime.fromisoformat(made) if isinstance(made, str) else self._clock(),
            "card": rows.to_json(card),
        }
        self._upsert(schema.models, row, keep=("id", "made_at"))

    def models(self) -> list[ModelRow]:
        """All models, oldest first."""
        table = schema.models
        found = self._rows(sa.select(table).order_by(table.c.made_at, table.c.id))
        return [_model(row) for row in found]

    def add_run(
        self,
        run_id: str,
        flow: str,
        state: str,
        started: datetime | None,
        ended: datetime | None,
        detail: str = "",
    ) -> None:
        """Remember where a flow run stands; the last call wins."""
        values = RunRow(run_id, flow, state, started, ended, detail)
        self._upsert(schema.flow_runs, dict(vars(values)), keep=("id",))

    def advance_run(self, run_id: str, share: float, detail: str) -> None:
        """How far a flow run that is known has come, 0 to 1, and in what."""
        table = schema.flow_runs
        query = sa.update(table).where(table.c.id == run_id, table.c.ended.is_(None))
        with self.transaction() as connection:
            connection.execute(query.values(progress=share, detail=detail))

    def runs(self, limit: int | None = None, until: datetime | None = None) -> list[RunRow]:
        """Flow runs that started before `until`, newest first."""
        table = schema.flow_runs
        query = sa.select(table).order_by(table.c.started.desc(), table.c.id).limit(limit)
        if until is not None:
            query = query.where(table.c.started < until)
        return [RunRow(**row._mapping) for row in self._rows(query)]


def _model(row: sa.Row[Any]) -> ModelRow:
    return ModelRow(row.id, row.dataset, row.made_at, msgspec.json.decode(row.card))
