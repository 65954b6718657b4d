"""Sending of what waits, for as long as it takes: the server says with which number to go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from oneclick.core import errors
from oneclick.core.edge_messages import EdgeBatch, EdgeFrame, IntakeAnswer
from oneclick.edge import link
from oneclick.edge.link import NotTaken, ServerLink
from oneclick.edge.spool import Spool

MOST = 500
"""Pictures in one batch."""
POLL_SECONDS = 0.5


@dataclass(kw_only=True)
class LinkState:
    """What became of the sending so far."""

    sent: int = 0
    """Pictures that the server has on its disk."""
    quarantined: int = 0
    """Pictures that it does not use."""
    spans: int = 0
    """Requests for raw video that wait."""
    problem: str = ""
    """Why the last attempt failed; empty while all is well."""


class Sender:
    """Sends the pictures of a spool in order, each until it is acknowledged.

    Args:
        spool: what waits.
        server: link to it.
        report: called with a line when something begins to fail, and when it is well again.
        clock: unix seconds.
    """

    def __init__(
        self,
        spool: Spool,
        server: ServerLink,
        report: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.state = LinkState()
        self._spool, self._server, self._report, self._clock = spool, server, report, clock
        self._next: int | None = None
        self._most = MOST
        self._failures = 0

    def begin(self, stop: threading.Event) -> None:
        """Ask the server for the first number of a new spool, until it answers."""
        while self._spool.is_new and not stop.is_set():
            try:
                following = self._server.state().next
                self._spool.skip_to(following)
                if following == 0:
                    return
            except NotTaken as error:
                stop.wait(self._fail(error))

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set, and then what waits, once."""
        while not stop.is_set():
            stop.wait(self.step())
        self.step()

    def step(self) -> float:
        """Send one batch; return the seconds to wait before the next."""
        try:
            if self._next is None:
                self._next = self._server.state().next
            if self._next > self._spool.next:  # the disk was put back to an earlier day
                self._spool.skip_to(self._next)
            part = self._spool.read(self._next, self._most)
            if part is None:
                return POLL_SECONDS
            source, frames = part
            # What the disk has lost in between can never come: the server must not wait for it.
            is_gap = frames[0].seq > self._next
            batch = EdgeBatch(
                source=source,
                sent_at=self._clock(),
                oldest=frames[0].seq if is_gap else self._spool.oldest,
                frames=_consecutive(frames),
            )
            self._note(self._server.post(batch))
        except NotTaken as error:
            return self._fail(error)
        except Exception as error:  # a disk or a server may be well again
            return self._fail(NotTaken(errors.reason(error, "send what waits")))
        return 0.0 if len(frames) == self._most else POLL_SECONDS

    def _note(self, answer: IntakeAnswer) -> None:
        self._next = answer.next
        self._spool.acknowledge(answer.next)
        state = self.state
        state.sent += answer.stored
        state.quarantined += sum(answer.quarantined.values())
        state.spans = answer.spans
        for reason, count in answer.quarantined.items():
            self._report(f"{count} pictures are not used by the server: {reason}")
        if state.problem:
            self._report("the server takes predictions again")
        self._failures, state.problem, self._most = 0, "", MOST

    def _fail(self, error: NotTaken) -> float:
        """Note a failure; return the seconds to wait."""
        self._failures += 1
        if str(error) != self.state.problem:
            self._report(f"predictions wait on this device: {error}")
        self.state.problem = str(error)
        if error.following is not None and error.following != self._next:
            self._next = error.following
            return 0.0
        if error.status == 413:
            self._most = max(1, self._most // 2)
        self._next = None
        return max(link.pause_after(self._failures), error.retry_after or 0.0)


def _consecutive(frames: tuple[EdgeFrame, ...]) -> tuple[EdgeFrame, ...]:
    """Return the first frames up to a gap in their numbers."""
    for place, frame in enumerate(frames):
        if frame.seq != frames[0].seq + place:
            return frames[:place]
    return frames
