"""A server of the intake that can be killed, and a fleet of cameras that post to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from oneclick.core.edge_messages import EdgeBatch, EdgeFrame, IntakeAnswer
from oneclick.storage.bounded_documents import JsonDecoder
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.tokens import CameraTokens
from tests import ports
from tests.edge import batches
from tests.waits import HANG_SECONDS, wait_until

WINDOW_SECONDS = 15.0
NUMBER = "number"
"""Signal that holds the sequence number: it shows which pictures became Videos."""
MOST = 500
"""Pictures in one batch."""
SERVER = """
import sys
from pathlib import Path
from oneclick.settings import Settings
from oneclick.web import review_app, server
home, port, window = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
settings = Settings(home=home, intake={"window_minutes": window / 60, "idle_minutes": 1 / 60,
                                       "requests_per_minute": 1000})
app = review_app.create_review_app(home, settings, [f"http://127.0.0.1:{port}"])
listener = server.open_socket(f"127.0.0.1:{port}")
server.serve(app, listener, protocol=server.BoundedProtocol)
"""
INTAKE_ALONE = """
import contextlib, sys
from pathlib import Path
from fastapi import FastAPI
from oneclick.services.intake_settings import IntakeSettings
from oneclick.storage.workspace import Workspace
from oneclick.web import server
from oneclick.web.intake import desk, routes
intake = desk.IntakeDesk(Workspace(Path(sys.argv[1])), IntakeSettings())
@contextlib.asynccontextmanager
async def lifespan(_):
    await intake.start()
    yield
    await intake.stop()
app = FastAPI(lifespan=lifespan)
app.state.intake = intake
app.include_router(routes.router)
listener = server.open_socket(f"127.0.0.1:{sys.argv[2]}")
server.serve(app, listener, protocol=server.BoundedProtocol)
"""
"""It starts three times as fast: no accounts, no pages, and no worker."""
_ANSWER = JsonDecoder[IntakeAnswer](IntakeAnswer)


class IntakeServer:
    """The web server in a process of its own, on one port, with its worker."""

    def __init__(self, home: Path, window: float = WINDOW_SECONDS, program: str = SERVER) -> None:
        self._arguments, self._program = [str(home), "", str(window)], program
        self.port = ports.free_port()
        self._arguments[1] = str(self.port)
        self.process = self._start()

    def wait_until_ready(self) -> None:
        """Wait until it accepts connections."""

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False

        wait_until(answers, lambda: "the server did not start")

    def kill(self) -> None:
        """Kill it without a word."""
        self.process.kill()
        self.process.wait(HANG_SECONDS)

    def restart(self) -> None:
        """Start it again on the same port."""
        self.process = self._start()

    def stop(self) -> None:
        """End it politely."""
        self.process.terminate()
        self.process.wait(HANG_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", self._program, *self._arguments])


@dataclass
class EdgeCamera:
    """One camera: a picture every tenth of a second, sent every second, kept until acknowledged."""

    name: str
    token: str
    port: int
    begin: float
    """Unix seconds of its first picture."""
    next: int = 0
    """Number of the first picture that is not acknowledged."""
    seconds: list[float] = field(default_factory=list)
    """Time from sending a batch to its answer."""
    moments: list[float] = field(default_factory=list)
    """Unix seconds when each of these was sent."""
    failures: int = 0
    """Batches without an answer."""
    _connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def picture(self, number: int) -> EdgeFrame:
        """Return a picture with two boxes."""
        picture = batches.frame(number, start=self.begin)
        return msgspec.structs.replace(picture, signals={NUMBER: float(number)})

    async def run(self, seconds: float) -> None:
        """Send what is taken in `seconds`, and return when all of it is acknowledged."""
        total = round(seconds * batches.FPS)
        while self.next < total:
            taken = min(total, int((time.time() - self.begin) * batches.FPS))
            if taken - self.next < min(10, total - self.next):
                await asyncio.sleep(0.02 + self.begin % 0.05)
                continue
            try:
                await self.send(range(self.next, min(taken, self.next + MOST)))
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.failures += 1
                await self._hang_up()
                await asyncio.sleep(0.3)
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._connection is not None:
            writer, self._connection = self._connection[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def send(self, numbers: range) -> None:
        """Send pictures once. Raises OSError or ValueError where there is no good answer."""
        source = msgspec.structs.replace(batches.SOURCE, camera=self.name)
        pictures = tuple(map(self.picture, numbers))
        batch = EdgeBatch(source=source, sent_at=time.time(), oldest=self.next, frames=pictures)
        body = msgspec.msgpack.encode(batch)
        head = (
            f"POST /api/predictions HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/msgpack\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        if self._connection is None:
            self._connection = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._connection
        begin, moment = time.perf_counter(), time.time()
        writer.write(head.encode() + body)
        status = await reader.readline()
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answer = await reader.readexactly(length)
        if b" 200 " not in status:
            raise ValueError(f"{status!r} {answer!r}")
        self.seconds.append(time.perf_counter() - begin)
        self.moments.append(moment)
        self.next = _ANSWER.decode(answer).next


def make_fleet(home: Path, port: int, count: int) -> list[EdgeCamera]:
    """Return cameras with tokens, whose first pictures are spread over a second."""
    tokens, begin = CameraTokens(Workspace(home)), time.time()
    cameras = []
    for number in range(count):
        name = f"cam{number:03d}"
        token = tokens.make(name, [batches.MODEL])
        cameras.append(EdgeCamera(name, token, port, begin + number / count))
    return cameras
