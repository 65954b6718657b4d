"""Who reviews which clip: leases on our own queue, checked against its files."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from oneclick.catalog import Catalog
from oneclick.catalog.review_queue import ReviewLease
from oneclick.core.errors import BadInput, OneclickError, UnknownName
from oneclick.platforms.local.queue import LocalPlatform
from oneclick.storage.edit_journals import newest_fence

LEASE_SECONDS = 15 * 60.0
"""A lease ends this long after its last heartbeat or edit."""
HEARTBEAT_SECONDS = 30.0
"""How often a page that is open renews its lease."""


class LeaseConflict(OneclickError):
    """Somebody else reviews the clip now, or the same person on another page.

    Args:
        clip_id: the clip.
        lease: the live lease on it, if there is one.
    """

    def __init__(self, clip_id: str, lease: ReviewLease | None) -> None:
        self.lease = lease
        holder = f"{lease.holder} reviews clip {clip_id} now" if lease else "the lease has ended"
        super().__init__(f"{holder}: nothing was changed; open the clip again")


class Leases:
    """Leases of one workspace; threads and processes may share a queue."""

    def __init__(
        self, catalog: Catalog, *queues: LocalPlatform, seconds: float = LEASE_SECONDS
    ) -> None:
        """Open the leases.

        Args:
            catalog: open for writing.
            queues: a clip waits in one of them: our own queue, and that of second looks.
            seconds: after which a lease ends unless it is renewed.
        """
        self._catalog, self._queues, self._seconds = catalog, queues, seconds

    def next(self, holder: str, cameras: Sequence[str] | None = None) -> ReviewLease | None:
        """Lease the free clip with the most expected corrections; None where none waits.

        A clip that was decided elsewhere meanwhile leaves the queue here.
        """
        while lease := self._catalog.lease_next(holder, self._seconds, cameras):
            if not self._is_open(lease.clip):
                self._catalog.dequeue([lease.clip])
            elif lease.fence > self._newest_fence(lease.clip):
                return lease
            elif (higher := self._lease_clip(lease.clip, holder)) and higher.holder == holder:
                return higher
        return None

    def take(self, clip_id: str, holder: str, take: bool = False) -> ReviewLease:
        """Lease one clip.

        Args:
            clip_id: the clip.
            holder: who reviews it.
            take: also where somebody else holds it, whose next edit is refused.

        Raises:
            UnknownName: the clip does not wait for review. LeaseConflict: somebody else holds it.
        """
        if not self._is_open(clip_id):
            self._catalog.dequeue([clip_id])
            raise UnknownName("clip in our own review queue", clip_id)
        lease = self._lease_clip(clip_id, holder, take)
        if lease is None:
            self._catalog.enqueue([clip_id])
            lease = self._lease_clip(clip_id, holder, take)
        if lease is None:
            raise UnknownName("clip", clip_id)
        if lease.holder != holder:
            raise LeaseConflict(clip_id, lease)
        return lease

    def of(self, clip_id: str) -> ReviewLease | None:
        """Return the live lease on a clip."""
        return self._catalog.lease_of(clip_id)

    def renew(self, clip_id: str, holder: str, fence: int) -> ReviewLease:
        """Prolong a lease: the page is still open.

        Raises:
            LeaseConflict: a later lease took its place.
        """
        renewed = self._catalog.renew_lease(self._lease(clip_id, holder, fence), self._seconds)
        if renewed is None:
            raise LeaseConflict(clip_id, self._catalog.lease_of(clip_id))
        return renewed

    def release(self, clip_id: str, holder: str, fence: int) -> bool:
        """Give a clip back; return False where a later lease took the place of this one."""
        return self._catalog.end_lease(self._lease(clip_id, holder, fence))

    def finish(self, clip_id: str) -> None:
        """Take a clip that was decided out of the queue."""
        self._catalog.dequeue([clip_id])

    def check(self, clip_id: str, holder: str, fence: int) -> ReviewLease:
        """Return the lease under which work is done, which lives again if it just ran out.

        Only reads unless the lease is in its second half.

        Raises:
            LeaseConflict: a later lease took its place.
        """
        live = self._catalog.lease_of(clip_id)
        if live and (live.holder, live.fence) == (holder, fence):
            remaining = (live.until - self._catalog.now()).total_seconds()
            if remaining > self._seconds / 2:
                return live
        elif live:
            raise LeaseConflict(clip_id, live)
        return self.renew(clip_id, holder, fence)

    def _lease_clip(self, clip_id: str, holder: str, take: bool = False) -> ReviewLease | None:
        """Lease a clip above all leases under which it was edited.

        The catalog may count from a lower number: a row was made anew after the clock was set back.
        """
        newest = self._newest_fence(clip_id)
        return self._catalog.lease_clip(clip_id, holder, self._seconds, take, above=newest)

    def _newest_fence(self, clip_id: str) -> int:
        queues = [queue for queue in self._queues if queue.is_open(clip_id)]
        return max((newest_fence(queue.journal_file(clip_id)) for queue in queues), default=0)

    def _is_open(self, clip_id: str) -> bool:
        """Check whether a clip waits; one of which that cannot be told stops nobody."""
        with contextlib.suppress(BadInput):  # named by oneclick catalog verify
            return any(queue.is_open(clip_id) for queue in self._queues)
        return False

    def _lease(self, clip_id: str, holder: str, fence: int) -> ReviewLease:
        return ReviewLease(clip_id, holder, fence, self._catalog.now())
