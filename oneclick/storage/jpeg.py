"""Frames of clips as JPEG files, decoded only where they are complete.

Decoders fill what a truncated JPEG lacks with grey and report no error, so its end is looked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput
from oneclick.storage import bounded_files

MAX_BYTES = 128 * bounded_files.MEBIBYTE
FACTORS = (8, 4, 2, 1)
"""Factors by which a JPEG can be decoded smaller, which is faster."""
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"


def check(path: Path, size: tuple[int, int]) -> None:
    """Decode a frame, at an eighth of its size, which reads all of the file.

    Args:
        path: of the JPEG file.
        size: height and width that it must have.

    Raises:
        BadInput: it is missing, incomplete, does not decode or has another size.
    """
    if not path.exists():
        raise BadInput(f"{path} is missing: restore it, then oneclick clips retry")
    check_content(bounded_files.read_bytes(path, MAX_BYTES), path, size)


def check_content(content: bytes, name: object, size: tuple[int, int]) -> None:
    """Decode the content of a frame as `check` does; `name` stands in the message."""
    decode(content, name, size, FACTORS[0])


def decode(content: bytes, name: object, size: tuple[int, int], factor: int) -> NDArray[np.uint8]:
    """Decode a JPEG to (h, w, 3) uint8 BGR, its sides divided by `factor` and rounded up.

    Args:
        content: of the file.
        name: stands in the message.
        size: height and width that it must have.
        factor: one of FACTORS.

    Raises:
        BadInput: it is empty, incomplete, does not decode or has another size.
    """
    import cv2

    if not content:
        raise BadInput(f"picture {name} is empty: copy it from where it is whole")
    if not is_complete(content):
        raise BadInput(f"picture {name} ends too early: copy it from where it is whole")
    modes = {
        8: cv2.IMREAD_REDUCED_COLOR_8,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        1: cv2.IMREAD_COLOR,
    }
    flags = modes[factor] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadInput(f"picture {name} does not decode: copy it from where it is whole")
    height, width = size
    if image.shape[:2] != (-(-height // factor), -(-width // factor)):
        raise BadInput(f"picture {name} is not {width}×{height} px: copy the right one")
    return cast(NDArray[np.uint8], image)


def is_complete(content: bytes) -> bool:
    """Check for the end of the image after its first scan (ITU-T T.81, B.1.1).

    The end marker cannot occur in the data of a scan; what follows it does not matter.
    """
    if not content.startswith(b"\xff\xd8"):
        return False
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN:
            return content.find(_END_OF_IMAGE, at) >= 0
    return False
