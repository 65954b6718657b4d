"""Frames with blurred heads, for roles that need no faces.

What is blurred is the upper third of every labelled box, wider by a quarter, and the whole of a box
that is wider than high: who lies has the head at either end. A person whom no label knows, or whose
head is elsewhere in the box, is NOT made unrecognisable: this spares viewers faces, and is no
anonymisation. Frames of clips without labels are blurred as a whole.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import Clip
from oneclick.core.errors import Unavailable
from oneclick.storage import bounded_files, jpeg, labels
from oneclick.storage.workspace import Workspace

HEAD_SHARE = 1 / 3
"""Upper share of a box that is blurred, if it is not wider than high."""
MARGIN = 0.25
"""Share of the head's size by which the blurred place is larger on each side."""
BLOCKS = 6
"""Blocks across a blurred place: too few to recognise a face."""
CACHE_BYTES = 32 << 20
Box = Sequence[float] | NDArray[np.float32]


class BlurredFrames:
    """Makes frames with blurred heads, and keeps the last ones.

    Args:
        workspace: that has frames and labels.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    def jpeg(self, clip: Clip, revision: int, frame: int) -> bytes:
        """Return a frame as JPEG.

        Args:
            clip: the clip.
            revision: of its labels; 0 where there are none.
            frame: 0-based.

        Raises:
            BadInput: the frame or its labels cannot be read.
        """
        key = (clip.id, revision, frame)
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                return self._frames[key]
        path = self._workspace.frame_file(clip.id, frame)
        content = bounded_files.read_bytes(path, jpeg.MAX_BYTES)
        image = jpeg.decode(content, path, (clip.height, clip.width), 1)
        boxes = boxes_by_frame(self._workspace, clip.id, revision).get(frame, ())
        places = [head(box) for box in boxes] if revision else [(0, 0, clip.width, clip.height)]
        encoded = encode_jpeg(blur(image, places))
        with self._lock:
            self._frames[key] = encoded
            while sum(map(len, self._frames.values())) > CACHE_BYTES:
                self._frames.popitem(last=False)
        return encoded


@functools.lru_cache(maxsize=32)
def boxes_by_frame(
    workspace: Workspace, clip: str, revision: int
) -> dict[int, list[NDArray[np.float32]]]:
    """Return the boxes of a clip by frame, as its newest label revision, of this number, has them.

    Without one there are none.
    """
    boxes: dict[int, list[NDArray[np.float32]]] = {}
    label_set = labels.latest(workspace, clip) if revision else None
    if label_set is not None:
        for track in label_set.tracks:
            for frame, box in zip(track.frames, track.boxes, strict=True):
                boxes.setdefault(int(frame), []).append(box)
    return boxes


def head(box: Box) -> tuple[float, float, float, float]:
    """Return where the head of a labelled person probably is, x1 y1 x2 y2 px."""
    x1, y1, x2, y2 = (float(value) for value in box)
    height = y2 - y1 if x2 - x1 > y2 - y1 else (y2 - y1) * HEAD_SHARE
    dx, dy = (x2 - x1) * MARGIN, height * MARGIN
    return x1 - dx, y1 - dy, x2 + dx, y1 + height + dy


def blur(image: NDArray[np.uint8], places: Sequence[Box]) -> NDArray[np.uint8]:
    """Return the image with each place in coarse blocks.

    Args:
        image: (h, w, 3) uint8.
        places: x1 y1 x2 y2 px; what lies outside of the image is left out.
    """
    import cv2

    blurred = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in places:
        left, right = max(0, int(x1)), min(width, int(np.ceil(x2)))
        top, bottom = max(0, int(y1)), min(height, int(np.ceil(y2)))
        if left >= right or top >= bottom:
            continue
        size = (right - left, bottom - top)
        small = (min(BLOCKS, size[0]), min(BLOCKS, size[1]))
        coarse = cv2.resize(image[top:bottom, left:right], small, interpolation=cv2.INTER_AREA)
        blurred[top:bottom, left:right] = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST)
    return blurred


def encode_jpeg(image: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Return an image, (h, w, 3) uint8 BGR, as JPEG."""
    import cv2

    is_encoded, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not is_encoded:
        raise Unavailable("a blurred frame cannot be encoded as JPEG")
    return content.tobytes()
