"""Whether live cameras answer: asked all at once, each for a few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from oneclick.core.errors import StreamBroken
from oneclick.live.camera import LiveCameraPlan
from oneclick.storage import live_state
from oneclick.video.streams import connection, recorder
from oneclick.video.streams.connection import StreamTimeouts

TIMEOUTS = StreamTimeouts(open=5.0, read=5.0)


@dataclass(frozen=True)
class ProbeAnswer:
    """Whether a live camera sends pictures."""

    ok: bool
    detail: str
    """Size and codec of its pictures, or why there are none."""


def probe_all(home: Path, plans: Sequence[LiveCameraPlan]) -> dict[str, ProbeAnswer]:
    """Ask all cameras; one that runs in another process is not disturbed: its state answers."""
    with ThreadPoolExecutor(max(len(plans), 1), "probe") as pool:
        answers = pool.map(partial(probe, home), plans)
        return dict(zip((plan.camera for plan in plans), answers, strict=True))


def probe(home: Path, plan: LiveCameraPlan) -> ProbeAnswer:
    """Open one camera for a moment; one that runs already is judged by its state."""
    state = live_state.read(home, plan.camera)
    if state is not None and state.status != "stopped":
        detail = " ".join([state.status, *state.flags]) + (state.message and f", {state.message}")
        return ProbeAnswer(state.status == "running" and not state.flags, detail)
    try:
        if plan.address.kind == "path":
            opening = connection.open_file(connection.files_of(plan.address)[0])
        else:
            opening = connection.open_stream(
                plan.address, plan.credentials, TIMEOUTS, plan.authorities
            )
        with opening as (_, stream):
            context = stream.codec_context
            detail = f"{context.width}x{context.height} {context.name}"
            refusal = recorder.why_not_recordable(stream)
            return ProbeAnswer(True, f"{detail}, {refusal}" if refusal else detail)
    except StreamBroken as error:
        return ProbeAnswer(False, str(error))
