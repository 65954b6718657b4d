"""Readable, deterministic ids: the same input gets the same id, so repeated work is idempotent."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from hashlib import sha256

from anyascii import anyascii

PSEUDONYM_PREFIX = "oneclick-"
NO_NAME = "camera"
"""Camera whose name has none of the characters of ids."""
LONGEST_NAME = 80
"""Characters of a camera's name; a longer one is cut and ends in a digest."""
_UNSAFE = re.compile(r"[^a-z0-9_]+")
_SEPARATORS = re.compile(r"[\W_]+")


def camera_name(text: str) -> str:
    """Convert a camera's name to the characters of ids and paths: a-z, 0-9 and _.

    Letters of other scripts are transliterated: 走廊 becomes zoulang, Flur-Süd becomes flur_sud.
    """
    return _shorten(_UNSAFE.sub("_", anyascii(text).lower()).strip("_") or NO_NAME)


def untransliterated_name(text: str) -> str:
    """Convert a name as earlier versions did, which left out all letters but a-z."""
    return _shorten(_UNSAFE.sub("_", text.lower()).strip("_") or NO_NAME)


def spelling(text: str) -> str:
    """Return a name in its own script, without differences of case, width and separators."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SEPARATORS.sub("_", folded).strip("_")


def with_digest(name: str, text: str) -> str:
    """Return a camera's name with a short digest of `text`, to tell it from one of that name."""
    return f"{name[: LONGEST_NAME - 7]}_{sha256(text.encode()).hexdigest()[:6]}"


def video_id(camera: str, started_at: datetime | None, digest: str) -> str:
    """Return `<camera>-<UTC start>`, or `<camera>-<first 12 of the digest>` without a start."""
    if started_at is None:
        return f"{camera}-{digest[:12]}"
    return f"{camera}-{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def video_id_beside(video: str, digest: str) -> str:
    """Return the id of a recording with camera and start of another one, whose id is `video`.

    Of starts that nobody knows two are known to be one where a recording begins as another does.
    """
    return f"{video}_{digest[:8]}"


def start_key(video: str, camera: str) -> str:
    """Return what the id of a recording and those beside it have in common after the camera."""
    return video.removeprefix(f"{camera}-").partition("_")[0]


def clip_id(video: str, seconds: float) -> str:
    """Return `<video id>-<milliseconds from its start>` of a clip that begins at `seconds`."""
    return f"{video}-{round(seconds * 1000):08d}"


def pseudonym(clip_id: str) -> str:
    """Return `oneclick-<hash>`: a name of a clip that reveals neither camera nor time."""
    return f"{PSEUDONYM_PREFIX}{sha256(clip_id.encode()).hexdigest()[:20]}"


def _shorten(name: str) -> str:
    """Cut a name, because ids are names of files, which are limited to 255 bytes."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}_{sha256(name.encode()).hexdigest()[:8]}"
