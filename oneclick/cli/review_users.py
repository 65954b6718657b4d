"""`oneclick review users` and `audit`: who may open the review pages, and what they did."""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oneclick.cli import output

if TYPE_CHECKING:
    from oneclick.web.accounts.users import Role, Users

app = typer.Typer(no_args_is_help=True, help="Users of the review pages: add, change, remove.")
audit_app = typer.Typer(
    no_args_is_help=True, help="The audit log of the review pages: list it, verify it."
)

Name = Annotated[str, typer.Argument(help="Name of the user: a-z, 0-9 and . _ @ -.")]
RoleOption = Annotated[str, typer.Option(help="viewer, annotator, lead or admin.")]
Cameras = Annotated[
    list[str] | None,
    typer.Option("--camera", help="Camera in scope, repeatable; default: all.", show_default=False),
]
Link = Annotated[
    bool, typer.Option("--link", help="Print a link that signs in once, in place of a password.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")
]


@app.command()
def add(
    name: Name,
    role: RoleOption = "annotator",
    camera: Cameras = None,
    link: Link = False,
    password_stdin: FromStdin = False,
    home: output.Home = None,
) -> None:
    """Add a user, with a password or with a link to set one."""
    from oneclick.web.accounts.users import check_name

    with _recorded(home, "user-add", f"{name} {role}") as users:
        check_name(name)
        hashed = None if link else _read_password(name, password_stdin)
        users.add(name, _role(role), _scope(users, camera), hashed)
        if link:
            _print_link(users, name, home)
    output.message(f"{name} is {role} of {_scope_text(camera)}")


@app.command()
def passwd(
    name: Name, link: Link = False, password_stdin: FromStdin = False, home: output.Home = None
) -> None:
    """Set the password of a user, or print a link to set one; open sessions of the user end."""
    with _recorded(home, "user-password", name) as users:
        users.get(name)
        if link:
            _print_link(users, name, home)
        else:
            users.set_password(name, _read_password(name, password_stdin))
        _end_sessions(name, home)


@app.command("list")
def list_(home: output.Home = None, json: output.Json = False) -> None:
    """List the users with role and cameras."""
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts.users import Users

    users = Users(Workspace(output.load_settings(home).home)).all()
    if json:
        output.print_json(
            [
                {
                    "name": user.name,
                    "role": user.role,
                    "cameras": user.cameras,
                    "has_password": user.password is not None,
                }
                for user in users
            ]
        )
        return
    output.print_table(
        ["user", "role", "cameras", "password"],
        [
            [u.name, u.role, _scope_text(u.cameras), "yes" if u.password else "none yet"]
            for u in users
        ],
    )
    if not users:
        output.message("no users yet: oneclick review serve makes the first admin")


@app.command()
def roles(
    name: Name,
    role: Annotated[str, typer.Argument(help="viewer, annotator, lead or admin.")],
    camera: Cameras = None,
    home: output.Home = None,
) -> None:
    """Set role and cameras of a user; it counts at once, also for open sessions."""
    with _recorded(home, "user-role", f"{name} {role}") as users:
        users.set_role(name, _role(role), _scope(users, camera))
    output.message(f"{name} is {role} of {_scope_text(camera)}")


@app.command()
def remove(name: Name, home: output.Home = None) -> None:
    """Remove a user; open sessions end at once. Verdicts of the user stay."""
    with _recorded(home, "user-remove", name) as users:
        users.remove(name)
        _end_sessions(name, home)
    output.message(f"{name} is removed")


@audit_app.command("list")
def list_audit(
    user: Annotated[str | None, typer.Option(help="Only what this user did.")] = None,
    clip: Annotated[str | None, typer.Option(help="Only what concerns this clip.")] = None,
    limit: Annotated[int, typer.Option(help="Newest entries to show.", min=1)] = 50,
    home: output.Home = None,
    json: output.Json = False,
) -> None:
    """List who saw and did what, the newest last."""
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts import audit_check

    log = audit_check.read_entries(Workspace(output.load_settings(home).home))
    entries = [entry for entry in log if user in (None, entry.user) and clip in (None, entry.clip)][
        -limit:
    ]
    if json:
        output.print_json(entries)
        return
    output.print_table(
        ["entry", "at", "user", "address", "act", "clip", "outcome", "detail"],
        [[e.entry, e.at, e.user, e.address, e.act, e.clip, e.outcome, e.detail] for e in entries],
    )


