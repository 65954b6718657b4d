"""The files of a clip made from an imported sequence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import video
from oneclick.core.clips import Clip
from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelSet
from oneclick.formats import pictures
from oneclick.formats.base import ImportedSequence
from oneclick.storage import bulk_files, cards, files, labels
from oneclick.storage.workspace import Workspace

JPEG_QUALITY = 95
"""Quality of pictures that came in another format."""


def picture_digests(sequence: ImportedSequence) -> list[str]:
    """Return the sha256 of all pictures, or of the video file. Raises BadInput."""
    if sequence.video:
        return [files.sha256(sequence.video)]
    digests = []
    for path in sequence.images:
        pictures.size(path)
        try:
            digests.append(files.sha256(path))
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    return digests


def content_digest(sequence: ImportedSequence, digests: Sequence[str]) -> str:
    """Return the digest of a whole sequence.

    Args:
        sequence: the sequence.
        digests: of its pictures.
    """
    return digests[0] if sequence.video else hashlib.sha256("".join(digests).encode()).hexdigest()


def write_clip_folder(
    workspace: Workspace,
    folder: Path,
    clip: Clip,
    sequence: ImportedSequence,
    label_set: LabelSet,
) -> None:
    """Write clip.mp4, frames, labels and, last, the card of a clip into a temporary folder."""
    frames, video_file = folder / "frames", folder / workspace.clip_file(clip.id).name
    with files.guard(frames):
        frames.mkdir()
    if sequence.video:
        video.cut(sequence.video, clip.span, video_file, clip.fps)
        video.extract(sequence.video, frames)
    else:
        video.write(video_file, copy_images(sequence, frames), clip.fps)
        bulk_files.flush_all(frames.iterdir())
    count = sum(1 for _ in frames.iterdir())
    if count != len(clip.span):
        raise BadInput(f"{sequence.video or folder} gave {count} of {len(clip.span)} frames")
    labels_name = labels.revision_path(workspace, label_set).name
    files.write_atomic(folder / "labels" / labels_name, labels.encode(label_set))
    card = folder / workspace.clip_card(clip.id).name
    cards.save_clip_card(card, replace(clip, digest=files.sha256(video_file)))


def copy_images(sequence: ImportedSequence, frames: Path) -> Iterator[NDArray[np.uint8]]:
    """Save every image as frame k, upright JPEG files byte by byte, and yield it as RGB."""
    import cv2

    for k, path in enumerate(sequence.images):
        content = pictures.read(path)
        image = pictures.decode(content, path)
        height, width = image.shape[:2]
        if (height, width) != (sequence.height, sequence.width):
            raise BadInput(
                f"{path} has {width}x{height} px, not {sequence.width}x{sequence.height}"
            )
        if pictures.is_turned(content) or not content.startswith(b"\xff\xd8"):
            flags = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            content = cv2.imencode(".jpg", image, flags)[1].tobytes()
        target = frames / f"{k:06d}.jpg"
        with files.guard(target):
            target.write_bytes(content)
        yield np.ascontiguousarray(image[..., ::-1])
