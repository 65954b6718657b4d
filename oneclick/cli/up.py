"""`oneclick up`: server, pool, deployments, worker, review pages; one Ctrl-C ends all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from pathlib import Path

    from oneclick.settings import Settings


def up(
    home: output.Home = None,
    host: Annotated[
        str, typer.Option(help="Address of this machine's own where the server listens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the server.", min=1, max=65535)] = 4200,
    public_url: Annotated[
        str,
        typer.Option(help="https address of a reverse proxy with TLS, for other machines."),
    ] = "",
    review_at: Annotated[
        str | None,
        typer.Option(
            help="host:port of the review pages; default: that of the settings; empty: none.",
            show_default=False,
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--open", help="Open Prefect's pages in a browser, signed in.")
    ] = False,
) -> None:
    """Run everything until Ctrl-C: Prefect server, worker, review pages and live cameras.

    With PREFECT_API_URL set, that server is used instead of a new one.
    The server answers only those who hold the key of the workspace.
    """
    import webbrowser

    from oneclick.cli import supervisor
    from oneclick.core.plugins import PluginFailure
    from oneclick.platforms import registry
    from oneclick.services import prefect_access
    from oneclick.storage.workspace import Workspace

    settings = output.load_settings(home)
    workspace, listens = settings.home.resolve(), False
    Workspace(workspace).create()
    try:
        webhook = registry.open_webhook(settings.review_platform())
        if webhook is not None and webhook.address:
            webhook.open_check()  # tells what is missing before anything starts
            listens = True
    except PluginFailure as failure:
        output.message(str(failure))
    pages = _review_address(settings, workspace, review_at)
    with supervisor.Supervisor(workspace) as running:
        output.message("starting the Prefect server …")
        url = running.server(host, port, public_url)
        output.message(f"server      {url.removesuffix('/api')}")
        if not running.user_url:
            page = prefect_access.sign_in_file(workspace).as_uri()
            output.message(f"sign in     {page}")
            output.message(f"key         {prefect_access.key_file(workspace)}")
            if browser:
                webbrowser.open(page)
        names = running.deploy()
        output.message(f"deployed    {', '.join(names)}")
        running.worker()
        if listens:
            running.listener()
        if pages:
            running.review_pages(pages)
        if settings.live.cameras:
            running.live_cameras()
            output.message(f"live        {', '.join(settings.live.cameras)}")
        output.message(f"workspace   {workspace}")
        output.message("worker      takes the runs of pool oneclick; Ctrl-C ends everything")
        running.watch()
    output.message("everything is stopped")


def _review_address(settings: Settings, workspace: Path, at: str | None) -> str:
    """Return where the review pages are to be served; empty where they are not, or are already.

    Raises:
        UsageError, Unavailable: they cannot be served there; nothing was started yet.
    """
    from oneclick.services import review_address
    from oneclick.storage.workspace import Workspace
    from oneclick.web import exposure, review_app, server
    from oneclick.web.accounts.users import Users

    if at == "" or settings.review.platform != "local":
        return ""
    running = review_address.find_running(Workspace(workspace))
    if running is not None:
        output.message(f"review      {running} (served already)")
        return ""
    options = review_app.local_options(settings)
    address = at or options.at
    exposure.check(options, address, Users(Workspace(workspace)).all())
    exposure.tls_files(options)
    server.open_socket(address).close()
    return address
