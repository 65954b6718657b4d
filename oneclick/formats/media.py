"""The frames that labels of a video belong to: the video itself, or a folder of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oneclick import video
from oneclick.core.errors import BadInput
from oneclick.formats import disk, pictures
from oneclick.storage import bounded_files


@dataclass(frozen=True, kw_only=True)
class FrameMedia:
    """A video, or the pictures of one in order of time."""

    width: int
    height: int
    frames: int
    fps: float | None = None
    """None where pictures do not say."""
    video: Path | None = None
    images: tuple[Path, ...] = ()


def open_media(root: Path, film: Path) -> FrameMedia:
    """Return the frames of a video of the dataset in `root`.

    Where there is no file `film`, a folder of pictures with its name without the suffix is taken.

    Raises:
        BadInput: there is neither, it lies outside the dataset, or it cannot be read.
    """
    if film.is_file():
        info = video.probe(bounded_files.inside(root, film))
        return FrameMedia(
            width=info.width, height=info.height, frames=info.frames, fps=info.fps, video=film
        )
    images = disk.list_images(film.with_suffix(""), root)
    if not images:
        raise BadInput(f"no video {film.name} lies in {film.parent}: put it there")
    width, height = pictures.size(images[0])
    return FrameMedia(width=width, height=height, frames=len(images), images=tuple(images))
