"""Reading of a live source for as long as it is wanted: connect, hand on packets, try again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oneclick.core.errors import StreamBroken, StreamRefused
from oneclick.core.stream_addresses import Credentials, StreamAddress
from oneclick.storage.live_state import LiveStatus
from oneclick.video.streams import connection
from oneclick.video.streams.base import PacketSink
from oneclick.video.streams.clock import StreamClock
from oneclick.video.streams.connection import Connection, StreamTimeouts

RATE_SECONDS = 5.0
"""Time over which the rate of packets is counted."""


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Pauses between two connections, in seconds: each is twice the one before."""

    first: float = 1.0
    longest: float = 30.0
    refused: float = 30.0
    """Pause where access was denied: more attempts may lock an account."""

    def pause(self, failures: int, is_refused: bool) -> float:
        """Return the pause after so many failures in a row."""
        doubled = min(self.first * 2.0 ** min(failures - 1, 30), self.longest)
        return max(doubled, self.refused) if is_refused else doubled


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a source is read."""

    credentials: Credentials | None = None
    authorities: str = ""
    """As `certificates.tls_options` takes them."""
    timeouts: StreamTimeouts = field(default_factory=StreamTimeouts)
    backoff: Backoff = field(default_factory=Backoff)
    is_paced: bool = True
    """Whether files are played at their own speed; else as fast as they are read."""


class StreamReader:
    """Reads one source until it is stopped; a file or folder, until it ends.

    Args:
        address: of the source.
        sinks: get its packets.
        options: how it is read.
        on_status: called with a status and a message, when one of them may have changed.
    """

    def __init__(
        self,
        address: StreamAddress,
        sinks: Sequence[PacketSink],
        options: StreamOptions,
        on_status: Callable[[LiveStatus, str], None],
    ) -> None:
        self._address, self._sinks, self._options = address, sinks, options
        self._on_status = on_status
        self._stop = threading.Event()
        self._arrivals: deque[float] = deque(maxlen=600)
        self._count = 0  # packets of this connection

    def run(self) -> None:
        """Read until `stop`, or until a file or folder has ended."""
        if self._address.kind == "path":
            self._play()
            return
        failures = 0
        while not self._stop.is_set():
            if not failures:
                self._on_status("connecting", "")
            began, self._count = time.monotonic(), 0
            try:
                options = self._options
                with connection.open_stream(
                    self._address, options.credentials, options.timeouts, options.authorities
                ) as (container, stream):
                    source = Connection(
                        container, stream, label=self._address.label, clock=StreamClock()
                    )
                    self._hand_on(source)
                raise StreamBroken(f"{self._address.label} ended the connection")
            except StreamBroken as error:
                if self._stop.is_set():
                    return
                if self._count and time.monotonic() - began > self._options.backoff.longest:
                    failures = 0
                failures += 1
                is_refused = isinstance(error, StreamRefused)
                status: LiveStatus = "stalled" if self._count else "connecting"
                status = "refused" if is_refused else status
                self._on_status(status, str(error))
            finally:
                for sink in self._sinks:
                    sink.end_stretch()
            self._stop.wait(self._options.backoff.pause(failures, is_refused))

    def stop(self) -> None:
        """End `run` with the next packet, or when the source's time for one is over."""
        self._stop.set()

    def rate(self, now: float) -> float:
        """Return the packets a second that came in the last RATE_SECONDS before unix seconds."""
        recent = sum(1 for arrival in tuple(self._arrivals) if abs(now - arrival) <= RATE_SECONDS)
        return recent / RATE_SECONDS

    @property
    def last_arrival(self) -> float:
        """Return the unix seconds at which the last packet came; 0 before the first."""
        arrivals = self._arrivals
        return arrivals[-1] if arrivals else 0.0

    def _play(self) -> None:
        """Play a file, or all recordings of a folder, one after the other.

        Raises:
            StreamBroken: nothing of it can be played.
        """
        clock, is_played, problem = StreamClock(is_played=True), False, None
        for path in connection.files_of(self._address):
            try:
                with connection.open_file(path) as (container, stream):
                    source = Connection(
                        container,
                        stream,
                        label=path.name,
                        clock=clock,
                        is_paced=self._options.is_paced,
                    )
                    clock.open_next()
                    self._count = 0
                    self._hand_on(source)
                    is_played |= self._count > 0
            except StreamBroken as error:
                problem = error
                self._on_status("stalled", str(error))
            finally:
                for sink in self._sinks:
                    sink.end_stretch()
            if self._stop.is_set():
                return
        if not is_played and problem is not None:
            raise problem

    def _hand_on(self, source: Connection) -> None:
        """Give the packets of a connection to the sinks, until it ends or `stop` is called."""
        with contextlib.closing(source.packets(self._stop.wait)) as packets:
            for packet in packets:
                if not self._count:
                    self._on_status("running", "")
                self._count += 1
                self._arrivals.append(packet.arrival)
                for sink in self._sinks:
                    sink.write(packet)
                if self._stop.is_set():
                    return
