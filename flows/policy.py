"""How every flow and task behaves: retries, runners, claims, artifacts, and the record of runs."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import Flow, Task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.task_runners import TaskRunner

from flows import local_server
from oneclick import settings
from oneclick.catalog import Catalog, owner_id
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import NoSpace, OneclickError, Unavailable, UsageError
from oneclick.core.results import BatchResult

HOUR = 3600
TOLD_EVERY = 2.0
"""Seconds between two words of a run about its progress."""
ALL = 1_000_000
RETRY_DELAYS = [10, 60, 300]
RUNNERS = {
    "thread": ("prefect.task_runners", "ThreadPoolTaskRunner"),
    "process": ("prefect.task_runners", "ProcessPoolTaskRunner"),
    "dask": ("prefect_dask", "DaskTaskRunner"),
    "ray": ("prefect_ray", "RayTaskRunner"),
}


def transient(task: Task[Any, Any], run: Any, state: State[Any]) -> bool:
    """Retry what may heal by itself, and only on a server: at a terminal the user retries."""
    if local_server.here():
        return False
    error = state.result(raise_on_failure=False)
    return isinstance(error, Unavailable | OSError) and not isinstance(error, NoSpace)


TASK: dict[str, Any] = {
    "retries": len(RETRY_DELAYS),
    "retry_delay_seconds": RETRY_DELAYS,
    "retry_condition_fn": transient,
    # What is done stands in the catalog, where it can be seen; a second cache would only hide it.
    "cache_policy": NO_CACHE,
}


def make_runner(name: str) -> TaskRunner[Any]:
    """The Prefect task runner of that name; dask and ray are optional extras.

    Raises:
        UsageError: if the extra is not installed.
    """
    module, kind = RUNNERS[name]
    try:
        made: TaskRunner[Any] = getattr(importlib.import_module(module), kind)()
    except ImportError:
        raise UsageError(
            f"runner {name!r} is not installed: install oneclick[{name}], or set thread or process"
        ) from None
    return made


def record(flow: Flow[Any, Any], run: FlowRun, state: State[Any]) -> None:
    """Write the run into the catalog, so that it can be shown without a Prefect server."""
    home = run.parameters.get("home") or settings.load().home
    ended = state.timestamp if state.is_final() else None
    started = run.start_time or state.timestamp
    with Catalog.open(Path(home)) as catalog:
        catalog.add_run(str(run.id), flow.name, state.name or "", started, ended, _line(state))
    if state.is_running():
        _watched[str(run.id)] = told = _Told(Path(home), str(run.id))
        progress.listen(told)
    elif ended and (listening := _watched.pop(str(run.id), None)):
        progress.dismiss(listening)


class _Told:
    """Writes into the catalog how far a run is, every few seconds at most."""

    def __init__(self, home: Path, run: str) -> None:
        self._home, self._run = home, run
        self._next = time.monotonic() + TOLD_EVERY

    def __call__(self, what: str, done: int, total: int) -> None:
        if not total or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + TOLD_EVERY
        # A busy catalog must not end a run that only wanted to say how far it is.
        with suppress(OneclickError), Catalog.open(self._home) as catalog:
            catalog.advance_run(self._run, done / total, f"{what}: {done} of {total}")


_watched: dict[str, _Told] = {}


def _line(state: State[Any]) -> str:
    return (state.message or "").strip().split("\n", 1)[0][:200]


FLOW: dict[str, Any] = {
    "task_runner": make_runner(settings.load().runner),
    "on_running": [record],
    "on_completion": [record],
    "on_failure": [record],
    "on_cancellation": [record],
    "on_crashed": [record],
}


@contextmanager
def in_process() -> Iterator[None]:
    """For flows run here: no second of heartbeat each, no server left behind by SIGTERM."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def each_batch(
    task: Task[Any, Any], stage: ClipStage, conf: settings.Settings, *rest: object
) -> BatchResult:
    """Claim the clips at `stage` batch by batch and hand each to `task(home, ids, *rest)`."""
    total, owner = BatchResult(), owner_id()
    with Catalog.open(conf.home) as catalog:
        try:
            while wave := _claim(catalog, stage, owner, conf):
                for result in run(task, conf, [(conf.home, ids, *rest) for ids in wave]):
                    total.add(result)
        finally:
            catalog.release(owner)
    return total


@contextmanager
def claimed(conf: settings.Settings, stage: ClipStage) -> Iterator[list[str]]:
    """Every clip at `stage` that nobody works on, for a step that takes them all at once."""
    owner = owner_id()
    with Catalog.open(conf.home) as catalog:
        try:
            yield catalog.claim(stage, owner, ALL, conf.lease_seconds)
        finally:
            catalog.release(owner)


def _claim(
    catalog: Catalog, stage: ClipStage, owner: str, conf: settings.Settings
) -> list[list[str]]:
    """As many batches as run at once: a lease never waits for another batch's work."""
    wave = []
    for _ in range(_width(conf)):
        ids = catalog.claim(stage, owner, conf.batch, conf.lease_seconds)
        if not ids:
            break
        wave.append(ids)
    return wave


def run(
    task: Task[Any, Any], conf: settings.Settings, calls: Iterable[tuple[object, ...]]
) -> Iterator[Any]:
    """Results of the calls, made on the runner or one by one in this thread.

    Here Ctrl-C and timeouts bite at once, where a pool waits for its threads.
    """
    if _width(conf) == 1:
        yield from (task(*call) for call in calls)
        return
    for future in [task.submit(*call) for call in calls]:
        yield future.result()


def _width(conf: settings.Settings) -> int:
    # Torch, OpenCV and FFmpeg use all cores by themselves: more threads would not be faster.
    return 1 if conf.runner == "thread" else os.cpu_count() or 1


def parts(ids: Sequence[str], size: int) -> list[list[str]]:
    """The ids in batches of at most `size`."""
    return [list(ids[k : k + size]) for k in range(0, len(ids), size)]


def table(key: str, rows: Sequence[Any], text: str) -> None:
    """Leave a table with the flow run; its rows are dataclasses or dictionaries."""
    found = [row if isinstance(row, dict) else asdict(row) for row in rows]
    create_table_artifact(key=key, table=found, description=text)


def markdown(key: str, text: str) -> None:
    """Leave a page of text with the flow run."""
    create_markdown_artifact(key=key, markdown=text)


def outcome(result: BatchResult, **more: Any) -> dict[str, Any]:
    """What a flow returns: plain values."""
    return {"done": len(result.done), "failed": dict(result.failed), **more}
