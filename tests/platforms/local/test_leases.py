"""No clip is given to two people, and who is late is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from oneclick.catalog import Catalog, rebuild
from oneclick.catalog.review_queue import QueueRank
from oneclick.core.errors import UnknownName
from oneclick.core.review import Verdict
from oneclick.platforms.local.leases import LEASE_SECONDS, LeaseConflict, Leases
from oneclick.platforms.local.queue import LocalPlatform
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.platforms.local.desk import Server, move, waiting


class Clock:
    def __init__(self) -> None:
        self.at = clips.NOON

    def __call__(self):
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def desk(home: Path, clock: Clock) -> Leases:
    queue = LocalPlatform(Workspace(home).review_dir())
    return Leases(Catalog.open(home, clock=clock), queue)


def test_the_clip_with_most_to_correct_comes_first_and_each_once(tmp_path: Path) -> None:
    first, second, third = waiting(tmp_path, 3)
    server = Server.start(tmp_path)
    server.catalog.rank(
        [
            QueueRank(clip=clip, revision=1, doubts=1, expected=worth, why="?")
            for clip, worth in ((first, 1.0), (second, 9.5))
        ]
    )
    given = [server.leases.next("anna"), server.leases.next("ben"), server.leases.next("cleo")]
    assert [lease.clip for lease in given if lease] == [second, first, third]
    assert server.leases.next("dora") is None
    page = server.catalog.queue_page()
    assert [(row.clip, row.holder) for row in page] == [
        (second, "anna"),
        (first, "ben"),
        (third, "cleo"),
    ]
    assert [(row.doubts, row.expected) for row in page] == [(1, 9.5), (1, 1.0), (None, None)]
    assert server.catalog.queue_size() == (3, 30)


def test_many_at_once_never_get_the_same_clip(tmp_path: Path) -> None:
    ids = waiting(tmp_path, 40)
    servers = [Server.start(tmp_path) for _ in range(4)]

    def work(person: int) -> list[str]:
        taken = []
        while lease := servers[person % 4].leases.next(f"person-{person}"):
            taken.append(lease.clip)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [clip for part in pool.map(work, range(8)) for clip in part]
    assert sorted(taken) == ids


def test_only_cameras_in_scope_are_given(tmp_path: Path) -> None:
    waiting(tmp_path)
    server = Server.start(tmp_path)
    assert server.leases.next("anna", ["ward_b"]) is None
    assert server.catalog.queue_page(["ward_b"]) == []
    assert server.catalog.queue_size(["ward_b"]) == (0, 0)
    assert server.leases.next("anna", ["ward_a", "ward_b"])


def test_a_lease_ends_by_itself_and_an_old_fence_does_nothing(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    clock = Clock()
    leases = desk(tmp_path, clock)
    old = leases.take(clip, "anna")
    clock.wait(LEASE_SECONDS - 1)
    assert leases.next("ben") is None
    old = leases.renew(clip, "anna", old.fence)
    clock.wait(LEASE_SECONDS + 1)
    assert leases.check(clip, "anna", old.fence).fence == old.fence  # nobody wanted it meanwhile
    clock.wait(LEASE_SECONDS + 1)
    new = leases.next("ben")
    assert new is not None
    assert new.fence > old.fence
    for late in (leases.renew, leases.check):
        with pytest.raises(LeaseConflict, match="ben reviews clip"):
            late(clip, "anna", old.fence)
    assert not leases.release(clip, "anna", old.fence)
    assert leases.of(clip) == new
    assert leases.release(clip, "ben", new.fence)
    assert leases.of(clip) is None


def test_who_opens_a_second_page_ends_the_first(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    leases = desk(tmp_path, Clock())
    first, second = leases.take(clip, "anna"), leases.take(clip, "anna")
    with pytest.raises(LeaseConflict):
        leases.check(clip, "anna", first.fence)
    assert leases.check(clip, "anna", second.fence) == second


def test_another_may_take_a_clip_over_on_purpose(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    leases = desk(tmp_path, Clock())
    first = leases.take(clip, "anna")
    with pytest.raises(LeaseConflict) as conflict:
        leases.take(clip, "ben")
    assert conflict.value.lease == first
    assert leases.take(clip, "ben", take=True).fence == first.fence + 1


def test_what_was_decided_elsewhere_is_not_given(tmp_path: Path) -> None:
    first, second = waiting(tmp_path, 2)
    server = Server.start(tmp_path)
    verdict = Verdict(clip=first, decision="accept", by="cli", at=clips.NOON)
    assert server.queue.submit(verdict)
    lease = server.leases.next("anna")
    assert lease is not None
    assert lease.clip == second
    assert server.catalog.queued() == {second}
    with pytest.raises(UnknownName):
        server.leases.take(first, "anna")


def test_leases_go_on_over_a_rebuild_of_the_catalog(tmp_path: Path) -> None:
    (clip,) = waiting(tmp_path)
    lease = Server.start(tmp_path).leases.take(clip, "anna")
    rebuild.rebuild(tmp_path)
    server = Server.start(tmp_path)
    assert server.leases.of(clip) == lease
    # A catalog that was lost gives out higher fences than it ever did.
    server.catalog.dequeue([clip])
    assert server.leases.take(clip, "ben", take=True).fence >= lease.fence


@pytest.mark.parametrize("is_chosen", [False, True])
def test_a_lease_is_above_all_edits_although_the_clock_was_set_back(
    tmp_path: Path, is_chosen: bool
) -> None:
    (clip,) = waiting(tmp_path)
    server = Server.start(tmp_path)
    first = server.leases.take(clip, "anna")
    server.edit(clip, "a", 0, first.fence, move())
    clock = Clock()
    clock.at = server.catalog.now() - timedelta(minutes=30)
    leases = desk(tmp_path, clock)
    with Catalog.open(tmp_path, clock=clock) as catalog:  # the row is lost, and made anew
        catalog.dequeue([clip])
        catalog.enqueue([clip])
    lease = leases.take(clip, "ben") if is_chosen else leases.next("ben")
    assert lease is not None
    assert lease.fence > first.fence
    server_now = Server.start(tmp_path)
    server_now.catalog._clock = clock
    assert server_now.edit(clip, "b", 1, lease.fence, move(1), "ben").rev == 2
