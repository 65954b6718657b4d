"""The files alone make the catalog again, and `verify` knows when the two differ.

A swap under the feet of others was looked for wherever a whole thing takes another's place:
`restore --replace` moved the workspace away from servers and flows that went on in it, and is
refused while anybody works there; Prefect's database and parts of a recording are replaced under
locks, and folders of clips and versions appear whole and are never replaced.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from oneclick.catalog import Catalog, owner_id, rebuild, schema, verify
from oneclick.core.clips import ClipStage
from oneclick.core.errors import BadInput, Unavailable
from oneclick.storage import cards, files, locks, verdicts
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace
from tests import full_disk
from tests.catalog import samples
from tests.catalog.samples import everything


def test_the_sample_workspace_has_a_clip_at_every_stage_and_is_sound(home: Path) -> None:
    with Catalog.open(home) as catalog:
        counts = catalog.counts()
        assert {stage for stage in ClipStage if counts[stage]} == set(ClipStage)
        assert verify.verify(catalog, deep=True) == []


@pytest.mark.parametrize("state", ["sound", "gone", "garbage", "log left over"])
def test_a_rebuilt_catalog_equals_the_one_before(home: Path, state: str) -> None:
    before, path = everything(home), home / "catalog.sqlite"
    if state == "gone":
        path.unlink()
    if state == "garbage":
        path.write_bytes(os.urandom(5000))
    if state == "log left over":
        path.with_name("catalog.sqlite-wal").write_bytes(os.urandom(5000))
    result = rebuild.rebuild(home)
    assert (result.problems, result.restored, result.losses) == ([], [], [])
    assert everything(home) == before
    assert not list(home.glob(".*"))
    was_readable = state in ("sound", "log left over")
    assert (home / rebuild.COPY).exists() == was_readable
    assert bool(list(home.glob("catalog.sqlite.broken-*"))) == (state == "garbage")
    with Catalog.open(home) as catalog:
        assert not catalog.is_behind
        assert verify.verify(catalog, deep=True) == []
        assert ({event.by for event in catalog.events()} == {"rebuild"}) != was_readable


def test_a_rebuild_keeps_history_and_flow_runs(home: Path) -> None:
    with Catalog.open(home) as catalog:
        catalog.add_run("run", "collect", "Completed", samples.NOON, samples.NOON)
        before = catalog.events(), catalog.runs(), [row.moved_at for row in catalog.clips()]
    rebuild.rebuild(home)
    with Catalog.open(home) as catalog:
        events = catalog.events()
        assert [replace(event, id=0) for event in events] == [
            replace(event, id=0) for event in before[0]
        ]
        assert (catalog.runs(), [row.moved_at for row in catalog.clips()]) == before[1:]


def test_a_rebuild_writes_cards_and_verdicts_again_that_only_the_catalog_knows(home: Path) -> None:
    workspace, before = Workspace(home), everything(home)
    rejected = samples.clip(5).id
    files_to_break = [
        workspace.video_card("ward", "ward-0"),
        workspace.clip_card(rejected),
        workspace.hits("ward-0"),
        workspace.quarantine_card(samples.clip(7).id),
    ]
    for path in files_to_break:
        path.write_text("{")
    for path in (workspace.review_dir() / "archive").iterdir():
        path.unlink()
    result = rebuild.rebuild(home)
    assert (result.problems, result.losses) == ([], [])
    assert {str(path) for path in files_to_break} <= set(result.restored)
    assert everything(home) == before
    assert all(path.with_name(path.name + rebuild.BROKEN).exists() for path in files_to_break)
    (home / "catalog.sqlite").unlink()
    assert rebuild.rebuild(home).problems == []
    assert everything(home) == before


def test_a_rebuild_refuses_to_lose_what_the_catalog_knows(home: Path) -> None:
    before = everything(home)
    (Workspace(home).labels_dir(ACCEPTED) / "0002-human.json").unlink()
    shutil.rmtree(home / "datasets")
    with pytest.raises(BadInput, match=r"would lose .*dataset v0001.*--accept-losses"):
        rebuild.rebuild(home)
    assert everything(home) == before
    losses = rebuild.rebuild(home, accept_losses=True).losses
    assert any("dataset v0001" in loss for loss in losses)


def test_a_rebuild_that_fails_leaves_the_old_catalog(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(home)

    def full(path: Path) -> None:
        raise Unavailable(f"cannot read {path}")

    monkeypatch.setattr(cards, "load_hits", full)
    with pytest.raises(Unavailable):
        rebuild.rebuild(home)
    monkeypatch.undo()
    assert everything(home) == before
    assert not list(home.glob(".*"))


def test_a_full_disk_leaves_the_sound_catalog_where_it_is(home: Path) -> None:
    before = everything(home)
    with (
        full_disk.writes_up_to((home / "catalog.sqlite").stat().st_size // 2),
        pytest.raises(
            Unavailable, match=r"catalog.sqlite cannot be copied: .*free space"
        ) as excinfo,
    ):
        rebuild.rebuild(home)
    assert "\n" not in str(excinfo.value)
    assert not list(home.glob("*.broken*"))
    assert not list(home.glob(".*"))
    assert everything(home) == before


@pytest.mark.parametrize("folder", ["", "encord"])
def test_a_verdict_that_waits_is_not_archived_a_second_time(home: Path, folder: str) -> None:
    """Recorded in the catalog and not archived yet, as after a kill: whoever collects archives."""
    clip, root = samples.clip(4), Workspace(home).review_dir()
    archived = root / "archive" / f"{clip.id}.json"
    waiting = root / folder / "verdicts" / archived.name
    waiting.parent.mkdir(parents=True, exist_ok=True)
    archived.rename(waiting)
    result = rebuild.rebuild(home)
    assert (result.problems, result.restored, result.losses) == ([], [], [])
    assert not archived.exists()
    assert verdicts.waiting_keys(Workspace(home)) == {(clip.id, "anna", samples.NOON)}


@pytest.mark.parametrize("lock", [WriteLock.PUBLISH, WriteLock.REVIEW])
def test_a_rebuild_is_refused_while_somebody_writes_files_and_their_rows(
    home: Path, lock: WriteLock
) -> None:
    workspace = Workspace(home)
    with ThreadPoolExecutor(1) as other, locks.hold(workspace, lock):
        rebuilding = other.submit(rebuild.rebuild, home)
        with pytest.raises(Unavailable, match=f"holds the lock '{lock.value}'"):
            rebuilding.result()
    assert rebuild.rebuild(home).problems == []


def test_nobody_rebuilds_while_clips_are_worked_on(home: Path) -> None:
    with Catalog.open(home) as catalog:
        catalog.claim(ClipStage.CUT, owner_id(), 1, 60)
        with pytest.raises(Unavailable, match="works on 1 clips now"):
            rebuild.rebuild(home)
        catalog.release(owner_id())
    assert rebuild.rebuild(home).problems == []


def test_nobody_moves_a_clip_while_the_catalog_is_rebuilt(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A move between the look at the old rows and the new ones would be forgotten."""
    restore, refusals = rebuild.FileRestorer.restore, []

    def move_meanwhile(restorer: rebuild.FileRestorer) -> None:
        with contextlib.closing(sqlite3.connect(home / "catalog.sqlite", timeout=0)) as other:
            try:
                other.execute("UPDATE clips SET attempts = 7")
                other.commit()
            except sqlite3.OperationalError as error:
                refusals.append(str(error))
        restore(restorer)

    monkeypatch.setattr(rebuild.FileRestorer, "restore", move_meanwhile)
    assert rebuild.rebuild(home).problems == []
    assert refusals == ["database is locked"]


