"""Work beside the server: what arrived becomes Videos, requested video recordings."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from oneclick import triggers
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.errors import BadInput, Unavailable
from oneclick.core.results import BatchResult
from oneclick.core.source_options import SourceOptions
from oneclick.settings import Settings
from oneclick.stages import fetch, intake, spans
from oneclick.stages.early_search import EarlySearch
from oneclick.stages.intake import IntakeOptions
from oneclick.storage import failure_log, intake_log, locks, span_requests
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

POLL_SECONDS = 1.0


def options_of(settings: Settings) -> IntakeOptions:
    """Return what the settings say about what arrives."""
    return IntakeOptions(
        enabled=settings.triggers.enabled,
        params=settings.triggers.params,
        spans_from=settings.intake.spans_from,
        spans_per_day=settings.intake.spans_per_day,
        span_seconds=settings.intake.span_seconds,
    )


def work(settings: Settings) -> BatchResult:
    """Do all work that waits. Raises as `stages.intake.intake` and `stages.fetch.fetch`."""
    result = intake.intake(settings.home, options_of(settings))
    workspace = Workspace(settings.home)
    for request in span_requests.all_pending(workspace):
        if not span_requests.is_due(workspace, request, time.time()):
            continue
        with failure_log.isolate(result.failed, workspace, request.id, f"take in {request.id}"):
            take_in_span(settings, workspace, request, result)
            continue
        # What failed once fails again: it must not keep others from being taken in.
        reason = result.failed[request.id]
        span_requests.finish(workspace, request, state="refused", reason=reason)
    return result


def take_in_span(
    settings: Settings, workspace: Workspace, request: SpanRequest, result: BatchResult
) -> None:
    """Turn what a device sent for a request into a recording with a selection.

    A place that cannot be read now is tried again later, see `span_requests.put_off`. Raises as
    `stages.fetch.fetch` and `stages.spans.adopt`.
    """
    try:
        source = span_requests.source_of(workspace, request)
    except BadInput as error:
        result.failed[request.id] = f"{error}: the device is asked again"
        span_requests.ask_again(workspace, request)
        return
    fetched = fetch.fetch(
        settings.home,
        [source.place],
        camera=request.camera,
        started_at=source.started_at,
        codes="never",
        max_gb=settings.intake.max_span_mb / 1e3,
        options=SourceOptions(),
    )
    for line in [*fetched.failed.values(), *fetched.waiting.values()]:
        result.failed[request.id] = line
        # A machine that is away may come back; what was sent here stays what it is.
        if source.is_upload or not span_requests.put_off(workspace, request, time.time()):
            span_requests.finish(workspace, request, state="refused", reason=line)
    with contextlib.ExitStack() as stack:
        try:  # two selections at once could put one moment on both sides of the split
            stack.enter_context(locks.hold(workspace, WriteLock.SELECTION, wait=False))
        except Unavailable:
            return  # triggers select clips: the next pass finds the recording, and takes it in
        for video_id in [*fetched.done, *fetched.skipped]:
            spans.adopt(settings.home, request, video_id, settings.triggers.test_share)
            result.done.append(video_id)


def follow(
    settings: Settings, is_over: threading.Event, report: Callable[[BatchResult], None]
) -> None:
    """Do work as it comes and search what arrives, until `is_over` is set. Raises as `work`."""
    workspace, options = Workspace(settings.home), options_of(settings)
    rules = triggers.make(options.enabled, options.params)
    with contextlib.closing(EarlySearch(settings.home, rules, options.key)) as early:
        while not is_over.wait(POLL_SECONDS):
            is_waiting = intake_log.closed_segments(workspace.intake_dir) or any(
                span_requests.is_due(workspace, request, time.time())
                for request in span_requests.all_pending(workspace)
            )
            if is_waiting:
                report(work(settings))
            report(early.run_if_due())
