"""Limits on failed sign-ins, by address and user."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from oneclick.web.refusals import Refused

MOST_KEYS = 10_000


@dataclass(frozen=True)
class Limit:
    """At most so many failures in a time."""

    failures: int
    seconds: float


PER_USER_AND_ADDRESS = Limit(5, 300)
PER_ADDRESS = Limit(20, 900)
PER_USER = Limit(30, 900)
"""Wider than the others: whoever knows a name must not be able to keep its owner out for long."""


class LoginLimits:
    """Counts failed sign-ins of the last minutes in this process.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, ...], deque[float]] = {}

    def check(self, user: str, address: str) -> None:
        """Check that another attempt is allowed.

        Raises:
            Refused: 429, with the time after which it is.
        """
        waits = [self._wait(key, limit) for key, limit in _keys(user, address)]
        if max(waits) > 0:
            raise Refused(
                429, "too many failed attempts: wait some minutes", retry_after=max(waits)
            )

    def fail(self, user: str, address: str) -> None:
        """Count a failed attempt; called before the password is checked, so that none slip by."""
        if len(self._failures) > MOST_KEYS:
            self._forget_old()
        for key, limit in _keys(user, address):
            self._failures.setdefault(key, deque(maxlen=limit.failures)).append(self._clock())

    def succeed(self, user: str, address: str) -> None:
        """Forget the failures of a user at an address, and take the last one back elsewhere."""
        keys = [key for key, _ in _keys(user, address)]
        self._failures.pop(keys[0], None)
        for key in keys[1:]:
            if times := self._failures.get(key):
                times.pop()

    def _wait(self, key: tuple[str, ...], limit: Limit) -> float:
        times = self._failures.get(key)
        if times is None or len(times) < limit.failures:
            return 0.0
        return max(0.0, times[0] + limit.seconds - self._clock())

    def _forget_old(self) -> None:
        old = self._clock() - max(limit.seconds for limit in (PER_ADDRESS, PER_USER))
        recent = [(key, t) for key, t in self._failures.items() if t and t[-1] > old]
        self._failures = dict(recent[-MOST_KEYS // 2 :])


def _keys(user: str, address: str) -> list[tuple[tuple[str, ...], Limit]]:
    name = user[:64].lower()
    return [
        (("both", name, address), PER_USER_AND_ADDRESS),
        (("address", address), PER_ADDRESS),
        (("user", name), PER_USER),
    ]
