"""Where the clips of one split stand in a manifest, as a file that is mapped into memory.

A loader's workers share its pages, so their start and memory do not depend on how long it is.
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


class _Size(msgspec.Struct):
    """The part of a manifest line that is needed here."""

    split: str
    frames: int


def name(split: Split) -> str:
    """File name of the index of a split."""
    return f"{split}.npy"


def encode(manifest: bytes) -> dict[str, bytes]:
    """File name to content for all splits.

    Raises:
        msgspec.MsgspecError: a line is broken.
    """
    decoder = msgspec.json.Decoder(_Size)
    rows: dict[str, list[tuple[int, int, int]]] = {split: [] for split in SPLITS}
    place = 0
    for line in manifest.splitlines(keepends=True):
        size = decoder.decode(line)
        if size.split in rows:
            rows[size.split].append((place, size.frames, len(line)))
        place += len(line)
    return {name(split): _saved(np.array(rows[split], _ROW)) for split in SPLITS}


def _saved(rows: NDArray[np.void]) -> bytes:
    content = io.BytesIO()
    np.save(content, rows, allow_pickle=False)
    return content.getvalue()


class Index:
    """The clips of one split by number; pickles as two paths."""

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
        """(clips,) frames in each clip."""
        return np.asarray(self._rows["frames"], np.int64)

    def clip(self, number: int) -> DatasetClip:
        """Read one line of the manifest.

        Raises:
            BadInput: it is not where the index says.
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


def opened(folder: Path, manifest: str, split: Split) -> Index:
    """The index of a dataset version; made from the manifest where it is missing.

    Raises:
        BadInput: the manifest is missing or broken. Unavailable, NoSpace: no place for the index.
    """
    path = folder / name(split)
    if not path.exists():
        try:
            made = encode((folder / manifest).read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise BadInput(
                f"{folder / manifest} is broken: {error}; publish again or restore it"
            ) from None
        files.write_atomic(path, made[path.name])
    return Index(folder / manifest, path)
