"""The desk of the intake: who may send, what is taken, and when a segment is complete."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from oneclick.core import edge_messages
from oneclick.core.edge_messages import EdgeBatch, FrameLimits, IntakeAnswer
from oneclick.core.errors import OneclickError
from oneclick.services.intake_settings import IntakeSettings
from oneclick.storage import intake_counts, intake_log, locks, span_requests
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.intake_log import CameraLog, StoredBatch
from oneclick.storage.workspace import Workspace
from oneclick.web.intake.tokens import CameraToken, CameraTokens
from oneclick.web.intake.worker_process import WorkerProcess
from oneclick.web.refusals import Refused

WRITERS = 8
"""Threads that write and flush: the device commits what waits at the same time together."""
TICK_SECONDS = 2.0
MOST_LOST = 10_000_000
"""Pictures that a device may have dropped in a row: a greater leap is a fault, and the camera could
never send a smaller number again."""
_LOG = logging.getLogger(__name__)


class CameraIntake:
    """The intake of one camera: one batch after another."""

    def __init__(self, log: CameraLog, counts: CameraCounts, clock: Callable[[], float]) -> None:
        self.lock = asyncio.Lock()
        self.log, self.counts, self._clock = log, counts, clock
        self.touched = clock()
        self.open_spans = 0
        self._minute, self._requests = 0, 0

    def admit(self, most: int) -> None:
        """Count a request. Raises Refused (429) beyond `most` in a minute."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._requests = minute, 0
        self._requests += 1
        if self._requests > most:
            rest = (minute + 1) * 60 - self._clock()
            raise Refused(429, f"more than {most} batches in a minute", retry_after=rest)

    def take(self, batch: EdgeBatch, limits: FrameLimits) -> IntakeAnswer:
        """Store what is new in a batch and return once it is on the device.

        Raises:
            Refused: pictures are missing before it, or the numbers begin anew.
            NoSpace, Unavailable: the disk refuses; nothing is taken.
        """
        log, first = self.log, batch.frames[0].seq if batch.frames else self.log.next
        lost = first - log.next
        if lost > MOST_LOST or (lost > 0 and first != batch.oldest):
            text = f"pictures are missing: {log.next} is wanted next, {first} came"
            raise Refused(409, text, next=log.next)
        fresh = batch.frames[max(0, -lost) :]
        replayed = batch.frames[: max(0, -lost)]
        # A picture that could follow the last one is no replay, whatever its number.
        problems = (
            edge_messages.frame_problem(frame, batch.source, limits, log.last_time)
            for frame in replayed
        )
        if not all(problems):
            text = f"the numbers begin anew: go on with {log.next}"
            raise Refused(409, text, next=log.next)
        if fresh:
            used, reasons, last_time = [], {}, log.last_time
            for frame in fresh:
                problem = edge_messages.frame_problem(frame, batch.source, limits, last_time)
                if problem:
                    reasons[frame.seq] = problem
                else:
                    used.append(frame)
                    last_time = frame.time
            quarantined = [(frame, reasons[frame.seq]) for frame in fresh if frame.seq in reasons]
            stored = StoredBatch(
                source=batch.source,
                frames=tuple(used),
                quarantined=tuple(quarantined),
                lost=max(0, lost),
            )
            log.append(stored, fresh[-1].seq + 1)
        else:
            used, reasons = [], {}
        counts = edge_messages.count_reasons(reasons)
        self.touched = self._clock()
        self.counts.stored += len(used)
        self.counts.replayed += len(replayed)
        self.counts.lost += max(0, lost) if fresh else 0
        self.counts.quarantine(counts)
        self.counts.seen_at = datetime.now(UTC)
        return IntakeAnswer(
            next=log.next,
            stored=len(used),
            replayed=len(replayed),
            quarantined=counts,
            spans=self.open_spans,
        )


