"""`oneclick up`: server, pool, deployments and worker; one Ctrl-C ends all."""

from __future__ import annotations

from typing import Annotated

import typer

from oneclick.cli import output


def up(
    home: output.Home = None,
    host: Annotated[
        str, typer.Option(help="Where the server listens; 127.0.0.1 is this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the server.", min=1, max=65535)] = 4200,
) -> None:
    """Run everything on schedule: Prefect server, deployments and a worker, until Ctrl-C.

    With PREFECT_API_URL set, that server is used instead of a new one.
    """
    from oneclick.cli import supervisor
    from oneclick.core.plugins import PluginFailure
    from oneclick.platforms import registry

    settings = output.load_settings(home)
    workspace, listens = settings.home.resolve(), False
    try:
        webhook = registry.open_webhook(settings.review_platform())
        if webhook is not None and webhook.address:
            webhook.open_check()  # tells what is missing before anything starts
            listens = True
    except PluginFailure as failure:
        output.message(str(failure))
    with supervisor.Supervisor(workspace) as running:
        output.message("starting the Prefect server …")
        url = running.server(host, port)
        output.message(f"server      {url.removesuffix('/api')}")
        names = running.deploy()
        output.message(f"deployed    {', '.join(names)}")
        running.worker()
        if listens:
            running.listener()
        output.message(f"workspace   {workspace}")
        output.message("worker      takes the runs of pool oneclick; Ctrl-C ends everything")
        running.watch()
    output.message("everything is stopped")
