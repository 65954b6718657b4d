"""`oneclick catalog`: the index over the workspace's files."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output

app = typer.Typer(no_args_is_help=True, help="The catalog: rebuild it from the files, verify it.")


@app.command()
def rebuild(home: output.Home = None) -> None:
    """Make the catalog again from the files of the workspace."""
    from oneclick.catalog import Catalog

    where = output.settings(home).home
    problems = Catalog.rebuild(where)
    for problem in problems:
        typer.echo(problem)
    output.say(f"catalog of {where} rebuilt from its files")
    if problems:
        output.say(f"{len(problems)} broken files were left out")
        raise typer.Exit(1)


@app.command()
def verify(
    home: output.Home = None,
    deep: Annotated[bool, typer.Option(help="Also compare checksums of every file.")] = False,
) -> None:
    """Recount the totals and compare the catalog with the files; exit 1 if they differ."""
    from oneclick.catalog import Catalog

    with Catalog.open(output.settings(home).home) as catalog:
        problems = catalog.verify(deep=deep)
    for problem in problems:
        typer.echo(problem)
    if problems:
        output.say(f"{len(problems)} problems; `oneclick catalog rebuild` makes it again")
        raise typer.Exit(1)
    output.say("catalog and files agree")
