"""Common behaviour of flows and tasks: retries, runners, leases, artifacts, and records of runs."""

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
from prefect.task_engine import TaskRunTimeoutError
from prefect.task_runners import TaskRunner

from oneclick import settings
from oneclick.catalog import Catalog, owner_id, reconcile, run_owners, utc_now
from oneclick.core import progress
from oneclick.core.clips import ClipStage
from oneclick.core.errors import NoSpace, OneclickError, Unavailable, UsageError
from oneclick.core.results import BatchResult
from oneclick.flows import local_server, repaired_settings
from oneclick.report import TrainingReport, scores

HOUR = 3600
PROGRESS_SECONDS = 2.0
"""Least time between two records of the progress of a run."""
ALL = 1_000_000
RECENT_RUNS = 60
RETRY_DELAYS = [10, 60, 300]
RUNNERS = {
    "thread": ("prefect.task_runners", "ThreadPoolTaskRunner"),
    "process": ("prefect.task_runners", "ProcessPoolTaskRunner"),
    "dask": ("prefect_dask", "DaskTaskRunner"),
    "ray": ("prefect_ray", "RayTaskRunner"),
}


def is_transient(task: Task[Any, Any], run: Any, state: State[Any]) -> bool:
    """Check whether a task is retried: only on a server, and if the error may be temporary.

    A task that ran into its limit would keep all others waiting for as long again.
    """
    if local_server.is_embedded():
        return False
    error = state.result(raise_on_failure=False)
    is_lasting = isinstance(error, NoSpace | TaskRunTimeoutError)
    return isinstance(error, Unavailable | OSError) and not is_lasting


TASK: dict[str, Any] = {
    "retries": len(RETRY_DELAYS),
    "retry_delay_seconds": RETRY_DELAYS,
    "retry_condition_fn": is_transient,
    # The catalog records what is done, visibly; a second cache would only hide it.
    "cache_policy": NO_CACHE,
}


def make_runner(name: str) -> TaskRunner[Any]:
    """Create a Prefect task runner by its name in RUNNERS; dask and ray are optional extras.

    Raises:
        UsageError: the extra is not installed.
    """
    module, class_name = RUNNERS[name]
    try:
        runner: TaskRunner[Any] = getattr(importlib.import_module(module), class_name)()
    except ImportError:
        raise UsageError(
            f"runner {name!r} is not installed: install oneclick[{name}], or set thread or process"
        ) from None
    return runner


def runner_of_settings() -> TaskRunner[Any]:
    """Create the runner of the settings; threads where they are wrong, which each flow tells."""
    try:
        return make_runner(settings.load().runner)
    except UsageError:
        return make_runner("thread")


class _ProgressRecorder:
    """Listener that records the progress of a run in the catalog, every few seconds at most."""

    def __init__(self, home: Path, run: str) -> None:
        self._home, self._run = home, run
        self._next = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, task: str, count: int, total: int) -> None:
        if not total or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PROGRESS_SECONDS
        # A busy catalog must not end a run that only reports its progress.
        with suppress(OneclickError), Catalog.open(self._home) as catalog:
            catalog.advance_run(self._run, count / total, f"{task}: {count} of {total}")


_progress_recorders: dict[str, _ProgressRecorder] = {}
"""By id of the flow run."""


def record_run(flow: Flow[Any, Any], run: FlowRun, state: State[Any]) -> None:
    """Write the run into the catalog, so that it can be shown without a Prefect server.

    A run that starts first takes in what the files tell and the catalog lacks.
    """
    run_id, home = str(run.id), _home_of(run)
    ended = state.timestamp if state.is_final() else None
    started = run.start_time or state.timestamp
    message = (state.message or "").strip().split("\n", 1)[0][:200]
    if not ended:
        run_owners.add(home, run_id)
    with Catalog.open(home) as catalog:
        catalog.add_run(run_id, flow.name, state.name or "", started, ended, message)
        if ended:
            run_owners.remove(home, run_id)
        else:
            close_dead_runs(catalog, home)
    if state.is_running():
        reconcile.bring_up_to_date(home)
        _progress_recorders[run_id] = _ProgressRecorder(home, run_id)
        progress.add_listener(_progress_recorders[run_id])
    elif ended and (recorder := _progress_recorders.pop(run_id, None)):
        progress.remove_listener(recorder)


def record_change(flow: Flow[Any, Any], run: FlowRun, state: State[Any]) -> None:
    """Write a run that has ended into the catalog if it ended otherwise than the one before.

    For flows that run so often that they would push all others out of every list.
    """
    home = _home_of(run)
    with Catalog.open(home) as catalog:
        states = [row.state for row in catalog.runs(RECENT_RUNS) if row.flow == flow.name]
    if states[:1] != [state.name]:
        record_run(flow, run, state)


def _home_of(run: FlowRun) -> Path:
    """Return the workspace of a run, where the settings are wrong too."""
    return Path(run.parameters.get("home") or repaired_settings.load()[0].home)