class IntakeDesk:
    """The intake of a workspace; the first batch opens it, and then it is the only one.

    Args:
        workspace: that stores what comes.
        settings: its limits.
        worker: turns complete segments into Videos; None leaves them to another process.
        clock: unix seconds.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: IntakeSettings,
        worker: WorkerProcess | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.workspace, self.settings, self.tokens = workspace, settings, CameraTokens(workspace)
        self._worker, self._clock = worker, clock
        self._cameras: dict[str, CameraIntake] = {}
        self._pool = ThreadPoolExecutor(WRITERS, "intake")
        self._only = contextlib.ExitStack()
        self._is_open = self._is_changed = False
        self._counts: dict[str, CameraCounts] = {}
        self._opening, self._openings = asyncio.Lock(), dict[str, asyncio.Lock]()
        self._task: asyncio.Task[None] | None = None
        self._told: dict[str, str] = {}

    async def start(self) -> None:
        """Begin to look after idle cameras, the worker, and the counts."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Write the counts, and close everything."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._worker is not None:
            await asyncio.to_thread(self._worker.stop)
        self._pool.shutdown()
        with contextlib.suppress(OneclickError):
            self._save_counts()
        for camera in self._cameras.values():
            camera.log.close()
        self._only.close()

    def authorise(self, header: str) -> CameraToken:
        """Return whose token a request carries.

        Raises:
            Refused: 401: none, or one that was never made or is revoked.
        """
        kind, _, text = header.partition(" ")
        token = self.tokens.find(text.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise Refused(401, "no valid token: oneclick edge token CAMERA makes one")
        return token

    async def camera(self, name: str) -> CameraIntake:
        """Return the intake of a camera; the first one reads what is there.

        Raises:
            Unavailable: another server takes predictions in, or the folder cannot be used.
        """
        if (intake := self._cameras.get(name)) is None:
            # Requests of one camera wait for each other here, those of another do not.
            async with self._openings.setdefault(name, asyncio.Lock()):
                if not self._is_open:
                    async with self._opening:
                        await self._run(self._open)
                if (intake := self._cameras.get(name)) is None:
                    intake = self._cameras[name] = await self._run(self._open_camera, name)
        return intake

    async def take(self, token: CameraToken, batch: EdgeBatch) -> IntakeAnswer:
        """Take a batch in; return once it is on the device.

        Raises:
            Refused: nothing of it was taken, and why.
            NoSpace, Unavailable: the disk refuses.
        """
        self._check(token, batch)
        intake, now = await self.camera(token.camera), self._clock()
        limits = FrameLimits(
            max_boxes=self.settings.max_boxes,
            newest=now + self.settings.max_skew_s,
            oldest=now - self.settings.max_age_hours * 3600,
        )
        async with intake.lock:
            answer: IntakeAnswer = await self._run(intake.take, batch, limits)
        self._is_changed = True
        return answer

    def refuse(self, camera: str, reason: str) -> None:
        """Count a request that was refused."""
        self._counts.setdefault(camera, CameraCounts()).refuse(reason)
        self._is_changed = True

    def _check(self, token: CameraToken, batch: EdgeBatch) -> None:
        source, skew = batch.source, batch.sent_at - self._clock()
        if source.camera != token.camera:
            raise Refused(403, f"this token is not that of camera {source.camera}")
        is_ours = self.workspace.model_dir(source.model).is_dir()
        if not is_ours and source.model not in token.models:
            remedy = f"oneclick edge token {token.camera} --model {source.model}"
            raise Refused(422, f"model {source.model} is not known here: {remedy}")
        if not (math.isfinite(skew) and abs(skew) <= self.settings.max_skew_s):
            text = f"the clock of the device differs by {skew:.0f} s: set it by NTP"
            raise Refused(422, text, retry_after=60)
        if problem := edge_messages.order_problem(batch):
            raise Refused(422, problem)

    def _open(self) -> None:
        """Become the only server that takes predictions in. Raises Unavailable."""
        if not self._is_open:
            self.workspace.create()
            lock = locks.file_lock(self.workspace.locks_dir / "intake", wait=False)
            self._only.enter_context(lock)
            self._counts = intake_counts.load_or_restart(self.workspace) | self._counts
            self._is_open = True

    def _open_camera(self, name: str) -> CameraIntake:
        folder = self.workspace.intake_dir / name
        log = CameraLog(folder, self.settings.window_minutes * 60)
        return CameraIntake(log, self._counts.setdefault(name, CameraCounts()), self._clock)

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    async def _look_after(self) -> None:
        """Close segments of cameras that are silent, keep the worker alive, write the counts."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.tick()
            except (OneclickError, OSError) as error:
                _LOG.warning("intake: %s", error)

    async def tick(self) -> None:
        """Do once what has to be done every few seconds; a camera that cannot be used is told once.

        Raises NoSpace or Unavailable where the counts cannot be written.
        """
        for name in sorted(self._cameras.keys() | set(await self._run(self._unopened))):
            try:
                await self._tick_camera(name)
                self._told.pop(name, None)
            except (OneclickError, OSError) as error:
                if self._told.get(name) != str(error):
                    self._told[name] = str(error)
                    _LOG.warning("intake of %s: %s", name, error)
        if self._is_changed:
            self._is_changed = False
            await self._run(self._save_counts)
        if self._worker is not None and await self._run(self._has_work):
            self._worker.ensure()

    async def _tick_camera(self, name: str) -> None:
        """Close the segment of a camera that is silent, and count its requests that wait."""
        intake = await self.camera(name)
        idle = self._clock() - self.settings.idle_minutes * 60
        if not intake.log.is_empty and intake.touched < idle:
            async with intake.lock:
                await self._run(intake.log.close_segment)
        pending = await self._run(span_requests.pending, self.workspace, name)
        intake.open_spans = sum(request.state == "open" for request in pending)

    def _unopened(self) -> list[str]:
        """Return the cameras that sent something to a server before this one."""
        newest = intake_log.newest_segments(self.workspace.intake_dir)
        return sorted({path.parent.name for path in newest} - self._cameras.keys())

    def _has_work(self) -> bool:
        return self._is_open or bool(intake_log.closed_segments(self.workspace.intake_dir))

    def _save_counts(self) -> None:
        if self._is_open:
            intake_counts.save(self.workspace, self._counts)
