"""Predictions and Signals as Parquet files: rows as columns, the rest as JSON metadata."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.storage import files, sealed_files

METADATA_KEY = b"oneclick"
"""Key of the JSON metadata in the Parquet schema."""
DIGEST = "sha256"
"""Key of the digest of all values in that metadata; files of earlier versions have none."""
BATCH_ROWS = 2**16
"""Rows read at once."""

_PREDICTION = pa.schema(
    [
        ("frame", pa.int32()),
        *((side, pa.float32()) for side in ("x1", "y1", "x2", "y2", "score")),
        ("class_id", pa.int16()),
    ]
)
_SIGNAL = pa.schema([("frame", pa.int32()), ("value", pa.float32())])


def save(
    path: Path, detections: Detections, model: str = "", threshold: float | None = None
) -> None:
    """Write predictions atomically; equal content gives equal bytes.

    Args:
        path: file to write.
        detections: all boxes of a model on a Video or Clip.
        model: id of the model; empty means the file's stem.
        threshold: operating point of the model.

    Raises:
        NoSpace, Unavailable: the disk refuses; nothing half-written stays.
    """
    metadata = {
        "fps": detections.fps,
        "frames": detections.length,
        "names": list(detections.names),
        "model": model or path.stem,
    } | ({} if threshold is None else {"threshold": threshold})
    columns = [detections.frames, *detections.boxes.T, detections.scores, detections.classes]
    _write(path, columns, _PREDICTION, metadata)


def load(path: Path) -> Detections:
    """Read what `save` wrote.

    Raises:
        BadInput: in one line, if the file is missing, truncated, damaged or of another kind.
    """
    columns, metadata = _read(path, _PREDICTION, "predictions")
    frames, *sides, scores, classes = columns
    try:
        return Detections(
            frames=frames,
            boxes=np.stack(sides, 1),
            scores=scores,
            classes=classes,
            length=int(metadata["frames"]),
            fps=float(metadata["fps"]),
            names=tuple(map(str, metadata["names"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def load_threshold(path: Path) -> float | None:
    """Return the operating point of the model; None where it was not stored.

    Raises:
        BadInput: in one line, if the file is missing, damaged or of another kind.
    """
    try:
        with _open(path, _PREDICTION) as (_, metadata):
            threshold = metadata.get("threshold")
            return None if threshold is None else float(threshold)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def load_chunks(path: Path, frames: int) -> Iterator[Detections]:
    """Yield what `save` wrote in chunks of `frames`, each with frames counted from its start.

    Raises:
        BadInput: in one line, if the file is missing, truncated, damaged or of another kind.
    """
    try:
        with _open(path, _PREDICTION) as (file, metadata):
            length, fps = int(metadata["frames"]), float(metadata["fps"])
            names = tuple(map(str, metadata["names"]))
            rows = _RowReader(file.iter_batches(BATCH_ROWS, use_threads=False))
            for start in range(0, length, frames):
                stop = min(start + frames, length)
                numbers, *sides, scores, classes = rows.read_until(stop)
                yield Detections(
                    frames=numbers - np.int32(start),
                    boxes=np.stack(sides, 1),
                    scores=scores,
                    classes=classes,
                    length=stop - start,
                    fps=fps,
                    names=names,
                )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def load_signal_chunks(path: Path, frames: int) -> Iterator[NDArray[np.float32]]:
    """Yield a Signal in chunks of `frames`, each `(frames,)`.

    Raises:
        BadInput: in one line, if the file is missing or damaged.
    """
    try:
        with _open(path, _SIGNAL) as (file, _):
            for batch in file.iter_batches(frames, use_threads=False):
                yield batch.column("value").to_numpy()
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _bad(path, "signal", error) from None


def save_signal(path: Path, values: ArrayLike) -> None:
    """Write a Signal, `(frames,)`, atomically.

    Raises:
        ValueError: `values` has another number of dimensions.
        NoSpace, Unavailable: the disk refuses; nothing half-written stays.
    """
    signal = np.asarray(values, np.float32)
    if signal.ndim != 1:
        raise ValueError(f"values: expected shape (frames,), got {signal.shape}")
    numbers = np.arange(len(signal), dtype=np.int32)
    _write(path, [numbers, signal], _SIGNAL, {"frames": len(signal)})


def load_signal(path: Path) -> NDArray[np.float32]:
    """Read a Signal, `(frames,)`.

    Raises:
        BadInput: in one line, if the file is missing, damaged or lacks a frame.
    """
    (frames, value), _ = _read(path, _SIGNAL, "signal")
    if not np.array_equal(frames, np.arange(len(frames))):
        raise _bad(path, "signal", "frames do not count 0, 1, 2 …")
    return np.asarray(value, np.float32)


def _write(
    path: Path, columns: list[NDArray[Any]], schema: pa.Schema, metadata: dict[str, Any]
) -> None:
    # The page checksums do not cover the metadata, nor where the pages are.
    table = pa.table(columns, schema=schema)
    metadata = metadata | {DIGEST: _digest([column.to_numpy() for column in table.columns])}
    metadata[sealed_files.FIELD] = sealed_files.compute_seal(metadata)
    text = json.dumps(metadata, sort_keys=True)
    table = table.replace_schema_metadata({METADATA_KEY: text.encode()})
    sink = pa.BufferOutputStream()
    # Page checksums turn a flipped bit into an error instead of a wrong box.
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    files.write_atomic(path, sink.getvalue().to_pybytes())


def _metadata(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """Return the metadata of a file. Raises KeyError or ValueError."""
    content: bytes = (schema.metadata or {})[METADATA_KEY]
    try:
        metadata: dict[str, Any] = sealed_files.decode(content, path, dict[str, Any])
    except BadInput:
        raise ValueError("its metadata were changed after it was written") from None
    return metadata


def _digest(columns: list[NDArray[Any]]) -> str:
    """Return the sha256 of the values of all columns."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