def test_broken_files_are_left_out_with_a_sentence_each(home: Path) -> None:
    workspace, first, second = Workspace(home), samples.clip(0), samples.clip(2)
    workspace.clip_card(first.id).write_text("{")
    next(workspace.labels_dir(second.id).iterdir()).write_text("[]")
    (workspace.model_dir("m1") / "card.json").write_bytes(b"\xff")
    (home / "catalog.sqlite").unlink()
    result = rebuild.rebuild(home)
    left_out = [line for line in result.problems if line.startswith("left out: ")]
    assert len(left_out) == 3
    assert not any("\n" in line for line in result.problems)
    with Catalog.open(home) as catalog:
        assert first.id not in {row.clip.id for row in catalog.clips()}
        assert catalog.clip(second.id).revision == 0
        assert first in catalog.selections()


def test_a_verdict_that_was_half_taken_in_is_taken_in_again(home: Path) -> None:
    """Human labels saved, the move not made: the clip must be where `collect` looks for it."""
    workspace, clip = Workspace(home), samples.clip(4)
    workspace.review_dir().joinpath("archive", f"{clip.id}.json").unlink()
    files.write_atomic(workspace.review_dir() / "tasks" / f"{clip.id}.json", b"{}")
    (home / "catalog.sqlite").unlink()
    rebuild.rebuild(home)
    with Catalog.open(home) as catalog:
        assert catalog.clip(clip.id).stage is ClipStage.IN_REVIEW


def _unlink(path: Callable[[Workspace], Path]) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        target = path(Workspace(home))
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return act


def _truncate(path: Callable[[Workspace], Path]) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        target = path(Workspace(home))
        target.write_bytes(target.read_bytes()[:40])

    return act


def _execute(*statements: sa.Executable) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        with Catalog.open(home) as catalog, catalog.transaction() as connection:
            for statement in statements:
                connection.execute(statement)

    return act


