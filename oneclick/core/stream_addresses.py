"""Addresses of live sources: what kind they are, and what of them may be shown.

A password is never part of an address: addresses stand in settings, in lists of processes and on
screens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from oneclick.core.errors import UsageError

StreamKind = Literal["rtsp", "http", "webcam", "path"]
_SCHEMES: dict[str, tuple[StreamKind, str, str]] = {
    "rtsp": ("rtsp", "rtsp", "tcp"),
    "rtsp+tcp": ("rtsp", "rtsp", "tcp"),
    "rtsp+udp": ("rtsp", "rtsp", "udp"),
    "rtsps": ("rtsp", "rtsps", "tcp"),
    "http": ("http", "http", "tcp"),
    "https": ("http", "https", "tcp"),
    "webcam": ("webcam", "webcam", ""),
}
"""By scheme: the kind, the scheme that FFmpeg knows, and the transport."""
_DEVICE = re.compile(r"/dev/video\d+")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Name and password for a camera; neither stands in a representation."""

    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class StreamAddress:
    """Where a live source is."""

    kind: StreamKind
    place: str
    """URL without credentials, path of a file or folder, or device of a webcam."""
    transport: str = ""
    """tcp or udp, of a network source."""
    host: str = ""
    """Of a network source, with its port where one is named."""

    @property
    def label(self) -> str:
        """Return what may be shown of the address: no query, which may hold a token."""
        return self.place.split("?")[0] if self.host else self.place

    def url(self, credentials: Credentials | None = None) -> str:
        """Return the address as FFmpeg takes it, with name and password."""
        if credentials is None or not self.host:
            return self.place
        scheme, _, rest = self.place.partition("://")
        user = f"{quote(credentials.user, safe='')}:{quote(credentials.password, safe='')}"
        return f"{scheme}://{user}@{rest}"


def parse(text: str) -> StreamAddress:
    """Return the address of a live source.

    rtsp:// (over TCP), rtsp+udp://, rtsps://, http:// and https://, webcam:0 or /dev/video0, else a
    file or folder that is played as if it were live.

    Raises:
        UsageError: it is empty, holds a password, or is a URL of another kind.
    """
    text = text.strip()
    if not text:
        raise UsageError("a live source is empty: name a URL, webcam:0, a file or a folder")
    if device := re.fullmatch(r"webcam:(\d+)", text):
        return StreamAddress(kind="webcam", place=f"/dev/video{device[1]}")
    if _DEVICE.fullmatch(text):
        return StreamAddress(kind="webcam", place=text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return StreamAddress(kind="path", place=text)
    if scheme.lower() not in _SCHEMES or scheme == "webcam":
        known = ", ".join(f"{name}://" for name in _SCHEMES if name != "webcam")
        raise UsageError(f"{scheme}:// is no live source; there are {known}, webcam:0 and files")
    kind, plain_scheme, transport = _SCHEMES[scheme.lower()]
    try:
        parts = urlsplit(f"{plain_scheme}://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if "@" in parts.netloc:
        raise UsageError(
            f"the address of {host or 'a camera'} holds a name or password, which others can read "
            "in lists of processes: put them into the file that live.credentials names"
        )
    if not host:
        raise UsageError(f"{scheme}:// without a host: write {scheme}://HOST/PATH")
    return StreamAddress(
        kind=kind,
        place=f"{plain_scheme}://{rest}",
        transport=transport,
        host=f"{host}:{port}" if port else host,
    )
