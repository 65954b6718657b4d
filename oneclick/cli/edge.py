"""`oneclick edge`: cameras that run their model themselves, at both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.core.results import BatchResult

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
    from oneclick.storage import intake_counts, span_requests
    from oneclick.storage.intake_counts import CameraCounts
    from oneclick.storage.workspace import Workspace
    from oneclick.web.intake.tokens import CameraTokens

    workspace = Workspace(output.load_settings(home).home)
    counts = intake_counts.load(workspace)
    tokens = {token.camera: token for token in CameraTokens(workspace).all()}
    rows = []
    for camera in sorted(tokens.keys() | counts.keys()):
        numbers = counts.get(camera, CameraCounts())
        own_token = tokens.get(camera)
        rows.append(
            {
                "camera": camera or "(no valid token)",
                "models": list(own_token.models) if own_token else None,
                "seen_at": numbers.seen_at,
                "stored": numbers.stored,
                "replayed": numbers.replayed,
                "lost": numbers.lost,
                "quarantined": numbers.quarantined,
                "refused": numbers.refused,
                "spans_open": len(span_requests.pending(workspace, camera)) if camera else 0,
            }
        )
    if json:
        output.print_json(rows)
        return
    heads = ["camera", "last batch (UTC)", "stored", "lost", "quarantined", "refused", "spans open"]
    output.print_table(
        heads,
        [
            [
                row["camera"],
                f"{row['seen_at']:%Y-%m-%d %H:%M:%S}" if row["seen_at"] else None,
                row["stored"],
                row["lost"],
                sum(row["quarantined"].values()),
                sum(row["refused"].values()),
                row["spans_open"],
            ]
            for row in rows
        ],
    )
    for row in rows:
        for reason, count in {**row["quarantined"], **row["refused"]}.items():
            output.message(f"{row['camera']}: {count} × {reason}")


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
