"""Names of classes, and the one that is no class."""

from __future__ import annotations

from collections.abc import Sequence

IGNORE = "ignore"
"""Class of tracks that mark an ignore region: a crowd, a mirror, a screen."""


def check(names: Sequence[str]) -> None:
    """Check the classes that are detected, labelled and trained.

    Raises:
        ValueError: there is none, or one that is empty, reserved or there twice.
    """
    if not names:
        raise ValueError("is empty: name a class, such as person")
    for name in names:
        if not name.strip():
            raise ValueError("a name is empty")
        if name == IGNORE:
            raise ValueError(f"{IGNORE!r} is no class: it marks regions that are left out")
        if names.count(name) > 1:
            raise ValueError(f"{name!r} stands there twice")
