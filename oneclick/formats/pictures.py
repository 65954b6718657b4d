"""Pictures of strangers: size from the header, and pixels only where they fit into memory.

A picture is turned as its EXIF orientation says, as every viewer does: sizes and pixels are those
that a person sees.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput
from oneclick.formats import picture_headers
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_files
from oneclick.storage.bounded_files import MEBIBYTE

MAX_BYTES = 128 * MEBIBYTE
MAX_PIXELS = 50_000_000
"""One and a half times a picture of 8K; decoded it takes 150 MB."""


def header(path: Path) -> PictureHeader:
    """Return what the header of a file says.

    Raises:
        BadInput: the file is missing, no picture, or too large.
    """
    with bounded_files.open_regular(path, MAX_BYTES) as file:
        return _checked_header(file, path)


def size(path: Path) -> tuple[int, int]:
    """Return (width, height) in px as shown. Raises as `header`."""
    return header(path).size


def read(path: Path) -> bytes:
    """Return the content of a picture whose header is that of one. Raises as `header`."""
    header(path)
    return bounded_files.read_bytes(path, MAX_BYTES)


def decode(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Decode a picture to (H, W, 3) uint8 BGR as shown: turned by its EXIF orientation.

    Raises:
        BadInput: naming `path`, if it is no picture, or too large.
    """
    import cv2

    picture_header = _checked_header(io.BytesIO(content), path)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadInput(f"{path}: not a picture that can be read; save it again or remove it")
    return picture_header.show(cast(NDArray[np.uint8], image))


def is_turned(content: bytes) -> bool:
    """Check whether a picture that `decode` reads has an EXIF orientation that turns it."""
    picture_header = picture_headers.read(io.BytesIO(content))
    return picture_header is not None and picture_header.orientation != 1


def turned_note(headers: Sequence[PictureHeader]) -> Counter[str]:
    """Return a note of how many pictures have an EXIF orientation that turns them."""
    count = sum(header.orientation != 1 for header in headers)
    return +Counter({"photos turned as their EXIF orientation says": count})


def label_frame(
    path: Path,
    picture: PictureHeader,
    named_size: tuple[int, int] | None,
    answers: Assumptions,
    usual: str = "",
) -> bool:
    """Tell whether the labels of a picture count in its stored pixels, not as it is shown.

    Args:
        path: for the message.
        picture: header of the picture.
        named_size: (width, height) in the labels; None where they do not say.
        answers: to the questions EXIF and SIZE.
        usual: answer to EXIF that the format itself gives, if it does.

    Raises:
        BadLabels: the size of the labels is another, or a question.
    """
    sizes = picture.size, picture.stored_size
    if named_size and named_size not in sizes:
        check_size(path, picture.size, named_size, answers)
        named_size = None
    if picture.orientation == 1:
        return False
    if answer := answers.answers.get(assumptions.EXIF):
        return answer == "stored"
    if named_size and sizes[0] != sizes[1]:
        return named_size == picture.stored_size
    if usual:
        return usual == "stored"
    raise assumptions.question(
        assumptions.EXIF,
        f"{path} is turned by its EXIF orientation ({picture.orientation}), and its labels do not "
        "tell whether they are",
    )


def check_size(
    path: Path, size: tuple[int, int], named_size: tuple[int, int] | None, answers: Assumptions
) -> None:
    """Raise BadLabels if labels name another (width, height), unless the user allows it."""
    if named_size is None or named_size == size or answers.is_answer(assumptions.SIZE, "pictures"):
        return
    text = f"{path} has {size[0]}x{size[1]} px, not {named_size[0]}x{named_size[1]}"
    raise assumptions.question(assumptions.SIZE, f"{text} as its labels say")


def _checked_header(file: BinaryIO, path: Path) -> PictureHeader:
    try:
        picture = picture_headers.read(file)
    except (struct.error, OverflowError, ValueError):  # the header ends too early
        picture = None
    if picture is None or picture.width <= 0 or picture.height <= 0:
        raise BadInput(
            f"{path}: not a picture that can be read (JPEG, PNG, BMP, WebP or TIFF); save it again "
            "or remove it"
        )
    if picture.width * picture.height > MAX_PIXELS:
        raise BadInput(
            f"{path} has {picture.width}x{picture.height} px, at most {MAX_PIXELS:,} are read: "
            "scale it down or remove it"
        )
    return picture
