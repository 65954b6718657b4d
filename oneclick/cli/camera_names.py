"""`oneclick cameras`: what cameras do, and the readable names behind codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from oneclick.cli import output

app = typer.Typer(no_args_is_help=True, help="What cameras do, and names behind their codes.")
Code = Annotated[str, typer.Argument(help="Code of the camera, for example cam01.")]


@app.command()
def status(home: output.Home = None, json: output.Json = False) -> None:
    """Show what each camera and its models do: live, edge, and the figures of a week."""
    from oneclick import report

    root = output.load_settings(home).home
    insight = report.measure_insight(root)
    rows = report.camera_figures(root, insight)
    if json:
        output.print_json(rows)
    elif rows:
        output.print_table(list(rows[0].cells), [list(row.cells.values()) for row in rows])
    else:
        output.message("no camera yet: oneclick live runs those of the settings")
    for reason in insight.failed.values():
        output.message(f"left out: {reason}")


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List the cameras that have codes, and their names, which no other file holds."""
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(output.load_settings(home).home)
    names = cameras.load(workspace)
    if json:
        output.print_json({code: name.name for code, name in names.items()})
        return
    output.print_table(
        ["code", "name", "folder"], [[code, n.name, n.folder] for code, n in names.items()]
    )
    if not names:
        output.message("no camera has a code: names look like those of devices")


@app.command()
def rename(
    code: Code,
    name: Annotated[str, typer.Argument(help="Name on screens; ids keep the code.")],
    home: output.Home = None,
) -> None:
    """Change the name that screens show for a code."""
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    cameras.rename(Workspace(output.load_settings(home).home), code, name)
    output.message(f"{code} is shown as {name}")


@app.command()
def erase(code: Code, home: output.Home = None) -> None:
    """Erase the name behind a code for ever; videos, clips and models keep the code."""
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    cameras.erase(Workspace(output.load_settings(home).home), code)
    output.message(
        f"the name of {code} is erased; take its folder out of the sources, or it gets a new code"
    )


def labels(home: Path) -> dict[str, str]:
    """Return what screens show in place of a code, by code."""
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    names = cameras.load(Workspace(home))
    return {code: f"{code} ({name.name})" for code, name in names.items() if name.name}


@contextmanager
def notices(home: Path) -> Iterator[None]:
    """Print one line for each camera that got a code in the meantime."""
    from oneclick.storage import cameras
    from oneclick.storage.workspace import Workspace

    workspace = Workspace(home)
    before = cameras.load(workspace)
    yield
    for code, name in cameras.load(workspace).items():
        if code not in before and name.name:
            output.message(
                f"{name.name!r} may be a person's name: the camera is called {code}; oneclick "
                f"cameras rename {code} NAME changes what screens show; cameras.codes = "
                "always|auto|never in oneclick.toml says which cameras get codes"
            )
