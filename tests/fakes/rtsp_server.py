"""An RTSP server with one camera, which sends what a test's script says: good, bad or nothing.

RFC 2326 (RTSP), RFC 6184 (H.264 over RTP), RFC 7798 (H.265 over RTP); over TCP, interleaved, and
over UDP; Basic and Digest authentication.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import re
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tests.fakes.coded_pictures import CodedPicture

PAYLOAD = 1400
CLOCK = 90_000


@dataclass(frozen=True)
class Send:
    """A picture with its time by the camera's clock."""

    picture: CodedPicture
    seconds: float


@dataclass(frozen=True)
class SendBytes:
    """The payload of one RTP packet, whatever it holds."""

    payload: bytes
    seconds: float


@dataclass(frozen=True)
class Pause:
    """Nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Nothing any more, over an open connection."""


Action = Send | SendBytes | Pause | Hang
Script = Callable[[int], Iterable[Action]]
"""What a camera does in its n-th connection, counted from 0; at the end it hangs up."""


def play(
    pictures: Iterable[CodedPicture], fps: float = 20, start: float = 100.0, speed: float = 1.0
) -> Iterator[Action]:
    """Send pictures at their own speed, or at a multiple of it."""
    for k, picture in enumerate(pictures):
        yield Send(picture, start + k / fps)
        yield Pause(1 / fps / speed)


def endless(pictures: tuple[CodedPicture, ...], fps: float = 20) -> Script:
    """Return the script of a camera that works: the same pictures again and again."""
    return lambda connection: play(itertools.cycle(pictures), fps)


@dataclass(kw_only=True)
class FakeCamera:
    """A camera behind RTSP."""

    codec: str
    script: Script
    header: CodedPicture
    """A key frame, whose parameters stand in the description."""
    user: str = ""
    password: str = ""
    auth: str = "digest"
    connections: int = 0
    refused: int = 0
    requests: list[str] = field(default_factory=list)


class RtspServer(socketserver.ThreadingTCPServer):
    """Serves one camera on a port of its own; `close` is the end of the network."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, camera: FakeCamera) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.camera = camera
        self.is_closed = threading.Event()
        self.sockets: set[socket.socket] = set()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, scheme: str = "rtsp") -> str:
        return f"{scheme}://127.0.0.1:{self.server_address[1]}/stream"

    def __enter__(self) -> RtspServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.is_closed.set()
        self.shutdown()
        self.server_close()
        for connected in list(self.sockets):
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Silence: clients go away."""


