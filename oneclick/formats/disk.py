"""Image and text files of a dataset on disk."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from oneclick.storage import bounded_files, files

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def list_images(folder: Path, root: Path) -> list[Path]:
    """List the images directly in a folder, in natural order of their names.

    Raises:
        BadInput: the folder or one of them leads out of `root`, the dataset.
    """
    if not folder.is_dir():
        return []
    bounded_files.inside(root, folder)
    images = [path for path in folder.iterdir() if is_image_name(path.name)]
    for path in images:
        if path.is_symlink():
            bounded_files.inside(root, path)
    return sorted(images, key=lambda path: natural_key(path.name))


def is_image_name(name: str) -> bool:
    """Check whether a file name is that of an image; temporary files begin with a dot."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key by which 2.jpg stands before 10.jpg."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def equal_size_runs(
    sizes: Sequence[tuple[int, int]], longest: int | None = None
) -> Iterator[tuple[int, int]]:
    """Yield half-open (start, stop) of runs of equal sizes, of at most `longest` elements."""
    numbered = itertools.groupby(range(len(sizes)), key=sizes.__getitem__)
    for members in (list(group) for _, group in numbered):
        stop, step = members[-1] + 1, longest or len(members)
        yield from ((start, min(start + step, stop)) for start in range(members[0], stop, step))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file, not atomically: the folder around it is written as a whole.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    with files.guard(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
