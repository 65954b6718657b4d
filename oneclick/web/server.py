"""Sockets of every web server of ours: where they listen, and what a connection may cost.

A connection that sends its request slowly, sends too much or stays idle is closed: it must not keep
others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import resource
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from oneclick.core.errors import Unavailable, UsageError

CONNECTION_SECONDS = 15.0
"""A connection of a ShortLivedProtocol is closed then."""
HEADER_SECONDS = 10.0
"""From the first byte of a request (or the opening of a connection) to the end of its headers."""
BODY_SECONDS = 20.0
"""From there to the end of its body."""
IDLE_SECONDS = 60
"""A kept connection may be idle for this long."""
WRITE_SECONDS = 30.0
"""A peer that reads nothing of an answer for this long is gone."""
MAX_BODY_BYTES = 1 << 20
"""Of a request; most have some hundred bytes."""
MAX_OPEN_FILES = 1 << 15
MAX_CONNECTIONS, MAX_PER_ADDRESS, MAX_LOOPBACK = 512, 64, 256
"""Open at once: in all, of another machine, and of this one, where a proxy may stand for many."""
STOP_SECONDS = 3
"""For requests that run when the server is told to end."""


class WebSocketOptions(TypedDict):
    """Names of uvicorn's settings of WebSockets."""

    ws: Literal["websockets-sansio"]
    ws_max_size: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_per_message_deflate: bool


WEBSOCKETS: WebSocketOptions = {
    "ws": "websockets-sansio",
    "ws_max_size": 1024,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": False,
}
"""Browsers send words, and get pictures, which do not become smaller; one that is gone, and answers
no ping, is closed."""


@dataclass(frozen=True)
class Tls:
    """PEM files of a certificate with its chain, and of its private key."""

    certificate: Path
    key: Path


def split_address(address: str) -> tuple[str, int]:
    """Return IP address and port of `host:port`, without asking a name server.

    Raises:
        Unavailable: it is none.
    """
    host, _, port = address.rpartition(":")
    host = {"localhost": "127.0.0.1", "": "0.0.0.0"}.get(host, host.strip("[]"))
    try:
        if not 0 <= int(port) < 1 << 16:
            raise ValueError(f"no port {port}")
        # A name would be looked up on the network; only an address is certainly this machine's.
        return str(ipaddress.ip_address(host)), int(port)
    except ValueError as error:
        raise _cannot_listen(address, error) from None


def open_socket(address: str) -> socket.socket:
    """Listen on `host:port`; port 0 takes any free port.

    Raises:
        Unavailable: nothing can listen there.
    """
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise _cannot_listen(address, error.strerror or error) from None


def _cannot_listen(address: str, reason: object) -> Unavailable:
    return Unavailable(
        f"cannot listen on {address}: {reason}; give an IP address of this machine and a free "
        "port, host:port"
    )


class ShortLivedProtocol(H11Protocol):
    """HTTP on a connection that is closed after CONNECTION_SECONDS, whatever its peer does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.loop.call_later(CONNECTION_SECONDS, transport.abort)


class BoundedProtocol(H11Protocol):
    """HTTP on a connection that may be kept, with limits on the time and size of each request."""

    _clock: asyncio.TimerHandle | None = None
    _write_clock: asyncio.TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of a new connection, or close it where there are too many."""
        super().connection_made(transport)
        mine = self.client[0] if self.client else ""
        clients = [getattr(peer, "client", None) for peer in self.connections]
        addresses = [client[0] for client in clients if client]
        most = MAX_LOOPBACK if mine in ("127.0.0.1", "::1") else MAX_PER_ADDRESS
        if len(addresses) > MAX_CONNECTIONS or addresses.count(mine) > most:
            transport.abort()
        else:
            self._start_clock(HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Take what came in; a request has to be complete in time."""
        if self._clock is None:
            self._start_clock(HEADER_SECONDS)
            self._received = 0
        self._received += len(data)
        was_body = self.conn.their_state is h11.SEND_BODY
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # a WebSocket now, which has pings
            self._stop_clock()
            return
        is_body = self.conn.their_state is h11.SEND_BODY
        if is_body and not was_body:
            self._start_clock(BODY_SECONDS)
        elif not is_body and self.conn.their_state is not h11.IDLE:
            self._stop_clock()
        # An answer that did not wait for the body: the rest is not read on and on.
        if is_body and self.conn.our_state is h11.DONE and self._received > MAX_BODY_BYTES:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Wait for the peer to read, but not for ever."""
        super().pause_writing()
        self._write_clock = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the peer has read."""
        super().resume_writing()
        if self._write_clock is not None:
            self._write_clock.cancel()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also one whose peer has not read its last answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeouts of the connection."""
        self._stop_clock()
        if self._write_clock is not None:
            self._write_clock.cancel()
        super().connection_lost(exc)

    def _start_clock(self, seconds: float) -> None:
        self._stop_clock()
        self._clock = self.loop.call_later(seconds, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def serve(
    app: FastAPI,
    listener: socket.socket,
    *,
    protocol: type[H11Protocol] = ShortLivedProtocol,
    tls: Tls | None = None,
    behind_proxy: bool = False,
) -> None:
    """Serve the application on a socket until Ctrl-C or SIGTERM, and close it.

    Args:
        app: the application.
        listener: an open socket.
        protocol: what a connection may cost.
        tls: certificate and key; None is plain HTTP.
        behind_proxy: a proxy on this machine tells addresses of browsers (X-Forwarded-For).

    Raises:
        UsageError: certificate and key cannot be used.
    """
    if tls is not None:
        check_tls(tls)
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        files = max(files, min(most, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    config = uvicorn.Config(
        app,
        http=protocol,
        **(WEBSOCKETS if protocol is BoundedProtocol else {"ws": "none"}),  # type: ignore[arg-type]
        log_level="warning",
        log_config=None,  # to stderr as all logs, where hidden characters become escapes
        server_header=False,
        # Otherwise whoever sends the header from this machine would choose its own address.
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        timeout_keep_alive=IDLE_SECONDS if protocol is BoundedProtocol else 5,
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    with listener, _start_left_out_of_collections():
        uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _start_left_out_of_collections() -> Iterator[None]:
    """Keep the garbage collector from what was loaded before the first request, which stays.

    A full collection looks at all of it while every request waits: 0.17 to 0.19 s with the review
    pages, twice a minute with twenty annotators.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def check_tls(tls: Tls) -> None:
    """Check that certificate and key can be used.

    Raises:
        UsageError: naming the file and what is wrong with it.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"TLS with {tls.certificate} and {tls.key}: {error.strerror or error}; both are PEM "
            "files, and the key belongs to the certificate"
        ) from None
