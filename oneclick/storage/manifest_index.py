"""Index of the clips of one split in a manifest: their byte offsets, mapped into memory.

The workers of a DataLoader share its pages, so their start time and memory do not depend on the
length of the manifest.
"""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput
from oneclick.storage import files

SPLITS: tuple[Split, ...] = ("train", "test")
_ROW = np.dtype([("offset", "<i8"), ("frames", "<i4"), ("bytes", "<i4")])


class _LineHeader(msgspec.Struct):
    """Fields of a manifest line that the index needs."""

    split: str
    frames: int


def file_name(split: Split) -> str:
    """Return the file name of the index of a split."""
    return f"{split}.npy"


def encode(manifest: bytes) -> dict[str, bytes]:
    """Encode the indexes of all splits as file name to content.

    Raises:
        msgspec.MsgspecError: a line is broken.
    """
    decoder = msgspec.json.Decoder(_LineHeader)
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
    """Random access to the clips of one split by number; pickles as two paths."""

    def __init__(self, manifest: Path, rows: Path) -> None:
        self.manifest, self.path = manifest, rows
        self._open()

    def _open(self) -> None:
        try:
            self._rows = np.load(self.path, mmap_mode="r", allow_pickle=False)
            self._file: BinaryIO = self.manifest.open("rb")
        except (OSError, ValueError) as error:
            raise BadInput(f"{self.path} is broken: {error}; publish again") from None
        if self._rows.dtype != _ROW:
            raise BadInput(f"{self.path} is no index of clips: publish again")

    def __len__(self) -> int:
        return len(self._rows)

    def __del__(self) -> None:
        if file := getattr(self, "_file", None):
            file.close()

    def __getstate__(self) -> tuple[Path, Path]:
        return self.manifest, self.path

    def __setstate__(self, state: tuple[Path, Path]) -> None:
        self.manifest, self.path = state
        self._open()

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """Return the number of frames of each clip, `(clips,)`."""
        return np.asarray(self._rows["frames"], np.int64)

    def clip(self, number: int) -> DatasetClip:
        """Read one line of the manifest.

        Raises:
            BadInput: the line is not at the offset in the index.
        """
        row = self._rows[number]
        self._file.seek(int(row["offset"]))
        try:
            return msgspec.json.decode(self._file.read(int(row["bytes"])), type=DatasetClip)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{self.manifest} was changed after it was published ({error}): restore it, or "
                "publish again"
            ) from None


def open_index(folder: Path, manifest: str, split: Split) -> ManifestIndex:
    """Open an index of a dataset version; write it from the manifest where it is missing.

    Raises:
        BadInput: the manifest is missing or broken.
        Unavailable, NoSpace: the index cannot be written.
    """
    path = folder / file_name(split)
    if not path.exists():
        try:
            indexes = encode((folder / manifest).read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise BadInput(
                f"{folder / manifest} is broken: {error}; publish again or restore it"
            ) from None
        files.write_atomic(path, indexes[path.name])
    return ManifestIndex(folder / manifest, path)
