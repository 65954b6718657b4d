"""The same catalog on Postgres: ONECLICK_TEST_POSTGRES names an empty database for these tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, counters, migrate, owner_id, rebuild, verify
from oneclick.catalog import engine as engines
from oneclick.core.clips import ClipStage
from oneclick.core.errors import OneclickError, Unavailable
from tests.catalog import samples, tables

URL = os.environ.get("ONECLICK_TEST_POSTGRES", "")
pytestmark = pytest.mark.skipif(not URL, reason="ONECLICK_TEST_POSTGRES names no Postgres server")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace whose catalog is the test database, emptied before and after."""
    monkeypatch.setenv("ONECLICK_CATALOG_URL", URL)
    _empty()
    yield tmp_path
    _empty()


def _empty() -> None:
    engine = engines.connect(engines.parse(URL))
    with engine.begin() as connection:
        tables.drop(connection)
    engine.dispose()


def test_several_may_make_the_tables_at_once(home: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for catalog in pool.map(lambda _: Catalog.open(home), range(4)):
            catalog.close()


def test_migrations_make_the_tables_that_a_new_catalog_has(home: Path) -> None:
    schemas = []
    engine = engines.connect(engines.parse(URL))
    for make in (migrate.create, migrate.upgrade):
        with engine.begin() as connection:
            tables.drop(connection)
            schemas.append(tables.made_by(make, connection))
    engine.dispose()
    assert schemas[0] == schemas[1]


def test_a_furnished_workspace_is_sound_and_can_be_rebuilt(home: Path) -> None:
    samples.furnish(home)
    with Catalog.open(home, readonly=True) as catalog:
        assert verify.verify(catalog, deep=True) == []
        before = [(row.clip, row.stage, row.revision, row.error) for row in catalog.clips()]
        hits, verdicts = catalog.hits(), catalog.verdicts()
    assert rebuild.rebuild(home).problems == []
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog, deep=True) == []
        after = [(row.clip, row.stage, row.revision, row.error) for row in catalog.clips()]
        assert (after, catalog.hits(), catalog.verdicts()) == (before, hits, verdicts)
    assert not (home / "catalog.sqlite").exists()


def test_workers_share_the_clips_without_overlap_or_deadlock(home: Path) -> None:
    with Catalog.open(home) as catalog:
        catalog.add_video(samples.video())
        for number in range(60):
            catalog.add_clip(samples.clip(number), "cut")

    def work(number: int) -> list[str]:
        stages = list(ClipStage)[:3]
        claimed_ids = []
        with Catalog.open(home) as mine:
            while names := mine.claim(ClipStage.CUT, f"far:{number}:1", 3, 600):
                claimed_ids += names
                for name, (old, new) in itertools.product(names, itertools.pairwise(stages)):
                    assert mine.move(name, old, new, "x")
        return claimed_ids

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    assert sorted(itertools.chain(*shares)) == [samples.clip(k).id for k in range(60)]
    with Catalog.open(home) as catalog:
        assert catalog.counts()[ClipStage.LABELLED] == 60
        assert samples.drift(catalog) == []


def test_doing_it_again_changes_nothing_and_nonsense_is_refused(home: Path) -> None:
    with Catalog.open(home) as catalog:
        assert catalog.add_video(samples.video())
        assert not catalog.add_video(samples.video())
        assert catalog.add_clip(samples.clip(), "cut")
        assert not catalog.add_clip(samples.clip(), "cut")
        assert catalog.claim(ClipStage.CUT, owner_id(), 9, 60) == [samples.clip().id]
        assert catalog.release(owner_id()) == 1
        with pytest.raises(OneclickError, match="lacks a video or clip") as excinfo:
            catalog.add_clip(samples.clip(0, samples.video(9)), "cut")
        assert "\n" not in str(excinfo.value)


def test_a_server_that_is_away_is_said_without_its_password(home: Path) -> None:
    with pytest.raises(Unavailable) as excinfo:
        Catalog.open(home, url="postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(excinfo.value)
    assert "\n" not in str(excinfo.value)


def test_a_reader_sees_what_another_connection_writes(home: Path) -> None:
    samples.furnish(home)
    with Catalog.open(home, readonly=True) as reader, Catalog.open(home) as writer:
        before = reader.version()
        assert reader.version() == before
        cut = next(row.clip.id for row in writer.clips(stage=ClipStage.CUT))
        assert writer.move(cut, ClipStage.CUT, ClipStage.EXTRACTED, "x")
        assert reader.version() != before
        noon, hour = samples.NOON, timedelta(hours=1)
        for bucket in (60, 3600):
            window = (noon, noon + hour, bucket, counters.MINUTE)
            cells = reader.series(counters.HIT_CAMERA, "", *window)
            assert cells == {"ward": {int(noon.timestamp()): 3}}
        assert reader.extents(counters.RECORDED, noon, noon + hour, counters.QUARTER)
        grown = reader.growth(counters.MOVED, since=noon)
        assert grown["", "CUT"] == reader.counts()[ClipStage.CUT] == 0


def test_a_lock_is_seen_by_hosts_that_share_only_the_database(home: Path, tmp_path: Path) -> None:
    from oneclick.storage import locks
    from oneclick.storage.locks import WriteLock
    from oneclick.storage.workspace import Workspace

    here, elsewhere = Workspace(home), Workspace(tmp_path / "mounted elsewhere")
    with locks.hold(here, WriteLock.PUBLISH):
        with (
            pytest.raises(Unavailable, match="holds the lock 'publish'"),
            locks.hold(elsewhere, WriteLock.PUBLISH, wait=False),
        ):
            raise AssertionError("two hold the lock")
        with locks.hold(elsewhere, WriteLock.CHAMPION, wait=False):
            pass
    with locks.hold(elsewhere, WriteLock.PUBLISH, wait=False):
        pass


def test_a_backup_holds_the_catalog_as_an_sqlite_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oneclick.stages import backup

    samples.furnish(home / "workspace")
    before = samples.everything(home / "workspace")
    backup.backup(home / "workspace", str(tmp_path / "store"))
    monkeypatch.delenv("ONECLICK_CATALOG_URL")
    assert backup.restore(tmp_path / "restored", str(tmp_path / "store")).problems == []
    assert samples.everything(tmp_path / "restored") == before
