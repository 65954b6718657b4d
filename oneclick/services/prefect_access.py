"""The key of the workspace's own Prefect server, and where the server answers.

Everything lies in `<home>/.prefect/server`, a folder of its owner alone: `key`, which stays, and,
while `oneclick up` runs, `up.json`, `profiles.toml` for shells and `sign-in.html` for a browser.
"""

from __future__ import annotations

import base64
import json
import platform
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from oneclick.core.errors import BadInput, Unavailable, UsageError
from oneclick.storage import files, locks
from oneclick.storage.workspace import Workspace

PROFILE = "oneclick"
"""Name of the profile for Prefect's own command line."""
SIGN_IN = "/sign-in"
"""Page of the server that takes the key from the fragment of its address."""
_KEY = re.compile(r"oneclick:[\w-]{32,}")
_PAGE = """<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>oneclick</title><script>location.replace({address})</script>
"""


class RunningServer(msgspec.Struct, frozen=True, kw_only=True):
    """What `oneclick up` records of itself."""

    pid: int
    machine: str
    """Its host name and network: only there is 127.0.0.1 the same."""
    url: str
    """Of the API."""


def new_key() -> str:
    """Return a random key, `user:password` as basic authentication wants it."""
    return f"oneclick:{secrets.token_urlsafe(32)}"


def server_folder(home: Path) -> Path:
    """Return the folder of the server that `oneclick up` starts."""
    return home / ".prefect" / "server"


def key_file(home: Path) -> Path:
    """Return the file of the workspace's key."""
    return server_folder(home) / "key"


def profiles_file(home: Path) -> Path:
    """Return the profile with address and key, for Prefect's own command line."""
    return server_folder(home) / "profiles.toml"


def sign_in_file(home: Path) -> Path:
    """Return the page that opens Prefect's pages signed in."""
    return server_folder(home) / "sign-in.html"


def is_workspace_profile(env: Mapping[str, str]) -> bool:
    """Check whether an environment is set up for the server of a workspace's `oneclick up`."""
    path = env.get("PREFECT_PROFILES_PATH", "")
    return env.get("PREFECT_PROFILE") == PROFILE and path.endswith(str(profiles_file(Path())))


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone can enter.

    Raises:
        Unavailable: it cannot be made, or belongs to somebody else.
    """
    with files.guard(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def load_key(home: Path) -> str:
    """Return the key of the workspace, made at the first call; two callers at once get the same.

    Raises:
        UsageError: others may know the key, or its file holds none.
        Unavailable, NoSpace: it cannot be read or written.
    """
    path = key_file(home)
    make_private(path.parent.parent)
    make_private(path.parent)
    files.create(path, new_key() + "\n", mode=0o600)
    try:
        mode, key = path.stat().st_mode & 0o777, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"cannot read {path}: {error}") from None
    remedy = "remove the file, and the next start makes a new key"
    if mode & 0o077:
        raise UsageError(f"{path} may be read by others (mode {mode:04o}): {remedy}")
    if not _KEY.fullmatch(key):
        raise UsageError(f"{path} holds no key: {remedy}")
    return key


def announce(home: Path, record: RunningServer, key: str) -> None:
    """Write what clients on this machine need to use the server.

    Raises:
        Unavailable, NoSpace: the files cannot be written.
    """
    site = record.url.removesuffix("/api")
    token = base64.b64encode(key.encode()).decode()
    address = json.dumps(f"{site}{SIGN_IN}#{token}")
    _write_private(sign_in_file(home), _PAGE.format(address=address))
    _write_private(
        profiles_file(home),
        f'active = "{PROFILE}"\n\n[profiles.{PROFILE}]\n'
        f'PREFECT_API_URL = "{record.url}"\nPREFECT_API_AUTH_STRING = "{key}"\n',
    )
    _write_private(_record_file(home), msgspec.json.encode(record).decode())


def withdraw(home: Path) -> None:
    """Remove what `announce` wrote."""
    for path in (_record_file(home), profiles_file(home), sign_in_file(home)):
        path.unlink(missing_ok=True)


def last_announced(home: Path) -> RunningServer | None:
    """Return what the last `oneclick up` recorded; None if it ended in order or is another's."""
    try:
        record: RunningServer = files.read_json(_record_file(home), RunningServer)
    except BadInput:
        return None
    return record


def find_running(home: Path) -> tuple[str, str] | None:
    """Return URL and key of the server that `oneclick up` runs for this workspace on this machine.

    A record that a killed process left is ignored: the key must not go to whoever has the port now.
    """
    record = last_announced(home)
    if record is None or record.machine != this_machine() or not _is_held(home):
        return None
    return record.url, load_key(home)


def this_machine() -> str:
    """Return the host name and, where the system tells it, the network namespace."""
    node = platform.node() or "localhost"
    try:
        return f"{node}/{Path('/proc/self/ns/net').stat().st_ino}"
    except OSError:
        return node


def _is_held(home: Path) -> bool:
    try:
        with locks.file_lock(Workspace(home).locks_dir / locks.WriteLock.SERVE.value, wait=False):
            return False
    except Unavailable:
        return True


def _record_file(home: Path) -> Path:
    return server_folder(home) / "up.json"


def _write_private(path: Path, text: str) -> None:
    with files.atomic_file(path) as temporary, files.guard(path):
        temporary.touch(0o600)
        temporary.write_text(text, "utf-8")
