"""Readable, deterministic ids: the same input gets the same id, so repeated work is idempotent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256

PSEUDONYM_PREFIX = "oneclick-"
NO_NAME = "camera"
"""Camera whose name has none of the characters of ids."""
LONGEST_NAME = 80
"""Characters of a camera's name; a longer one is cut and ends in a digest."""
_UNSAFE = re.compile(r"[^a-z0-9_]+")


def camera_name(text: str) -> str:
    """Convert a camera's name to the characters of ids and paths: a-z, 0-9 and _."""
    name = _UNSAFE.sub("_", text.lower()).strip("_") or NO_NAME
    if len(name) > LONGEST_NAME:  # ids are names of files, which are limited to 255 bytes
        digest = sha256(name.encode()).hexdigest()
        name = f"{name[: LONGEST_NAME - 9]}_{digest[:8]}"
    return name


def video_id(camera: str, started_at: datetime | None, digest: str) -> str:
    """Return `<camera>-<UTC start>`, or `<camera>-<first 12 of the digest>` without a start."""
    if started_at is None:
        return f"{camera}-{digest[:12]}"
    return f"{camera}-{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def clip_id(video: str, seconds: float) -> str:
    """Return `<video id>-<milliseconds from its start>` of a clip that begins at `seconds`."""
    return f"{video}-{round(seconds * 1000):08d}"


def pseudonym(clip_id: str) -> str:
    """Return `oneclick-<hash>`: a name of a clip that reveals neither camera nor time."""
    return f"{PSEUDONYM_PREFIX}{sha256(clip_id.encode()).hexdigest()[:20]}"