class _RowReader:
    """Reader of a file's rows batch by batch, in order of frames."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._buffer = _PREDICTION.empty_table()
        self._exhausted = False

    def read_until(self, frame: int) -> list[NDArray[Any]]:
        """Return the columns of the next rows, up to and without `frame`."""
        while not self._exhausted and not (
            len(self._buffer) and self._buffer["frame"][-1].as_py() >= frame
        ):
            batch = next(self._batches, None)
            self._exhausted = batch is None
            if batch is not None:
                table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
                self._buffer = pa.concat_tables([self._buffer, table])
        count = int(np.searchsorted(self._buffer["frame"].to_numpy(), frame))
        rows, self._buffer = self._buffer.slice(0, count), self._buffer.slice(count)
        return [column.to_numpy() for column in rows.columns]


@contextmanager
def _open(path: Path, schema: pa.Schema) -> Iterator[tuple[pq.ParquetFile, dict[str, Any]]]:
    """Yield a file of this schema and its metadata."""
    check_not_special(path)
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
        if not file.schema_arrow.equals(schema):
            raise ValueError(f"columns {', '.join(file.schema_arrow.names)}")
        yield file, _metadata(path, file.schema_arrow)


def _read(path: Path, schema: pa.Schema, kind: str) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    """Return the columns and the metadata of a file of this schema."""
    try:
        check_not_special(path)
        source = pa.BufferReader(path.read_bytes())
        # Pre-buffering reads in threads that outweigh the work on files this small.
        table = pq.read_table(
            source, page_checksum_verification=True, use_threads=False, pre_buffer=False
        )
        if not table.schema.equals(schema):
            raise ValueError(f"columns {', '.join(table.column_names)}")
        metadata = _metadata(path, table.schema)
        columns = [column.to_numpy() for column in table.columns]
        if metadata.get(DIGEST, digest := _digest(columns)) != digest:
            raise ValueError("its values were changed after it was written")
        return columns, metadata
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise _bad(path, kind, error) from None


def check_not_special(path: Path) -> None:
    """Refuse pipes and devices, which pyarrow would wait for. Raises ValueError."""
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")


def _bad(path: Path, kind: str, reason: object) -> BadInput:
    if isinstance(reason, FileNotFoundError):
        reason = "it is not there"
    line = (str(reason).splitlines() or ["empty"])[0]
    return BadInput(f"{path}: no {kind} file ({line}); delete it and run the step again")
