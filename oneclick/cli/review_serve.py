"""`oneclick review serve`: the review pages, one address to open."""

from __future__ import annotations

import getpass
import re
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.web.accounts.users import Users


def serve(
    at: Annotated[
        str | None,
        typer.Option(help="host:port; default: that of the settings.", show_default=False),
    ] = None,
    insecure_lan: Annotated[
        bool,
        typer.Option(
            "--insecure-lan", help="Serve other machines without TLS: all can be read on the way."
        ),
    ] = False,
    browser: Annotated[bool, typer.Option("--open", help="Open the pages in a browser.")] = False,
    home: output.Home = None,
) -> None:
    """Serve the pages where people review clips, until Ctrl-C.

    The first start prints a link that signs the first admin in, once.
    """
    import webbrowser

    from oneclick.services import review_address
    from oneclick.storage.workspace import Workspace
    from oneclick.web import exposure, review_app, server
    from oneclick.web.accounts.users import Users

    settings = output.load_settings(home)
    options, workspace = review_app.local_options(settings), Workspace(settings.home)
    address = at or options.at
    workspace.create()
    users = Users(workspace)
    exposure.check(options, address, users.all(), insecure_lan)
    tls = exposure.tls_files(options)
    listener = server.open_socket(address)
    host, port = listener.getsockname()[:2]
    exposed = exposure.describe(options, (host, port), users.all(), tls)
    url = exposed.origins[-1]
    with listener, review_address.announced(workspace, url):
        app = review_app.create_review_app(settings.home, settings, exposed.origins)
        link = first_link(users, url)
        output.message(f"review      {link or url}")
        if link:
            output.message("            signs you in as admin once; set a password there")
        for line in exposed.lines:
            output.message(line)
        if browser:
            page = review_address.write_opener(workspace, link or url)
            webbrowser.open(page.as_uri())
        server.serve(
            app,
            listener,
            protocol=server.BoundedProtocol,
            tls=tls,
            behind_proxy=bool(options.public_url),
        )


def first_link(users: Users, url: str) -> str:
    """Return a link that signs the first admin in once; empty where somebody has a password.

    The first admin has the name of whoever starts the server.
    """
    if any(user.password is not None for user in users.all()):
        return ""
    admin = next((user for user in users.all() if user.role == "admin"), None)
    if admin is None:
        name = re.sub(r"[^a-z0-9._-]", "", getpass.getuser().lower()).lstrip("._-") or "admin"
        admin = users.find(name) or users.add(name, "admin")
        if admin.role != "admin":
            admin = users.set_role(admin.name, "admin", None)
    return f"{url}/enter/{users.make_link(admin.name)}"
