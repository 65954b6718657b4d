"""Tokens of edge cameras: `intake/tokens.json`, readable by its owner alone.

A token is 256 random bits behind the name of its camera; the file holds its digest. It is read
again when it changes: a revoked token is refused at once.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from oneclick.core.errors import UnknownName
from oneclick.storage import files, locks, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts.users import digest

_NOBODY = digest("")


class CameraToken(msgspec.Struct, frozen=True, kw_only=True):
    """The token of one camera."""

    camera: str
    digest: str
    """sha256 of the token, hex digits."""
    models: tuple[str, ...] = ()
    """Models whose predictions the camera sends, besides those that this workspace has trained."""
    made_at: datetime
    """UTC."""


class _TokensFile(msgspec.Struct, kw_only=True):
    tokens: list[CameraToken] = []


class CameraTokens:
    """The tokens of a workspace; several processes may change them at once.

    Args:
        workspace: that has the file.
        clock: returns the current time, timezone-aware.
    """

    def __init__(
        self, workspace: Workspace, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path, self._clock = workspace.intake_dir / "tokens.json", clock
        self._lock_path = workspace.locks_dir / "intake-tokens"
        self._tokens: dict[str, CameraToken] = {}
        self._version: tuple[int, ...] = ()

    def all(self) -> list[CameraToken]:
        """Return all tokens, by camera.

        Raises:
            BadInput: the file is broken, or was changed after it was written.
        """
        try:
            version = files.version(self._path)
        except FileNotFoundError:
            self._tokens, self._version = {}, ()
            return []
        if version != self._version:
            content: _TokensFile = sealed_files.read(self._path, _TokensFile)
            self._tokens = {token.camera: token for token in content.tokens}
            self._version = version
        return [self._tokens[camera] for camera in sorted(self._tokens)]

    def find(self, text: str) -> CameraToken | None:
        """Return whose token this is; None for one that was never made, or is revoked.

        It takes the same time for any wrong token of a camera. Raises as `all`.
        """
        self.all()
        token = self._tokens.get(text.partition(".")[0])
        expected = token.digest if token else _NOBODY
        is_right = secrets.compare_digest(digest(text), expected)
        return token if is_right else None

    def make(self, camera: str, models: Sequence[str] = ()) -> str:
        """Return a new token of a camera; the one before ends.

        Raises:
            NoSpace, Unavailable: the file cannot be written.
        """
        text = f"{camera}.{secrets.token_urlsafe(32)}"
        token = CameraToken(
            camera=camera,
            digest=digest(text),
            models=tuple(sorted(set(models))),
            made_at=self._clock(),
        )
        with locks.file_lock(self._lock_path):
            self._write([*(other for other in self.all() if other.camera != camera), token])
        return text

    def revoke(self, camera: str) -> None:
        """Remove the token of a camera.

        Raises:
            UnknownName: it has none.
        """
        with locks.file_lock(self._lock_path):
            others = [token for token in self.all() if token.camera != camera]
            if len(others) == len(self._tokens):
                raise UnknownName("edge camera", camera, sorted(self._tokens))
            self._write(others)

    def _write(self, tokens: list[CameraToken]) -> None:
        with files.atomic_file(self._path) as temporary, files.guard(self._path):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            temporary.write_bytes(sealed_files.encode(_TokensFile(tokens=tokens)))
