"""Hits of edge cameras stand in the catalog while their predictions arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from oneclick import triggers
from oneclick.catalog import Catalog
from oneclick.catalog.rebuild import rebuild
from oneclick.catalog.verify import verify
from oneclick.core.edge_messages import EdgeFrame
from oneclick.core.hits import Hit
from oneclick.core.results import BatchResult
from oneclick.settings import Settings
from oneclick.stages import arrived_videos, early_search
from oneclick.stages.early_search import EarlySearch
from oneclick.stages.intake import IntakeOptions, intake
from oneclick.storage import locks
from oneclick.storage.intake_log import CameraLog, StoredBatch
from oneclick.storage.workspace import Workspace
from oneclick.web.intake import worker
from tests.edge import batches
from tests.waits import wait_until

WINDOW = 60.0
OPTIONS = IntakeOptions()


class Device:
    """A camera that sends to a workspace."""

    def __init__(self, home: Path, camera: str = "ward") -> None:
        self.source = msgspec.structs.replace(batches.SOURCE, camera=camera)
        self.log = CameraLog(Workspace(home).intake_dir / camera, WINDOW)

    def send(self, pictures: Sequence[EdgeFrame]) -> None:
        batch = StoredBatch(source=self.source, frames=tuple(pictures))
        self.log.append(batch, pictures[-1].seq + 1)


def search(home: Path) -> EarlySearch:
    return EarlySearch(home, triggers.make(), OPTIONS.key)


def hits(home: Path) -> list[tuple[str, Hit]]:
    with Catalog.open(home) as catalog:
        assert verify(catalog) == []
        return catalog.hits()


def completed(home: Path, pictures: Sequence[EdgeFrame]) -> list[tuple[str, Hit]]:
    """The hits of pictures that nobody searched before their windows were complete."""
    device = Device(home)
    device.send(pictures)
    device.log.close_segment()
    intake(home, OPTIONS)
    return hits(home)


def test_hits_are_known_early_and_become_those_of_a_replay(tmp_path: Path) -> None:
    pictures = [*batches.frames(250), *batches.frames(300, first=270)]
    expected = completed(tmp_path / "late", pictures)
    home = tmp_path / "early"
    device, early = Device(home), search(home)
    counts: list[int] = []
    for start in range(0, len(pictures), 50):
        device.send(pictures[start : start + 50])
        assert early.run().failed == {}
        counts.append(len(hits(home)))
    assert 0 < counts[2] < counts[-1]
    assert {video for video, _ in hits(home)} == {video for video, _ in expected}
    assert {hit.trigger for _, hit in hits(home)} == {hit.trigger for _, hit in expected}
    (tmp_path / "early" / "catalog.sqlite").unlink()
    assert rebuild(home).problems == []
    assert len(hits(home)) == counts[-1]
    device.log.close_segment()
    assert intake(home, OPTIONS).failed == {}
    assert hits(home) == expected
    with Catalog.open(home) as catalog:
        (video,) = catalog.videos()
    assert video.frames == len(pictures)
    assert len(video.stretches()) == 2
    assert not any("complete" in note for note in video.notes)


def test_an_early_hit_is_that_of_the_complete_window(tmp_path: Path) -> None:
    pictures = batches.frames(500)
    expected = completed(tmp_path / "late", pictures)
    home = tmp_path / "early"
    device, early = Device(home), search(home)
    for start in range(0, 500, 25):
        device.send(pictures[start : start + 25])
        early.run()
    assert hits(home) == expected


def test_a_new_process_goes_on_where_the_last_one_was_killed(tmp_path: Path) -> None:
    pictures = batches.frames(500)
    device, early = Device(tmp_path), search(tmp_path)
    for start in range(0, 500, 100):
        device.send(pictures[start : start + 100])
        search(tmp_path).run()
    again = hits(tmp_path)
    assert again
    early.run()
    assert hits(tmp_path) == again


@pytest.mark.parametrize("step", ["put_video", "put_hits"])
def test_a_kill_between_two_writes_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    device = Device(tmp_path)
    device.send(batches.frames(200))
    search(tmp_path).run()
    device.send(batches.frames(100, first=200))
    write: Callable[..., None] = getattr(arrived_videos, step)

    def die(*arguments: object, **options: object) -> None:
        write(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(arrived_videos, step, die)
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path).run()
    monkeypatch.undo()
    search(tmp_path).run()
    assert hits(tmp_path)
    device.log.close_segment()
    assert intake(tmp_path, OPTIONS).failed == {}
    assert hits(tmp_path) == completed(tmp_path / "other", batches.frames(300))


def test_a_segment_that_is_completed_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(tmp_path)
    device.send(batches.frames(300))
    find = early_search.GrowingSegment.find

    def find_late(segment: early_search.GrowingSegment) -> list[Hit]:
        early = find(segment)
        device.log.close_segment()
        intake(tmp_path, OPTIONS)
        return early

    monkeypatch.setattr(early_search.GrowingSegment, "find", find_late)
    assert search(tmp_path).run().done == []
    assert hits(tmp_path) == completed(tmp_path / "other", batches.frames(300))


def test_the_next_window_is_searched_too(tmp_path: Path) -> None:
    device, early = Device(tmp_path), search(tmp_path)
    for start in range(0, 1000, 100):
        device.send(batches.frames(100, first=start))
        early.run()
        intake(tmp_path, OPTIONS)
    assert len({video for video, _ in hits(tmp_path)}) == 2


def test_pictures_without_a_signal_that_others_have_are_searched_without_it(tmp_path: Path) -> None:
    device, early = Device(tmp_path), search(tmp_path)
    device.send(batches.frames(150))
    early.run()
    bare = [
        msgspec.structs.replace(picture, signals={}) for picture in batches.frames(100, first=150)
    ]
    device.send(bare)
    assert early.run().failed == {}
    device.send(batches.frames(100, first=250))
    assert early.run().failed == {}
    assert hits(tmp_path)


def test_one_broken_segment_is_told_once_and_stops_no_other(tmp_path: Path) -> None:
    broken, sound, early = Device(tmp_path, "hall"), Device(tmp_path), search(tmp_path)
    source = msgspec.structs.replace(broken.source, classes=())
    broken.log.append(StoredBatch(source=source, frames=tuple(batches.frames(150))), following=150)
    sound.send(batches.frames(150))
    result = early.run()
    assert len(result.failed) == 1
    assert len(result.done) == 1
    sound.send(batches.frames(150, first=150))
    assert early.run().failed == {}


def test_a_second_process_leaves_the_search_to_the_first(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.send(batches.frames(200))
    with locks.file_lock(Workspace(tmp_path).locks_dir / "intake-early"):
        assert search(tmp_path).run_if_due().done == []
    early = search(tmp_path)
    assert early.run_if_due().done
    device.send(batches.frames(100, first=200))
    assert early.run_if_due().done == []


@pytest.mark.parametrize("seed", range(4))
def test_any_batches_reconnects_and_restarts_give_the_hits_of_a_replay(
    tmp_path: Path, seed: int
) -> None:
    random = np.random.default_rng(seed)
    gaps = np.cumsum(random.integers(0, 2, 6) * random.integers(0, 40, 6))
    parts = [batches.frames(80, first=80 * k + int(gaps[k])) for k in range(6)]
    pictures = [picture for part in parts for picture in part]
    device, early = Device(tmp_path / "early"), search(tmp_path / "early")
    edges = sorted({0, len(pictures), *random.integers(1, len(pictures), 12).tolist()})
    for start, stop in pairwise(edges):
        device.send(pictures[start:stop])
        early = early if random.random() < 0.7 else search(tmp_path / "early")
        assert early.run().failed == {}
    intake(tmp_path / "early", OPTIONS)
    seen_early = hits(tmp_path / "early")
    device.log.close_segment()
    assert intake(tmp_path / "early", OPTIONS).failed == {}
    expected = completed(tmp_path / "late", pictures)
    assert hits(tmp_path / "early") == expected
    assert seen_early == expected


def test_what_a_full_disk_refused_to_keep_is_forgotten(tmp_path: Path) -> None:
    device, early = Device(tmp_path), search(tmp_path)
    device.send(batches.frames(150))
    (path,) = device.log.folder.glob("*.seg")
    sound = path.read_bytes()
    device.send(batches.frames(100, first=150, seed=1))
    early.run()
    path.write_bytes(sound)
    early.run()
    CameraLog(device.log.folder, WINDOW).append(
        StoredBatch(source=device.source, frames=tuple(batches.frames(100, first=150))), 250
    )
    early.run()
    assert hits(tmp_path) == completed(tmp_path / "other", batches.frames(250))


def test_the_worker_finds_hits_before_the_window_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.01)
    Device(tmp_path).send(batches.frames(200))
    is_over, results = threading.Event(), list[BatchResult]()
    follower = threading.Thread(
        target=worker.follow, args=(Settings(home=tmp_path), is_over, results.append)
    )
    follower.start()
    try:
        wait_until(lambda: any(result.done for result in results), lambda: f"{results}")
    finally:
        is_over.set()
        follower.join()
    assert hits(tmp_path)
    with locks.file_lock(Workspace(tmp_path).locks_dir / "intake-early", wait=False):
        pass