def close_dead_runs(catalog: Catalog, home: Path) -> None:
    """Mark the unfinished runs whose process was killed as crashed in the catalog."""
    if not (dead := run_owners.dead_runs(home)):
        return
    for run in catalog.runs():
        if run.id in dead and run.ended is None:
            state, detail = run_owners.STATE, run_owners.DETAIL
            catalog.add_run(run.id, run.flow, state, run.started, utc_now(), detail)
    for run_id in dead:
        run_owners.remove(home, run_id)


FLOW: dict[str, Any] = {
    "task_runner": runner_of_settings(),
    "on_running": [record_run],
    "on_completion": [record_run],
    "on_failure": [record_run],
    "on_cancellation": [record_run],
    "on_crashed": [record_run],
}


ENDINGS = ("on_completion", "on_failure", "on_cancellation", "on_crashed")
OFTEN: dict[str, Any] = {"task_runner": FLOW["task_runner"]} | {
    ending: [record_change] for ending in ENDINGS
}
"""As FLOW, for flows that run every few minutes."""


@contextmanager
def in_process() -> Iterator[None]:
    """Run flows in this process: without heartbeats, and with a clean exit on SIGTERM.

    A heartbeat costs each flow a second; SIGTERM would leave the embedded server running.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def run_in_batches(
    task: Task[Any, Any], stage: ClipStage, conf: settings.Settings, *arguments: object
) -> BatchResult:
    """Claim the clips at `stage` batch by batch, and run `task(home, ids, *arguments)` on each."""
    total, owner = BatchResult(), owner_id()
    with Catalog.open(conf.home) as catalog:
        try:
            while batches := claim_batches(catalog, stage, owner, conf):
                calls = [(conf.home, clip_ids, *arguments) for clip_ids in batches]
                for result in run_tasks(task, conf, calls):
                    total.add(result)
        finally:
            catalog.release(owner)
    return total


@contextmanager
def claimed_clips(conf: settings.Settings, stage: ClipStage) -> Iterator[list[str]]:
    """Claim every free clip at `stage`, for a step that takes them all at once."""
    owner = owner_id()
    with Catalog.open(conf.home) as catalog:
        try:
            yield catalog.claim(stage, owner, ALL, conf.lease_seconds)
        finally:
            catalog.release(owner)


def claim_batches(
    catalog: Catalog, stage: ClipStage, owner: str, conf: settings.Settings
) -> list[list[str]]:
    """Claim as many batches as run at once, so that no lease runs while its batch waits."""
    batches = []
    for _ in range(_parallel_tasks(conf)):
        clip_ids = catalog.claim(stage, owner, conf.batch, conf.lease_seconds)
        if not clip_ids:
            break
        batches.append(clip_ids)
    return batches


def run_tasks(
    task: Task[Any, Any], conf: settings.Settings, calls: Iterable[tuple[object, ...]]
) -> Iterator[Any]:
    """Yield the results of the calls, made on the task runner or one by one in this thread.

    In this thread Ctrl-C and timeouts act immediately; a pool waits for its threads.
    """
    if _parallel_tasks(conf) == 1:
        yield from (task(*call) for call in calls)
        return
    make_runner(conf.runner)  # tells where its extra is not installed
    for future in [task.submit(*call) for call in calls]:
        yield future.result()


def _parallel_tasks(conf: settings.Settings) -> int:
    # Torch, OpenCV and FFmpeg use all cores by themselves: more threads would not be faster.
    return 1 if conf.runner == "thread" else os.cpu_count() or 1


def split_batches(ids: Sequence[str], size: int) -> list[list[str]]:
    """Split ids into batches of at most `size`."""
    return [list(ids[k : k + size]) for k in range(0, len(ids), size)]


def add_table(key: str, rows: Sequence[Any], text: str) -> None:
    """Attach a table to the flow run; its rows are dataclasses or dictionaries."""
    table = [row if isinstance(row, dict) else asdict(row) for row in rows]
    create_table_artifact(key=key, table=table, description=text)


def add_markdown(key: str, text: str) -> None:
    """Attach a page of Markdown to the flow run."""
    create_markdown_artifact(key=key, markdown=text)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table; floats have three decimals, None is a dash."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = [
            "–" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell)
            for cell in row
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def shadow_table(training: TrainingReport | None) -> list[str]:
    """Return the lines of what a candidate did in shadow; none where the gate did not look."""
    columns = scores.shadow_columns(training.shadow if training else None)
    if not columns:
        return []
    table = markdown_table(list(columns[0]), [tuple(row.values()) for row in columns])
    return ["", "### In shadow, less is better", "", *table]


def flow_result(result: BatchResult, **more: Any) -> dict[str, Any]:
    """Return the result of a flow as plain values."""
    return {"done": len(result.done), "failed": dict(result.failed), **more}
