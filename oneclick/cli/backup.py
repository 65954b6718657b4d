"""`oneclick backup` and `oneclick restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output

Address = Annotated[str, typer.Argument(help="Folder or URL of the backup.", metavar="DIR|URL")]


def backup(
    address: Address,
    home: output.Home = None,
    videos: Annotated[bool, typer.Option(help="Raw recordings too.")] = True,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare all checksums of the newest backup.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Only list the backups there.")] = False,
) -> None:
    """Back up the workspace while others work: each file is stored once."""
    from oneclick.services.backup_store import BackupStore
    from oneclick.stages import backup as stage

    if list_all:
        for name in BackupStore(address).names():
            output.echo(name)
        return
    with output.progress_bars():
        if check:
            problems = BackupStore(address).check()
            for problem in problems:
                output.echo(problem)
            output.message(f"{len(problems)} files are lost" if problems else "backup is whole")
            raise typer.Exit(1 if problems else 0)
        check_address(address)
        result = stage.backup(output.load_settings(home).home, address, videos)
    output.message(
        f"backup {result.name}: {result.files} files, "
        f"{result.new_files} of them new ({result.new_bytes / 1e6:.1f} MB)"
    )


def check_address(address: str) -> None:
    """Check that what is stored at an address stays there.

    Raises:
        typer.BadParameter: it would be gone with this process.
    """
    from oneclick.services import settings_file

    try:
        settings_file.check_server(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def restore(
    address: Address,
    home: output.Home = None,
    at: Annotated[
        str | None, typer.Option(help="Name of the backup, as --list of backup shows it.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move a workspace that is there aside.")
    ] = False,
) -> None:
    """Restore the workspace from its newest backup, whole or not at all; exit 3 if files lack."""
    from oneclick.stages import backup as stage

    with output.progress_bars():
        result = stage.restore(output.load_settings(home).home, address, at, replace)
    for line in (*result.problems, *result.newer):
        output.echo(line)
    if result.aside:
        output.message(f"the workspace that was there is {result.aside} now")
    output.message(f"{result.files} files of backup {result.name} restored")
    if result.newer:
        output.message(f"{len(result.newer)} things above came after this backup")
    if result.problems:
        output.message(f"{len(result.problems)} problems are named above")
        raise typer.Exit(3)
