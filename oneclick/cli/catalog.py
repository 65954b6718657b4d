"""`oneclick catalog`: the index over the workspace's files."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output

app = typer.Typer(no_args_is_help=True, help="The catalog: rebuild it from the files, verify it.")


@app.command()
def rebuild(
    home: output.Home = None,
    accept_losses: Annotated[
        bool, typer.Option(help="Go on although the files no longer hold all that it knows.")
    ] = False,
) -> None:
    """Rebuild the catalog from the files of the workspace; its history is carried over."""
    from oneclick.catalog import rebuild as catalog_rebuild

    workspace = output.load_settings(home).home
    result = catalog_rebuild.rebuild(workspace, accept_losses)
    for line in (*result.problems, *(f"lost: {loss}" for loss in result.losses)):
        output.echo(line)
    for path in result.restored:
        output.message(f"written again from the old catalog: {path}")
    output.message(f"catalog of {workspace} rebuilt from its files")
    if result.problems or result.losses:
        output.message(f"{len(result.problems) + len(result.losses)} problems are named above")
        raise typer.Exit(1)


@app.command()
def verify(
    home: output.Home = None,
    deep: Annotated[bool, typer.Option(help="Also compare checksums of every file.")] = False,
) -> None:
    """Verify the catalog: recount its totals, compare it with the files; exit 1 if they differ."""
    from oneclick.catalog import Catalog
    from oneclick.catalog import verify as catalog_verify

    with Catalog.open(output.load_settings(home).home) as catalog:
        problems = catalog_verify.verify(catalog, deep=deep)
    for problem in problems:
        output.echo(problem)
    if problems:
        output.message(f"{len(problems)} problems; `oneclick catalog rebuild` makes it again")
        raise typer.Exit(1)
    output.message("catalog and files agree")