@audit_app.command("verify")
def verify_audit(home: output.Home = None) -> None:
    """Verify that no entry of the audit log was changed or removed; exit 1 if one was."""
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts import audit_check

    result = audit_check.verify(Workspace(output.load_settings(home).home))
    for problem in result.problems:
        output.echo(problem)
    output.message(f"{result.entries} entries; head {result.head}")
    if result.problems:
        raise typer.Exit(1)


@contextlib.contextmanager
def _recorded(home: Path | None, act: str, detail: str) -> Iterator[Users]:
    """Yield the users of the workspace; record the change, or that it was refused."""
    from oneclick.core.errors import OneclickError
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts.audit import AuditLog, Visitor
    from oneclick.web.accounts.users import Users

    workspace = Workspace(output.load_settings(home).home)
    workspace.create()
    log, actor = AuditLog(workspace), Visitor(getpass.getuser(), "command line")
    try:
        yield Users(workspace)
        log.record(actor, act, detail=detail)
    except OneclickError as error:
        log.record(actor, act, outcome=str(error), detail=detail)
        raise
    finally:
        log.close()


def _read_password(name: str, from_stdin: bool) -> str:
    """Return the hash of a password that is typed twice, or comes on stdin."""
    from oneclick.core.errors import UsageError
    from oneclick.web.accounts.passwords import Passwords

    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    elif not sys.stdin.isatty():
        raise UsageError("no terminal to type a password: give --link or --password-stdin")
    else:
        password = getpass.getpass(f"password of {name}: ")
        if getpass.getpass("once more: ") != password:
            raise UsageError("the two passwords differ: nothing was changed")
    return Passwords().hash(password, name)


def _print_link(users: Users, name: str, home: Path | None) -> None:
    from oneclick.platforms.local.options import LocalOptions
    from oneclick.services import review_address
    from oneclick.storage.workspace import Workspace
    from oneclick.web.accounts.users import LINK_LIFETIME

    settings = output.load_settings(home)
    section = settings.review_platform("local").section
    options = section if isinstance(section, LocalOptions) else LocalOptions()
    url = review_address.find_running(Workspace(settings.home))
    if url is None:
        output.message("the review pages are not served now: oneclick review serve")
    address = url or options.public_url or f"http://{options.at}"
    output.echo(f"{address.rstrip('/')}/enter/{users.make_link(name)}")
    minutes = LINK_LIFETIME.total_seconds() / 60
    output.message(f"this link signs {name} in once, within {minutes:.0f} minutes")


def _end_sessions(name: str, home: Path | None) -> None:
    from oneclick.catalog import Catalog

    with Catalog.open(output.load_settings(home).home) as catalog:
        ended = catalog.end_sessions_of(name)
    if ended:
        output.message(f"{ended} open sessions of {name} have ended")


def _role(text: str) -> Role:
    from oneclick.core.errors import UnknownName
    from oneclick.web.accounts.users import ROLES

    for role in ROLES:
        if role == text:
            return role
    raise UnknownName("role", text, list(ROLES))


def _scope(users: Users, names: list[str] | None) -> list[str] | None:
    """Return the cameras by the name or code that ids have; None is all."""
    from oneclick.core import ids
    from oneclick.storage import cameras

    if names is None or not names:
        return None
    codes = {entry.name: code for code, entry in cameras.load(users.workspace).items()}
    return [codes.get(name, ids.camera_name(name)) for name in names]


def _scope_text(names: list[str] | tuple[str, ...] | None) -> str:
    return ", ".join(names) if names else "all cameras"
