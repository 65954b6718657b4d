"""Index of the clips of one split in a manifest: their byte offsets, mapped into memory.

The workers of a DataLoader share its pages, so their start time and memory do not depend on the
length of the manifest.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput
from oneclick.storage import files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

SPLITS: tuple[Split, ...] = ("train", "test")
_ROW = np.dtype([("offset", "<i8"), ("frames", "<i4"), ("bytes", "<i4")])


class _LineHeader(msgspec.Struct):
    """Fields of a manifest line that the index needs."""

    split: str
    frames: int


_LINE = JsonDecoder[DatasetClip](DatasetClip)


def file_name(split: Split) -> str:
    """Return the file name of the index of a split."""
    return f"{split}.npy"


def encode(manifest: bytes) -> dict[str, bytes]:
    """Encode the indexes of all splits as file name to content.

    Raises:
        BrokenJson: a line is broken.
    """
    decoder = JsonDecoder[_LineHeader](_LineHeader)
    rows: dict[str, list[tuple[int, int, int]]] = {split: [] for split in SPLITS}
    offset = 0
    for line in manifest.splitlines(keepends=True):
        header = decoder.decode(line)
        if header.split in rows:
            rows[header.split].append((offset, header.frames, len(line)))
        offset += len(line)
    content = {}
    for split in SPLITS:
        file = io.BytesIO()
        np.save(file, np.array(rows[split], _ROW), allow_pickle=False)
        content[file_name(split)] = file.getvalue()
    return content


class ManifestIndex:
    """Random access to the clips of one split by number; pickles as two paths.

    Args:
        manifest: file of JSON lines.
        rows: file of the offsets of the lines.
        excluded: ids of clips that count as clips without frames.
    """

    def __init__(self, manifest: Path, rows: Path, excluded: Collection[str] = ()) -> None:
        self.manifest, self.path = manifest, rows
        self._open()
        self.without_frames: tuple[int, ...] = ()
        """Numbers of the excluded clips."""
        if excluded:
            numbers = range(len(self))
            self.without_frames = tuple(k for k in numbers if self.clip(k).clip in excluded)

    def _open(self) -> None:
        self._rows = load_rows(self.path)
        try:
            self._file: BinaryIO = self.manifest.open("rb")
        except OSError as error:
            raise BadInput(f"{self.manifest} is broken: {error}; publish again") from None

    def __len__(self) -> int:
        return len(self._rows)

    def __del__(self) -> None:
        if file := getattr(self, "_file", None):
            file.close()

    def __getstate__(self) -> tuple[Path, Path, tuple[int, ...]]:
        return self.manifest, self.path, self.without_frames

    def __setstate__(self, state: tuple[Path, Path, tuple[int, ...]]) -> None:
        self.manifest, self.path, self.without_frames = state
        self._open()

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """Return the number of frames of each clip, `(clips,)`."""
        frames = np.array(self._rows["frames"], np.int64)
        frames[list(self.without_frames)] = 0
        return frames

    def clip(self, number: int) -> DatasetClip:
        """Read one line of the manifest.

        Raises:
            BadInput: the line is not at the offset in the index.
        """
        row = self._rows[number]
        self._file.seek(int(row["offset"]))
        try:
            return _LINE.decode(self._file.read(int(row["bytes"])))
        except BrokenJson as error:
            raise BadInput(
                f"{self.manifest} was changed after it was published ({error}): restore it, or "
                "publish again"
            ) from None


def load_rows(path: Path) -> NDArray[np.void]:
    """Map an index into memory: `(clips,)` of offset, frames and bytes.

    Raises:
        BadInput: it is missing or broken.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(rows, np.ndarray) or (rows.ndim, rows.dtype) != (1, _ROW):
            raise ValueError("no list of clips")
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path} is broken: {error}; publish again") from None
    return rows


def open_index(
    folder: Path, manifest: str, split: Split, excluded: Collection[str] = ()
) -> ManifestIndex:
    """Open an index of a dataset version; write it from the manifest if it is missing or broken.

    Raises:
        BadInput: the manifest is missing or broken.
        Unavailable, NoSpace: the index cannot be written.
    """
    path = folder / file_name(split)
    try:
        load_rows(path)
    except BadInput:  # the manifest says the same
        try:
            indexes = encode((folder / manifest).read_bytes())
        except (OSError, BrokenJson) as error:
            raise BadInput(
                f"{folder / manifest} is broken: {error}; publish again or restore it"
            ) from None
        files.write_atomic(path, indexes[path.name])
    return ManifestIndex(folder / manifest, path, frozenset(excluded))
