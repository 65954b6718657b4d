"""Opening: fresh, old, newer, broken, full; and what the schema is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from oneclick.catalog import Catalog, migrate, schema
from oneclick.catalog import engine as engines
from oneclick.core.clips import ClipStage
from oneclick.core.errors import (
    BadInput,
    IllegalMove,
    NoSpace,
    OneclickError,
    Unavailable,
    UsageError,
)
from tests.catalog import samples, tables


def pragma(catalog: Catalog, name: str) -> object:
    with catalog.reading() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_the_database_is_set_for_many_processes(tmp_path: Path) -> None:
    with Catalog.open(tmp_path) as catalog:
        assert pragma(catalog, "journal_mode") == "wal"
        assert pragma(catalog, "foreign_keys") == 1
        assert pragma(catalog, "busy_timeout") >= 30_000  # type: ignore[operator]
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.sqlite"]


def test_migrations_make_the_tables_that_a_new_catalog_has() -> None:
    schemas = []
    for make in (migrate.create, migrate.upgrade):
        engine = sa.create_engine("sqlite://")
        with engine.begin() as connection:
            schemas.append(tables.made_by(make, connection))
        engine.dispose()
    assert schemas[0] == schemas[1]
    assert len(schemas[0]) == len(schema.metadata.tables) + 1


def test_a_catalog_of_an_older_version_keeps_its_clips(tmp_path: Path) -> None:
    from alembic import command

    samples.filled(tmp_path, 3).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path}/catalog.sqlite")
    with engine.begin() as connection:
        command.downgrade(migrate.config(connection), "0001")
    engine.dispose()
    with Catalog.open(tmp_path) as catalog:
        clips = [row.clip for row in catalog.clips()]
        assert [(clip.id, clip.led_by, clip.stands_for) for clip in clips] == [
            (samples.clip(k).id, "", 0.0) for k in range(3)
        ]


def test_a_catalog_without_a_timeline_gets_what_one_with_it_counts(tmp_path: Path) -> None:
    from alembic import command

    samples.furnish(tmp_path)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/catalog.sqlite")
    everything = sa.select(schema.counters), sa.select(schema.videos)
    with engine.begin() as connection:
        before = [connection.execute(query).all() for query in everything]
        command.downgrade(migrate.config(connection), "0007")
        assert len(connection.execute(everything[0]).all()) < len(before[0])
        migrate.upgrade(connection)
        assert [connection.execute(query).all() for query in everything] == before
    engine.dispose()


def test_migrations_can_be_undone() -> None:
    from alembic import command

    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate.upgrade(connection)
        command.downgrade(migrate.config(connection), "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_catalog_is_created_and_opened_without_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from oneclick.catalog import Catalog\n"
        "Catalog.open(Path(sys.argv[1])).close()\n"
        "Catalog.open(Path(sys.argv[1])).close()\n"
        "print({'alembic', 'torch', 'cv2', 'av', 'prefect'} & set(sys.modules))"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert process.stdout == "set()\n"


def _text(path: Path) -> None:
    path.write_text("this is a shopping list, and a long one\n" * 500)


def _damaged(path: Path) -> None:
    Catalog.open(path.parent).close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)


def _newer(path: Path) -> None:
    Catalog.open(path.parent).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()


BROKEN = {"a text file": _text, "a damaged file": _damaged, "of a newer oneclick": _newer}


@pytest.mark.parametrize("breaking", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("readonly", [False, True], ids=["to write", "to read"])
def test_what_is_no_catalog_of_ours_is_refused_in_one_line(
    tmp_path: Path, breaking: object, readonly: bool
) -> None:
    path = tmp_path / "catalog.sqlite"
    breaking(path)  # type: ignore[operator]
    with pytest.raises(BadInput, match=r"catalog\.sqlite .*oneclick catalog rebuild") as excinfo:
        Catalog.open(tmp_path, readonly=readonly)
    assert "\n" not in str(excinfo.value)


def test_a_full_disk_is_said_and_leaves_the_catalog_whole(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 3) as catalog:
        used = pragma(catalog, "page_count")

        def limit(raw: sqlite3.Connection, *_: object) -> None:
            raw.execute(f"PRAGMA max_page_count = {used}")

        catalog.close()
        sa.event.listen(catalog._engine, "connect", limit)
        many = [samples.hit(start=k) for k in range(5000)]
        with pytest.raises(NoSpace, match=r"no space left to write .*catalog\.sqlite"):
            catalog.replace_hits("ward-0", many, "k")
    with Catalog.open(tmp_path) as catalog:
        assert len(catalog.clips()) == 3
        assert catalog.hits() == []
        assert catalog.hit_counts() == {}
        with catalog.reading() as connection:
            assert engines.damage(connection) == []


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"there is no catalog at .* yet"):
        Catalog.open(tmp_path / "none", readonly=True)
    assert not (tmp_path / "none").exists()
    samples.filled(tmp_path, 2).close()
    with Catalog.open(tmp_path, readonly=True) as catalog:
        assert len(catalog.clips()) == 2
        with pytest.raises(OneclickError, match="readonly"):
            catalog.add_clip(samples.clip(7), "x")
    (tmp_path / "catalog.sqlite").write_bytes(b"")
    with pytest.raises(Unavailable, match="is empty or of an older oneclick"):
        Catalog.open(tmp_path, readonly=True)


def test_a_home_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot write"):
        Catalog.open(tmp_path / "file" / "home")


@pytest.mark.parametrize("url", ["nonsense", "oracle+none://x/y", "postgresql://"])
def test_a_wrong_url_is_a_usage_error_or_says_who_is_away(tmp_path: Path, url: str) -> None:
    with pytest.raises((UsageError, Unavailable)) as excinfo:
        Catalog.open(tmp_path, url=url)
    assert "\n" not in str(excinfo.value)


def test_another_database_can_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONECLICK_CATALOG_URL", f"sqlite:///{tmp_path}/other.sqlite")
    Catalog.open(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == ["other.sqlite"]


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with samples.filled(tmp_path, 0) as catalog:
        with pytest.raises(IllegalMove), catalog.transaction():  # noqa: PT012
            catalog.add_clip(samples.clip(), "cut")
            catalog.move(samples.clip().id, ClipStage.CUT, ClipStage.PUBLISHED, "x")
        assert not catalog.clips()
        assert not catalog.events()
        assert sum(catalog.counts().values()) == 0
