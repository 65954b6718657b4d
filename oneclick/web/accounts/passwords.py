"""Passwords: what a new one must be, their hashes (argon2id), and the equal cost of every check."""

from __future__ import annotations

import asyncio
import unicodedata

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from oneclick.core.errors import UsageError
from oneclick.web.refusals import Refused

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 256
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB and a core."""
WAITING = 20
"""Checks that may wait for their turn; more are refused, so that a flood cannot pile up."""


class Passwords:
    """Hashes and checks passwords.

    Args:
        time_cost: passes over the memory.
        memory_kib: memory of one hash.
    """

    def __init__(self, time_cost: int = 3, memory_kib: int = 65536) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib),))
        self._decoy = self._hasher.hash("no user has this password")
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    def hash(self, password: str, name: str = "") -> str:
        """Return the hash of a new password.

        Args:
            password: in any characters.
            name: of its user, which must not be the password.

        Raises:
            UsageError: it is too short or too long, or easy to guess.
        """
        normal = _normalize(password)
        if not LEAST_CHARACTERS <= len(normal) <= MOST_CHARACTERS:
            raise UsageError(
                f"a password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters; "
                "several words are easy to keep in mind"
            )
        if len(set(normal.lower())) < 5 or normal.lower() in (name, name * 2, name[::-1]):
            raise UsageError("this password is easy to guess: take several words")
        return self._hasher.hash(normal)

    def check(self, password: str, hashed: str | None) -> bool:
        """Check a password; without a hash, as for unknown users, it costs as much and fails."""
        is_right = self._hasher.verify(
            _normalize(password)[:MOST_CHARACTERS], hashed or self._decoy
        )
        return is_right and hashed is not None

    async def check_in_turn(self, password: str, hashed: str | None) -> bool:
        """Check a password in a thread; at most AT_ONCE are checked at the same time.

        Raises:
            Refused: 429: too many checks wait already.
        """
        if self._waiting >= WAITING:
            raise Refused(429, "too many people sign in at once: wait a moment", retry_after=2)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(self.check, password, hashed)
        finally:
            self._waiting -= 1


def _normalize(password: str) -> str:
    """Return the password in one spelling, whichever way a keyboard composes its accents."""
    return unicodedata.normalize("NFKC", password)