class _Handler(socketserver.StreamRequestHandler):
    server: RtspServer

    def setup(self) -> None:
        super().setup()
        self.server.sockets.add(self.request)
        self.lock = threading.Lock()
        self.send_rtp: Callable[[bytes], None] = lambda packet: None
        self.datagrams: socket.socket | None = None
        self.sequence = itertools.count(1000)

    def finish(self) -> None:
        self.server.sockets.discard(self.request)
        if self.datagrams is not None:
            self.datagrams.close()
        super().finish()

    def handle(self) -> None:
        while line := self.rfile.readline().decode("ascii", "replace").strip():
            if line.startswith("$"):  # a report of the client
                continue
            headers = {}
            while header := self.rfile.readline().decode("ascii", "replace").strip():
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            method, url = line.split(" ")[:2]
            self.server.camera.requests.append(method)
            if not self._answer(method, url, headers):
                return

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> bool:
        camera = self.server.camera
        extra: list[str] = []
        body = ""
        if method == "OPTIONS":
            extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"]
        elif not self._is_allowed(method, headers.get("authorization", "")):
            camera.refused += 1
            challenge = 'Digest realm="camera", nonce="abc"'
            extra = [f"WWW-Authenticate: {challenge if camera.auth == 'digest' else 'Basic realm'}"]
            if camera.auth == "basic":
                extra = ['WWW-Authenticate: Basic realm="camera"']
            self._respond(headers, "401 Unauthorized", extra)
            return True
        elif method == "DESCRIBE":
            body = description(camera)
            extra = ["Content-Type: application/sdp", f"Content-Base: {url}/"]
        elif method == "SETUP":
            extra = [f"Transport: {self._set_up(headers['transport'])}", "Session: 42"]
        elif method == "PLAY":
            number, camera.connections = camera.connections, camera.connections + 1
            self._respond(headers, "200 OK", ["Session: 42", "Range: npt=0.000-"])
            threading.Thread(target=self._play, args=(number,), daemon=True).start()
            return True
        self._respond(headers, "200 OK", extra, body)
        return method != "TEARDOWN"

    def _respond(
        self, asked: dict[str, str], status: str, extra: list[str], body: str = ""
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {asked.get('cseq', '0')}", *extra]
        lines += [f"Content-Length: {len(body)}"] if body else []
        with self.lock:
            self.wfile.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _is_allowed(self, method: str, answer: str) -> bool:
        camera = self.server.camera
        if not camera.user:
            return True
        if camera.auth == "basic":
            token = base64.b64encode(f"{camera.user}:{camera.password}".encode()).decode()
            return answer == f"Basic {token}"
        fields = dict(re.findall(r'(\w+)="([^"]*)"', answer))

        def digest(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        secret = digest(camera.user, "camera", camera.password)
        expected = digest(secret, "abc", digest(method, fields.get("uri", "")))
        return fields.get("response") == expected

    def _set_up(self, transport: str) -> str:
        if "interleaved" in transport or "TCP" in transport:
            self.send_rtp = self._send_interleaved
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        port = int(re.search(r"client_port=(\d+)", transport)[1])  # type: ignore[index]
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams = out
        out.bind(("127.0.0.1", 0))
        client = (self.client_address[0], port)
        self.send_rtp = lambda packet: void(out.sendto(packet, client))
        own = out.getsockname()[1]
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}"

    def _send_interleaved(self, packet: bytes) -> None:
        with self.lock:
            self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)

    def _play(self, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            for action in self.server.camera.script(number):
                if self.server.is_closed.is_set():
                    return
                match action:
                    case Send(picture, seconds):
                        self._send_picture(picture, seconds)
                    case SendBytes(payload, seconds):
                        self._send(payload, seconds, True)
                    case Pause(seconds):
                        time.sleep(seconds)
                    case Hang():
                        self.server.is_closed.wait()
                        return
            self.request.shutdown(socket.SHUT_RDWR)

    def _send_picture(self, picture: CodedPicture, seconds: float) -> None:
        payloads = [
            part
            for unit in picture.units
            for part in (
                fragments_of_h264(unit)
                if self.server.camera.codec == "h264"
                else fragments_of_hevc(unit)
            )
        ]
        for k, payload in enumerate(payloads, 1):
            self._send(payload, seconds, k == len(payloads))

    def _send(self, payload: bytes, seconds: float, is_last: bool) -> None:
        number = next(self.sequence) & 0xFFFF
        stamp = round(seconds * CLOCK) & 0xFFFFFFFF
        head = struct.pack(">BBHII", 0x80, 96 | is_last << 7, number, stamp, 0x0C11C)
        self.send_rtp(head + payload)


def void(_: object) -> None:
    """Forget a value."""


def fragments_of_h264(unit: bytes) -> list[bytes]:
    """Split a NAL unit into FU-A payloads where it is too large for one."""
    if len(unit) <= PAYLOAD:
        return [unit]
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 31
    return fragments(unit[1:], bytes([indicator]), kind)


def fragments_of_hevc(unit: bytes) -> list[bytes]:
    """Split a NAL unit into fragmentation units where it is too large for one payload."""
    if len(unit) <= PAYLOAD:
        return [unit]
    kind = unit[0] >> 1 & 63
    return fragments(unit[2:], bytes([unit[0] & 0x81 | 49 << 1, unit[1]]), kind)


def fragments(content: bytes, indicator: bytes, kind: int) -> list[bytes]:
    parts = [content[at : at + PAYLOAD] for at in range(0, len(content), PAYLOAD)]
    last = len(parts) - 1
    return [
        indicator + bytes([(k == 0) << 7 | (k == last) << 6 | kind]) + part
        for k, part in enumerate(parts)
    ]


def description(camera: FakeCamera) -> str:
    """The session description (SDP) of a camera."""
    units = camera.header.units
    encoded = [base64.b64encode(unit).decode() for unit in units]
    if camera.codec == "h264":
        sets = [text for unit, text in zip(units, encoded, strict=True) if unit[0] & 31 in (7, 8)]
        name, parameters = "H264", f"packetization-mode=1;sprop-parameter-sets={','.join(sets)}"
    else:
        kinds = {32: "vps", 33: "sps", 34: "pps"}
        sets = [
            f"sprop-{kinds[unit[0] >> 1 & 63]}={text}"
            for unit, text in zip(units, encoded, strict=True)
            if unit[0] >> 1 & 63 in kinds
        ]
        name, parameters = "H265", ";".join(sets)
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "m=video 0 RTP/AVP 96",
        f"a=rtpmap:96 {name}/{CLOCK}",
        f"a=fmtp:96 {parameters}",
        "a=control:track1",
    ]
    return "\r\n".join(lines) + "\r\n"
