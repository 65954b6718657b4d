from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from oneclick.core.errors import BadInput
from oneclick.storage import jpeg

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
CONTENT = cv2.imencode(".jpg", IMAGE)[1].tobytes()
PROGRESSIVE = cv2.imencode(".jpg", IMAGE, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
# A thumbnail in an application segment has an end marker of its own.
WITH_THUMBNAIL = b"\xff\xd8\xff\xe1\x00\x06\xff\xda\xff\xd9" + CONTENT[2:]

GOOD = {
    "baseline": CONTENT,
    "progressive": PROGRESSIVE,
    "padded": CONTENT + bytes(4096),
    "with a thumbnail": WITH_THUMBNAIL,
}


@pytest.mark.parametrize("case", GOOD)
def test_a_whole_picture_is_complete_and_none_of_its_parts_is(case: str, tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg"
    path.write_bytes(GOOD[case])
    jpeg.check(path, (48, 64))
    end = GOOD[case].rindex(b"\xff\xd9")
    for stop in range(1, end, 7):
        assert not jpeg.is_complete(GOOD[case][:stop])
        assert not jpeg.is_complete(GOOD[case][:stop].ljust(end + 2, b"\0"))


BAD = {
    "empty": (b"", "is empty"),
    "half": (CONTENT[: len(CONTENT) // 2], "ends too early"),
    "no picture": (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "does not decode"),
    "of another size": (cv2.imencode(".jpg", IMAGE[:24])[1].tobytes(), "is not 64×48 px"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_broken_picture_is_named(case: str, tmp_path: Path) -> None:
    content, text = BAD[case]
    (tmp_path / "frame.jpg").write_bytes(content)
    with pytest.raises(BadInput, match=text):
        jpeg.check(tmp_path / "frame.jpg", (48, 64))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"frame.jpg is missing"):
        jpeg.check(tmp_path / "frame.jpg", (48, 64))
