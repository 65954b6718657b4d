"""`oneclick data incidents`, `case`, `verify-case`, `release`: video that was marked to be kept."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import mutes, output


def incidents(home: output.Home = None, json: output.Json = False) -> None:
    """List the incidents that people marked on the timeline; retention keeps their recordings."""
    from oneclick.storage import incidents
    from oneclick.storage.workspace import Workspace

    rows = incidents.load(Workspace(output.load_settings(home).home))
    if json:
        output.print_json(rows)
        return
    output.print_table(
        ["incident", "camera", "from (UTC)", "until (UTC)", "by", "kept", "why"],
        [
            [r.id, r.camera, r.since, r.until, r.by, "no" if r.released_at else "yes", r.reason]
            for r in rows
        ],
    )


def case(
    incident: Annotated[str, typer.Argument(help="Id of an incident, as `incidents` lists it.")],
    out: Annotated[Path, typer.Argument(help="New folder to write to.")],
    home: output.Home = None,
) -> None:
    """Export an incident: its video, predictions, hits and log, with the digest of every file."""
    import msgspec

    from oneclick.stages import case as stage
    from oneclick.storage import incidents
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts import audit_check

    workspace = Workspace(output.load_settings(home).home)
    marked = incidents.find(workspace, incident)
    mutes.record(workspace.home, "case", incident, str(out))
    subjects = {incident, *marked.videos}
    log = [
        msgspec.json.encode(entry).decode()
        for entry in audit_check.read_entries(workspace)
        if entry.clip in subjects or entry.clip.rpartition("-")[0] in subjects
    ]
    result = stage.export_case(workspace.home, incident, out, log)
    for line in result.left_out:
        output.message(f"left out: {line}")
    output.message(f"{result.folder}: {result.files} files; oneclick data verify-case checks them")


def verify_case(
    folder: Annotated[Path, typer.Argument(help="Folder that `case` wrote.")],
) -> None:
    """Compare every file of a case with its digest; needs no workspace."""
    from oneclick.stages import case as stage

    problems = stage.verify_case(folder)
    for problem in problems:
        output.echo(problem)
    if problems:
        raise typer.Exit(1)
    output.message("every file is what it was when the case was exported")


def release(
    incident: Annotated[str, typer.Argument(help="Id of an incident.")],
    home: output.Home = None,
) -> None:
    """Let retention delete the recordings of an incident again."""
    from oneclick.storage import incidents
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(output.load_settings(home).home)
    incidents.release(workspace, incident, datetime.now(UTC), getpass.getuser())
    mutes.record(workspace.home, "release", incident, "")
    output.message(f"{incident}: its recordings may be deleted again")
