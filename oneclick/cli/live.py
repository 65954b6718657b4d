"""`oneclick live`: watch cameras, with the models and triggers, until Ctrl-C."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.live.camera import LiveCameraPlan, LiveOptions
    from oneclick.live.models import ModelPool
    from oneclick.live.process import LiveEvent
    from oneclick.settings import Settings


def live(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="rtsp://, rtsp+udp:// or http:// URLs, webcam:0, files or folders; default: the "
            "cameras of the settings.",
            metavar="SOURCE...",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(help="Name of the camera, for one source.", show_default=False),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Detector that looks at the pictures, in place of live.models; give a second one "
            "to see both; empty looks with none.",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        bool | None,
        typer.Option("--record/--no-record", help="Record segments for collect; default: record."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Pictures a second that the models look at, at most.", min=0.01, max=60),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="End after so many seconds.", min=0, show_default=False)
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Look at every picture of files, as fast as possible.")
    ] = False,
    home: output.Home = None,
    json_: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line for each change.")
    ] = False,
) -> None:
    """Watch cameras live: models look at the newest pictures, and triggers light their lamps.

    Prints a line when a status or a lamp changes. Segments are recorded without encoding, for
    `collect`. Files and folders are played as if they were live.
    """
    from oneclick import triggers
    from oneclick.live.process import LiveProcess
    from oneclick.storage.workspace import Workspace

    settings = output.load_settings(home)
    workspace = Workspace(settings.home)
    workspace.create()
    plans = plan_cameras(settings, sources or [], camera)
    pool = make_pool(settings, model)
    process = LiveProcess(
        workspace,
        plans,
        live_options(settings, record=record, fps=fps, is_paced=not fast),
        pool=load_typed(pool) if model else pool,
        make_rules=lambda: triggers.make(settings.triggers.enabled, settings.triggers.params),
        tell=print_json_event if json_ else print_event,
    )
    output.message(f"live: {', '.join(plan.camera for plan in plans)}; Ctrl-C ends it")
    try:
        process.run(threading.Event(), seconds)
    except KeyboardInterrupt:
        output.message("live: stopped")


def plan_cameras(
    settings: Settings, sources: list[str], camera: str | None = None
) -> list[LiveCameraPlan]:
    """Return the cameras of the command line, or those of the settings.

    Where the names of cameras are broken, those that have run under their own name go on.

    Raises:
        UsageError: there is none, an address is wrong, or the file of credentials cannot be used.
        BadInput: the names of cameras are broken, and none has run before.
    """
    from pathlib import Path

    from oneclick.core import ids, stream_addresses
    from oneclick.core.errors import BadInput, UsageError
    from oneclick.live import credentials
    from oneclick.live.camera import LiveCameraPlan
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    if camera is not None and len(sources) != 1:
        raise UsageError("--camera names the camera of one source: give one")
    named = {source: camera or _name_of(source) for source in sources}
    pairs = [(name, source) for source, name in named.items()] or list(
        settings.live.cameras.items()
    )
    if not pairs:
        raise UsageError(
            "there is no camera: name a source, or set live.cameras in oneclick.toml, such as "
            '{hall = "rtsp://10.0.0.7/stream1"}'
        )
    path = settings.live.credentials
    sections = credentials.load(Path(path).expanduser()) if path else {}
    in_use = cameras.in_live_use(Workspace(settings.home))
    plans: dict[str, LiveCameraPlan] = {}
    problem: BadInput | None = None
    for text, source in pairs:
        try:
            name = cameras.camera_of(
                Workspace(settings.home), text, in_use, settings.cameras.codes, is_typed=True
            )
        except BadInput as error:
            name, problem = ids.camera_name(text), error
            if name not in in_use:  # it may have a code, which nobody knows now
                continue
        while name in plans:
            name = ids.with_digest(name, source)
        address = stream_addresses.parse(source)
        found = credentials.find(sections, text, address)
        plans[name] = LiveCameraPlan(
            camera=name,
            address=address,
            credentials=found,
            authorities=settings.live.authorities,
        )
    if problem is not None:
        if not plans:
            raise problem
        output.message(f"{len(pairs) - len(plans)} of {len(pairs)} cameras left out: {problem}")
    return list(plans.values())


def live_options(
    settings: Settings, *, record: bool | None, fps: float | None, is_paced: bool
) -> LiveOptions:
    """Return how cameras are run, by the settings and what the command line says otherwise."""
    from oneclick.live.camera import LiveOptions

    conf = settings.live
    return LiveOptions(
        classes=settings.classes,
        fps=conf.fps if fps is None else fps,
        record=conf.record if record is None else record,
        segment_seconds=conf.segment_minutes * 60,
        retain_seconds=conf.retain_hours * 3600,
        ring_minutes=conf.ring_minutes,
        ring_bytes=conf.ring_mb * 1_000_000,
        ring_width=conf.ring_width,
        is_paced=is_paced,
    )


def make_pool(settings: Settings, names: list[str] | None = None) -> ModelPool:
    """Return the models that are to look at live cameras, not loaded yet.

    Raises:
        UsageError: more than two are named.
    """
    from oneclick.core.errors import UsageError
    from oneclick.flows import models
    from oneclick.live.models import ModelPool
    from oneclick.storage.workspace import Workspace

    chosen = settings.live.models if names is None else [name for name in names if name]
    if len(chosen) > 2:
        raise UsageError("at most two models look at a camera: name one or two")
    return ModelPool(
        Workspace(settings.home),
        chosen,
        settings.classes,
        settings.detect.device,
        lambda name: models.predictor(settings) if name == models.AUTO else name,
    )


def load_typed(pool: ModelPool) -> ModelPool:
    """Load the models that somebody named on the command line.

    Raises:
        UsageError: one knows none of the classes. DetectorUnavailable: one cannot load.
    """
    loaded = pool.renewed()
    for failure in loaded.failures.values():
        raise failure
    return loaded


def print_event(event: LiveEvent) -> None:
    """Print what changed in a camera as one line."""
    at = datetime.fromtimestamp(event.time).strftime("%H:%M:%S")
    match event.event:
        case "status":
            text = event.name
        case "lamp":
            text = f"{'●' if event.is_on else '○'} {event.name}"
        case "flags":
            text = f"pictures: {event.name or 'well again'}"
        case "note":
            text = "note"
    score = f" {event.score:.2f}" if event.score is not None else ""
    detail = f": {event.detail}" if event.detail else ""
    output.echo(f"{at} {event.camera} {text}{score}{detail}")


def print_json_event(event: LiveEvent) -> None:
    """Print what changed in a camera as one line of JSON."""
    fields = {
        "time": datetime.fromtimestamp(event.time, UTC).isoformat(timespec="milliseconds"),
        "camera": event.camera,
        "event": event.event,
        "name": event.name,
        "on": event.is_on,
        "score": event.score,
        "detail": event.detail,
    }
    output.print_json(fields, indent=None)


def _name_of(source: str) -> str:
    """Return the name of a camera that was given by its address alone."""
    from pathlib import PurePath

    from oneclick.core import stream_addresses

    address = stream_addresses.parse(source)
    if address.kind == "path":
        return PurePath(address.place).stem or "live"
    return address.label.partition("://")[2] or PurePath(address.place).name
