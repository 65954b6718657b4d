"""`oneclick edge`: cameras that run their model themselves, at both ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.core.results import BatchResult
    from oneclick.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Cameras that run their model themselves and send what it saw: tokens, intake, device.",
)
Camera = Annotated[str, typer.Argument(help="Name of the camera.")]


@app.command()
def token(
    camera: Camera,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Model that the camera sends predictions of, repeatable; those of this workspace "
            "are known.",
            show_default=False,
        ),
    ] = None,
    home: output.Home = None,
) -> None:
    """Print a new token of a camera, for its device alone; the one before ends."""
    from oneclick.catalog import Catalog
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace
    from oneclick.web.intake.tokens import CameraTokens

    settings = output.load_settings(home)
    workspace = Workspace(settings.home)
    with Catalog.open(settings.home) as catalog:
        in_use = {video.camera for video in catalog.videos()}
    code = cameras.camera_of(workspace, camera, in_use, settings.cameras.codes, is_typed=True)
    text = CameraTokens(workspace).make(code, model or ())
    output.echo(text)
    output.message(f"token of camera {code}: write it to a file of the device, chmod 600")


@app.command()
def revoke(camera: Camera, home: output.Home = None) -> None:
    """Refuse the token of a camera from now on."""
    from oneclick.storage.workspace import Workspace
    from oneclick.web.intake.tokens import CameraTokens

    CameraTokens(Workspace(output.load_settings(home).home)).revoke(camera)
    output.message(f"the token of {camera} is refused from now on")


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List the cameras that have a token, with what they sent and what was refused."""
    from oneclick import report
    from oneclick.report import edge
    from oneclick.storage.workspace import Workspace
    from oneclick.web.intake.tokens import CameraTokens

    settings = output.load_settings(home)
    rows = report.edge_cameras(settings.home)
    tokens = [token.camera for token in CameraTokens(Workspace(settings.home)).all()]
    silent = sorted(set(tokens) - {row.camera for row in rows})
    refusals = edge.span_refusals(settings.home, [row.camera for row in rows])
    if json:
        output.print_json({"cameras": rows, "tokens": tokens, "refused_spans": refusals})
        return
    heads = ["camera", "last batch (UTC)", "taken", "lost", "quarantined", "refused", "spans open"]
    output.print_table(
        heads,
        [
            [
                row.camera or "(no valid token)",
                f"{row.seen_at:%Y-%m-%d %H:%M:%S}" if row.seen_at else None,
                row.stored,
                row.lost,
                sum(row.quarantined.values()),
                sum(row.refused.values()),
                row.spans_open,
            ]
            for row in rows
        ]
        + [[camera, None, 0, 0, 0, 0, 0] for camera in silent],
    )
    for row in rows:
        for reason, count in (row.quarantined | row.refused).items():
            output.message(f"{row.camera or 'without a token'}: {count} × {reason}")
    for camera, reason in refusals.items():
        output.message(f"{camera}: no raw video, {reason}")
    for camera in sorted({row.camera for row in rows if row.camera} - set(tokens)):
        output.message(f"{camera} has no token any more")


@app.command()
def work(
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until the standard input ends, or Ctrl-C.")
    ] = False,
    home: output.Home = None,
) -> None:
    """Turn what arrived into videos of the catalog, search them, and take in requested video.

    The server of the review pages runs this beside it.
    """
    import os
    import sys
    import threading

    from oneclick.web.intake import worker

    settings = output.load_settings(home)
    if not follow:
        output.finish_batch(worker.work(settings), "videos taken in")
        return
    os.nice(10)  # predictions that arrive go first
    is_over = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        is_over.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    worker.follow(settings, is_over, _tell_failures)


def _tell_failures(result: BatchResult) -> None:
    for reason in result.failed.values():
        output.message(reason)


@app.command()
def run(
    source: Annotated[
        str,
        typer.Argument(
            help="Camera: rtsp://, rtsp+udp:// or http:// URL, webcam:0, or a file as if live."
        ),
    ],
    server: Annotated[str, typer.Option(help="https address of the server.")],
    token_file: Annotated[Path, typer.Option(help="File with the token; chmod 600.")],
    model: Annotated[
        str, typer.Option(help="Model to run: onnx:FILE, or another detector.")
    ] = "opencv:hog",
    folder: Annotated[
        Path, typer.Option(help="Folder of this device for its ring and what waits to be sent.")
    ] = Path("edge"),
    fps: Annotated[float, typer.Option(help="Most predictions a second.", min=0.1, max=60)] = 10.0,
    ring_minutes: Annotated[
        float,
        typer.Option(
            help="Minutes of video that stay on this device: more than intake.window_minutes of "
            "the server, which asks for raw video once a window is over.",
            min=0.1,
        ),
    ] = 15.0,
    ring_mb: Annotated[int, typer.Option(help="Most MB of it.", min=16)] = 1024,
    spool_mb: Annotated[
        int, typer.Option(help="Most MB of predictions that wait for the server.", min=1)
    ] = 256,
    allow_spans: Annotated[
        bool,
        typer.Option(
            "--allow-spans",
            help="Let raw video leave this device where the server asks for it; otherwise every "
            "request is refused.",
        ),
    ] = False,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="TOML file with name and password of the camera, as live.credentials; chmod 600.",
            show_default=False,
        ),
    ] = None,
    certificates: Annotated[
        str | None,
        typer.Option(
            help="PEM file that the certificate of an rtsps:// or https:// camera is checked with, "
            "or any; default: live.certificates.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            help="PEM file of the authority of the server, in place of the system's.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a model on a camera, and send what it saw to a server; the pictures stay here."""
    import contextlib
    import signal
    import threading

    from oneclick import detectors
    from oneclick.core import stream_addresses
    from oneclick.edge import link
    from oneclick.edge import source as sources
    from oneclick.edge.device import DeviceOptions, EdgeDevice
    from oneclick.live import credentials as logins
    from oneclick.video.streams.reader import StreamOptions

    settings = output.load_settings(None)
    address = stream_addresses.parse(source)
    sections = logins.load(credentials) if credentials else {}
    connection = link.ServerLink(server, link.read_token(token_file), ca)
    options = DeviceOptions(
        fps=fps,
        classes=settings.classes,
        ring_minutes=ring_minutes,
        ring_bytes=ring_mb << 20,
        spool_bytes=spool_mb << 20,
        allow_spans=allow_spans,
    )
    device = EdgeDevice(folder, detectors.create(model), connection, options, output.message)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    output.message(f"camera {connection.camera}: pictures stay in {folder}; Ctrl-C ends")
    with contextlib.closing(connection):
        access = StreamOptions(
            credentials=logins.find(sections, connection.camera, address),
            authorities=camera_authorities(settings, certificates),
        )
        device.run(sources.live_pictures(address, fps, stop, output.message, access), stop)
    state = device.state
    output.message(f"{state.sent} predictions sent, {state.quarantined} not used by the server")
    if state.problem:
        output.message(f"some wait in {folder}: {state.problem}")
        raise typer.Exit(4)


def camera_authorities(settings: Settings, certificates: str | None) -> str:
    """Return who may sign the certificate of a camera: as for live cameras, unless told otherwise.

    Args:
        settings: of this machine.
        certificates: in place of `live.certificates`; None leaves that.
    """
    live = settings.live
    if certificates is not None:
        live = live.model_copy(update={"certificates": certificates})
    return live.authorities