CUT, LABELLED, ACCEPTED, REJECTED = (samples.clip(k).id for k in (0, 2, 4, 5))
clips, counters = schema.clips, schema.counters
HARM: dict[str, tuple[Callable[[Path], None], str]] = {
    "total of clips": (
        _execute(sa.update(counters).where(counters.c.what == "ACCEPTED").values(value=7)),
        "clips (stage) of ward, ACCEPTED: total says 7, there are 1",
    ),
    "total of hits": (
        _execute(sa.delete(schema.hits).where(schema.hits.c.trigger == "jump")),
        "hits (hit) of ward, jump: total says 2, there are 0",
    ),
    "stage changed by hand": (
        _execute(sa.update(clips).where(clips.c.id == CUT).values(stage="LABELLED")),
        "its last event says CUT",
    ),
    "row lost": (
        _execute(
            sa.delete(schema.clip_events).where(schema.clip_events.c.clip == CUT),
            sa.delete(clips).where(clips.c.id == CUT),
        ),
        f"clip {CUT} lies on disk, but not in the catalog",
    ),
    "video card lost": (
        _unlink(lambda workspace: workspace.video_card("ward", "ward-0")),
        "video ward-0: ",
    ),
    "video card cut short": (
        _truncate(lambda workspace: workspace.video_card("ward", "ward-0")),
        "ward-0.json is broken",
    ),
    "clip card cut short": (
        _truncate(lambda workspace: workspace.clip_card(CUT)),
        "clip.json is broken",
    ),
    "archived verdict cut short": (
        _truncate(lambda workspace: workspace.review_dir() / "archive" / f"{REJECTED}.json"),
        f"archive/{REJECTED}.json is broken",
    ),
    "archived verdict lost": (
        _unlink(lambda workspace: workspace.review_dir() / "archive" / f"{REJECTED}.json"),
        "the archive holds no verdict of anna",
    ),
    "clip lost": (_unlink(lambda workspace: workspace.clip_file(CUT)), "clip.mp4 is missing"),
    "frames lost": (_unlink(lambda w: w.frames_dir(LABELLED)), "is missing or empty"),
    "label file lost": (
        _unlink(lambda workspace: workspace.labels_dir(ACCEPTED) / "0002-human.json"),
        "the file of label revision 2 is missing",
    ),
    "revision unknown": (
        _execute(sa.delete(schema.label_revisions).where(schema.label_revisions.c.revision == 2)),
        "label revision 2 lies on disk, but not in the catalog",
    ),
    "model lost": (
        _unlink(lambda workspace: workspace.model_dir("m1")),
        "model m1 stands in the catalog, but its files are missing",
    ),
    "dataset unknown": (
        _execute(sa.delete(schema.dataset_clips), sa.delete(schema.datasets)),
        "lies on disk, but not in the catalog",
    ),
}


@pytest.mark.parametrize(("harm", "words"), HARM.values(), ids=HARM)
def test_verify_finds(home: Path, harm: Callable[[Path], None], words: str) -> None:
    harm(home)
    with Catalog.open(home) as catalog:
        problems = verify.verify(catalog)
    assert any(words in line for line in problems), problems


def test_only_a_deep_look_finds_changed_content(home: Path) -> None:
    workspace = Workspace(home)
    workspace.clip_file(CUT).write_text("other")
    label = workspace.labels_dir(LABELLED) / "0001-auto.json"
    label.write_bytes(label.read_bytes() + b" ")
    with Catalog.open(home) as catalog:
        assert verify.verify(catalog) == []
        assert len(verify.verify(catalog, deep=True)) == 2


def test_cards_keep_what_they_are_given_and_refuse_what_is_broken(tmp_path: Path) -> None:
    workspace, clip = Workspace(tmp_path), replace(samples.clip(), digest="d")
    for video in (samples.video(), samples.video(started=False)):
        assert cards.load_video_card(cards.save_video_card(workspace, video)) == video
    assert cards.load_clip_card(cards.save_clip_card(workspace, clip)) == clip
    beside = cards.save_clip_card(tmp_path / "building" / "clip.json", clip)
    assert cards.load_clip_card(beside) == clip
    reason = cards.load_quarantine(cards.save_quarantine(workspace, clip.id, "why"))
    assert (reason.clip, reason.reason) == (clip.id, "why")
    beside.write_text('{"id": "x"}')
    for read in (cards.load_clip_card, cards.load_video_card, cards.load_hits):
        with pytest.raises(BadInput):
            read(beside)


def test_a_second_look_adds_its_selection_and_replaces_the_hits(tmp_path: Path) -> None:
    workspace, first, second = Workspace(tmp_path), samples.clip(0), samples.clip(1)
    cards.save_hits(workspace, "ward-0", "a", samples.LOOK, [samples.hit()], [first])
    cards.save_hits(workspace, "ward-0", "b", samples.LOOK, [samples.hit("jump")], [second])
    path = cards.save_hits(workspace, "ward-0", "b", samples.LOOK, [samples.hit("jump")], [second])
    hits_card = cards.load_hits(path)
    assert [hit.trigger for hit in hits_card.hits] == ["jump"]
    assert hits_card.selections == (first, second)
    assert sorted(hits_card.looks) == ["a", "b"]
