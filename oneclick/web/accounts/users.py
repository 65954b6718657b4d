"""The users of the review pages: `review/users.json`, readable by its owner alone.

The file is the truth, read again when it changes: a new role or a removed user counts at once, also
for sessions that are open. Writers take the workspace's lock of users.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import msgspec

from oneclick.core.errors import UnknownName, UsageError
from oneclick.storage import files, locks, sealed_files
from oneclick.storage.locks import WriteLock
from oneclick.storage.workspace import Workspace

Role = Literal["viewer", "annotator", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""In order: each may do what those before it may."""
LINK_LIFETIME = timedelta(minutes=30)
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the review pages, with role and password hash."""

    name: str
    role: Role
    cameras: tuple[str, ...] | None = None
    """Cameras whose clips the user may see; None is every camera."""
    password: str | None = None
    """argon2 hash; None: the user signs in by a link or through the hospital's sign-on."""
    link: str | None = None
    """sha256 of the token of a one-time link, hex digits."""
    link_until: datetime | None = None
    """UTC."""


class _UsersFile(msgspec.Struct, kw_only=True):
    users: list[User] = []


class Users:
    """The users of a workspace; several processes may change them at once.

    Args:
        workspace: that has the file.
        clock: returns the current time, timezone-aware.
    """

    def __init__(
        self, workspace: Workspace, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.workspace, self._clock = workspace, clock
        self._users: dict[str, User] = {}
        self._version: tuple[int, ...] = ()

    def all(self) -> list[User]:
        """Return all users, by name.

        Raises:
            BadInput: the file is broken, or was changed after it was written.
            UsageError: others may read it.
        """
        path = self.workspace.users_file
        try:
            stat = path.stat()
        except FileNotFoundError:
            self._users, self._version = {}, ()
            return []
        version = (stat.st_ino, stat.st_mtime_ns, stat.st_size, stat.st_mode)
        if version != self._version:
            if stat.st_mode & 0o077:
                raise UsageError(
                    f"{path} may be read by others (mode {stat.st_mode & 0o777:04o}): chmod 600, "
                    "and give everybody a new password"
                )
            content: _UsersFile = sealed_files.read(path, _UsersFile)
            self._users = {user.name: user for user in content.users}
            self._version = version
        return [self._users[name] for name in sorted(self._users)]

    def find(self, name: str) -> User | None:
        """Return the user of that name, or None. Raises as `all`."""
        self.all()
        return self._users.get(name)

    def get(self, name: str) -> User:
        """Return the user of that name.

        Raises:
            UnknownName: there is none.
        """
        user = self.find(name)
        if user is None:
            raise UnknownName("user", name, [user.name for user in self.all()])
        return user

    def add(
        self,
        name: str,
        role: Role,
        cameras: Sequence[str] | None = None,
        password: str | None = None,
    ) -> User:
        """Add a user.

        Args:
            name: a-z, 0-9 and . _ @ -; it stands in verdicts and reports.
            role: one of ROLES.
            cameras: in scope; None is every camera.
            password: its hash.

        Raises:
            UsageError: the name cannot be one, or there is such a user.
        """
        check_name(name)
        user = User(name=name, role=role, cameras=_scope(cameras), password=password)
        with locks.hold(self.workspace, WriteLock.USERS):
            if self.find(name) is not None:
                raise UsageError(f"there is a user {name!r} already")
            self._write([*self.all(), user])
        return user

    def set_role(self, name: str, role: Role, cameras: Sequence[str] | None) -> User:
        """Change role and cameras of a user.

        Raises:
            UnknownName: there is no such user.
            UsageError: nobody would be admin any more.
        """
        return self._change(name, role=role, cameras=_scope(cameras))

    def set_password(self, name: str, hashed: str) -> User:
        """Change the password of a user; a one-time link ends. Raises UnknownName."""
        return self._change(name, password=hashed, link=None, link_until=None)

    def remove(self, name: str) -> None:
        """Remove a user.

        Raises:
            UnknownName: there is no such user.
            UsageError: nobody would be admin any more.
        """
        with locks.hold(self.workspace, WriteLock.USERS):
            self.get(name)
            self._write([user for user in self.all() if user.name != name])

    def make_link(self, name: str, lifetime: timedelta = LINK_LIFETIME) -> str:
        """Return the token of a new link that signs a user in once; older links end.

        Raises:
            UnknownName: there is no such user.
        """
        token = secrets.token_urlsafe(32)
        self._change(name, link=digest(token), link_until=self._clock() + lifetime)
        return token

    def use_link(self, token: str) -> User | None:
        """Return whom a token signs in, which it does once; None where it is not valid (any more).

        Of several processes that try, one succeeds.
        """
        token_digest = digest(token)
        if all(user.link != token_digest for user in self.all()):
            return None
        with locks.hold(self.workspace, WriteLock.USERS):
            user = next((user for user in self.all() if user.link == token_digest), None)
            if user is None:
                return None
            self._change(user.name, link=None, link_until=None)
        is_valid = user.link_until is not None and self._clock() < user.link_until
        return user if is_valid else None

    def _change(self, name: str, **fields: object) -> User:
        with locks.hold(self.workspace, WriteLock.USERS):
            user = msgspec.structs.replace(self.get(name), **fields)
            self._write([user if other.name == name else other for other in self.all()])
        return user

    def _write(self, users: list[User]) -> None:
        had_admin = any(user.role == "admin" for user in self.all())
        if had_admin and not any(user.role == "admin" for user in users):
            raise UsageError("nobody would be admin any more: give another user that role first")
        path = self.workspace.users_file
        with files.atomic_file(path) as temporary, files.guard(path):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            temporary.write_bytes(sealed_files.encode(_UsersFile(users=users)))


def check_name(name: str) -> str:
    """Return a name that a user may have.

    Raises:
        UsageError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a user: a-z, 0-9 and . _ @ -, at most 64 characters"
        )
    return name


def digest(token: str) -> str:
    """Return the sha256 of a token, as it is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _scope(cameras: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if cameras is None else tuple(sorted(set(cameras)))
