"""Which imported pictures are for training and which for testing: none may be both.

    clips/<camera>/<clip>/pictures.txt     the sha256 of each picture as it came in, a line each

A clip that came in before there were such files gets one from its frames, which are copies of JPEG
files byte by byte.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from oneclick.storage import files
from oneclick.storage.workspace import Workspace

_DIGEST = re.compile(r"[0-9a-f]{64}")


def encode(digests: Iterable[str]) -> str:
    """Return the content of a file of digests."""
    return "".join(f"{digest}\n" for digest in digests)


def load(workspace: Workspace, clip_id: str) -> list[str]:
    """Return the digests of a clip's pictures; a file that is missing or broken is made again.

    None where its frames cannot be read.

    Raises:
        NoSpace, Unavailable: it cannot be written.
    """
    path = workspace.clip_pictures(clip_id)
    try:
        digests = path.read_text("ascii").splitlines()
        if digests and all(map(_DIGEST.fullmatch, digests)):
            return digests
    except (OSError, UnicodeDecodeError):
        pass
    frames = sorted(workspace.frames_dir(clip_id).glob("*.jpg"))
    try:
        digests = [files.sha256(frame) for frame in frames]
    except OSError:  # `catalog verify` names it
        return []
    if digests:
        files.write_atomic(path, encode(digests))
    return digests


class PictureSides:
    """The pictures of some sides, by the first 64 bits of their digests.

    1.7 million take 190 MB and are read in 4 s; the chance that any two of them share these bits is
    1 in 13 million.
    """

    def __init__(self, sides: Collection[str]) -> None:
        self._clips: list[str] = []
        self._numbers: dict[str, dict[int, int]] = {side: {} for side in sides}

    def add(self, clip_id: str, side: str, digests: Sequence[str]) -> None:
        """Add the pictures of a clip, unless nobody asks for its side."""
        numbers = self._numbers.get(side)
        if numbers is not None:
            numbers |= dict.fromkeys(map(_key, digests), len(self._clips))
            self._clips.append(clip_id)

    def clips_with(self, side: str, digests: Sequence[str]) -> list[str]:
        """Return for each picture that is on a side a clip that holds it there."""
        numbers = self._numbers.get(side, {})
        return [self._clips[numbers[key]] for key in map(_key, digests) if key in numbers]


def _key(digest: str) -> int:
    return int(digest[:16], 16)
