"""`oneclick triggers mute`, `unmute` and `muted`: triggers that are not heard for a while."""

from __future__ import annotations

import getpass
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import output, time_arguments

DEFAULT = "8h"


def mute(
    trigger: Annotated[str, typer.Argument(help="Name of a trigger.")],
    camera: Annotated[str, typer.Argument(help="Name of a camera.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the mute.")],
    hours: Annotated[str, typer.Option("--for", help="How long: 30m, 8h, 7d.")] = DEFAULT,
    since: Annotated[
        str | None, typer.Option(help="From when the camera recorded; default: now.")
    ] = None,
    home: output.Home = None,
) -> None:
    """Select no clip for a trigger on a camera, and light no lamp, for what it records meanwhile.

    Its hits are stored as ever, and the mute ends by itself.
    """
    from oneclick.catalog import Catalog
    from oneclick.report import windows
    from oneclick.storage import mutes
    from oneclick.storage.mutes import Mute

    now = datetime.now(UTC)
    start = time_arguments.parse_time(since, now) or now
    length = timedelta(seconds=time_arguments.parse_duration(hours))
    with Catalog.open(output.load_settings(home).home) as catalog:
        windows.check_names(catalog, camera, trigger)
        new = Mute(
            id=mutes.mute_id(camera, trigger, start, f"{length}"),
            camera=camera,
            trigger=trigger,
            since=start,
            until=start + length,
            reason=reason,
            by=getpass.getuser(),
            at=now,
        )
        mutes.add(catalog.workspace, new)
        record(catalog.workspace.home, "mute", camera, f"{trigger} until {new.until}: {reason}")
    output.message(
        f"{trigger} is muted on {camera} until {new.until:%Y-%m-%d %H:%M} UTC: "
        f"oneclick triggers unmute {new.id}"
    )


def unmute(
    mute: Annotated[str, typer.Argument(help="Id of a mute, as `muted` lists it.")],
    home: output.Home = None,
) -> None:
    """Lift a mute before its time: from now on the trigger is heard again."""
    from oneclick.storage import mutes
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(output.load_settings(home).home)
    lifted = mutes.lift(workspace, mute, datetime.now(UTC), getpass.getuser())
    record(workspace.home, "unmute", lifted.camera, f"{lifted.trigger} {mute}")
    output.message(f"{lifted.trigger} on {lifted.camera} is muted until {lifted.ends_at:%H:%M} UTC")


def muted(
    home: output.Home = None,
    all: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    json: output.Json = False,
) -> None:
    """List muted triggers, with their reasons."""
    from oneclick.storage import mutes
    from oneclick.storage.workspace import Workspace

    loaded = mutes.load(Workspace(output.load_settings(home).home))
    rows = [*loaded.all] if all else loaded.running(datetime.now(UTC))
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["mute", "camera", "trigger", "from (UTC)", "until (UTC)", "by", "why"],
        [[m.id, m.camera, m.trigger, m.since, m.ends_at, m.by, m.reason] for m in rows],
    )


def record(home: Path, act: str, item: str, detail: str) -> None:
    """Write an act of the user of this machine on `item` into the audit log."""
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts.audit import AuditLog, Visitor

    with closing(AuditLog(Workspace(home))) as log:
        log.record(Visitor(getpass.getuser(), "command line"), act, item, detail=detail)
