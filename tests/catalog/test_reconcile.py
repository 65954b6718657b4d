"""A catalog that is behind its files notices, and takes in what it lacks.

Two stores that disagree were looked for wherever something stands twice: the catalog is reconciled
with the files when it is opened behind them and at every pass, a version on the training server is
compared by `data verify`, what lies on Encord is found again by its title, and runs of Prefect
whose process is gone are seen by their owner; nothing was found that stays apart unseen.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from oneclick.catalog import Catalog, reconcile, schema, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import Unavailable
from oneclick.storage import files
from oneclick.storage.verdicts import VerdictFile
from oneclick.storage.workspace import Workspace
from tests.catalog import samples
from tests.catalog.samples import everything

IN_REVIEW, ACCEPTED = samples.clip(3).id, samples.clip(4).id


def archive(home: Path, clip_id: str, decision: str = "accept") -> None:
    """What `collect` leaves: human labels, the verdict in the archive, no task."""
    review = Workspace(home).review_dir()
    clip = next(clip for clip in map(samples.clip, range(9)) if clip.id == clip_id)
    verdict = samples.verdict(clip, "accept" if decision == "accept" else "reject")
    content = files.to_json(VerdictFile.encode(verdict, None))
    files.write_atomic(review / "archive" / f"{clip_id}.json", content)
    (review / "tasks" / f"{clip_id}.json").unlink()


@pytest.mark.parametrize("loss", ["older copy", "gone"])
def test_a_catalog_that_is_behind_is_brought_up_to_date_when_it_is_opened(
    tmp_path: Path, loss: str
) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    Catalog.open(home).close()
    shutil.copy(home / "catalog.sqlite", copy)
    samples.furnish(home)
    before = everything(home)
    if loss == "older copy":
        shutil.copy(copy, home / "catalog.sqlite")
        with Catalog.open(home, readonly=True) as catalog:
            assert catalog.is_behind
    else:
        (home / "catalog.sqlite").unlink()
        with pytest.raises(Unavailable, match="is lost: oneclick catalog rebuild"):
            Catalog.open(home, readonly=True)
    with Catalog.open(home) as catalog:
        assert not catalog.is_behind
    assert everything(home) == before
    with Catalog.open(home, readonly=True) as catalog:
        assert not catalog.is_behind


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_an_archived_verdict_that_the_catalog_lost_is_taken_in(home: Path, decision: str) -> None:
    archive(home, IN_REVIEW, decision)
    with Catalog.open(home) as catalog:
        additions = reconcile.reconcile(catalog).additions
        row = catalog.clip(IN_REVIEW)
        assert row.stage == {"accept": "ACCEPTED", "reject": "REJECTED"}[decision]
        assert [verdict.by for verdict in catalog.verdicts() if verdict.clip == IN_REVIEW] == [
            "anna"
        ]
        if decision == "accept":
            assert row.revision == 2
            assert catalog.revision_rows(IN_REVIEW)[-1].kind == "human"
        assert f"clip {IN_REVIEW}: IN_REVIEW → {row.stage}" in additions
        assert reconcile.reconcile(catalog).additions == []
        assert verify.verify(catalog) == []


def test_a_dataset_that_the_catalog_lost_is_taken_in(home: Path) -> None:
    with Catalog.open(home) as catalog:
        (version,) = [row.name for row in catalog.datasets()]
        with catalog.transaction() as connection:
            connection.execute(sa.delete(schema.dataset_clips))
            connection.execute(sa.delete(schema.datasets))
        assert reconcile.reconcile(catalog).additions == [f"dataset {version}"]
        (clip_id,) = [row.clip.id for row in catalog.clips(stage=ClipStage.PUBLISHED)]
        assert catalog.datasets_of(clip_id) == [version]


def test_a_clip_that_somebody_works_on_is_left_to_them(home: Path) -> None:
    with Catalog.open(home) as catalog:
        clip_id = catalog.claim(ClipStage.CUT, "elsewhere:1:2", 1, 3600)[0]
        files.write_atomic(Workspace(home).frame_file(clip_id, 0), b"jpeg")
        reconcile.reconcile(catalog, thorough=True)
        assert catalog.clip(clip_id).stage is ClipStage.CUT
        catalog.release("elsewhere:1:2")
        reconcile.reconcile(catalog, thorough=True)
        assert catalog.clip(clip_id).stage is ClipStage.EXTRACTED


def test_a_late_verdict_changes_nothing_in_a_rebuilt_catalog(home: Path) -> None:
    late = samples.verdict(samples.clip(4), "reject")
    object.__setattr__(late, "at", samples.NOON + timedelta(hours=1))
    content = files.to_json(VerdictFile.encode(late, None))
    review = Workspace(home).review_dir()
    files.write_atomic(review / "archive" / f"{ACCEPTED}.1.json", content)
    files.write_atomic(review / "late" / f"{ACCEPTED}-1.json", content)
    (home / "catalog.sqlite").unlink()
    with Catalog.open(home) as catalog:
        assert catalog.clip(ACCEPTED).stage is ClipStage.ACCEPTED


def test_a_broken_file_is_left_out_and_the_others_go_in(home: Path) -> None:
    clip = samples.clip(0)
    Workspace(home).clip_card(clip.id).write_text("{")
    (home / "catalog.sqlite").unlink()
    with Catalog.open(home) as catalog:
        assert len(catalog.clips()) == 8
        problems = reconcile.reconcile(catalog).problems
    assert len(problems) == 1
    assert str(Workspace(home).clip_card(clip.id)) in problems[0]
