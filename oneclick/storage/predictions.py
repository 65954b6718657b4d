"""Predictions and signals as Parquet files: columns, and the rest in the file's metadata."""

from __future__ import annotations

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
from oneclick.storage import files

KEY = b"oneclick"
"""Where the metadata stands in the Parquet schema, as JSON."""

BATCH = 2**16
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
    """Write a Prediction in one atomic step; equal content gives equal bytes.

    Args:
        model: id of the model that said so; empty means the file's stem.
        threshold: its operating point.

    Raises:
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    d = detections
    about = {
        "fps": d.fps,
        "frames": d.length,
        "names": list(d.names),
        "model": model or path.stem,
    } | ({} if threshold is None else {"threshold": threshold})
    columns = [d.frames, *d.boxes.T, d.scores, d.classes]
    _write(path, columns, _PREDICTION, about)


def load(path: Path) -> Detections:
    """Read what `save` wrote.

    Raises:
        BadInput: in one line, if the file is missing, truncated, damaged or something else.
    """
    columns, about = _read(path, _PREDICTION, "predictions")
    frames, *sides, scores, classes = columns
    try:
        return Detections(
            frames,
            np.stack(sides, 1),
            scores,
            classes,
            int(about["frames"]),
            float(about["fps"]),
            tuple(map(str, about["names"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def threshold(path: Path) -> float | None:
    """Operating point of the model that said so; None where that was not written down.

    Raises:
        BadInput: in one line, if the file is missing, damaged or something else.
    """
    try:
        with _opened(path, _PREDICTION) as (_, about):
            found = about.get("threshold")
            return None if found is None else float(found)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def chunks(path: Path, frames: int) -> Iterator[Detections]:
    """What `save` wrote, `frames` at a time; each counts its frames from its own start.

    Raises:
        BadInput: in one line, if the file is missing, truncated, damaged or something else.
    """
    try:
        with _opened(path, _PREDICTION) as (file, about):
            length, fps = int(about["frames"]), float(about["fps"])
            names = tuple(map(str, about["names"]))
            rows = _Rows(file.iter_batches(BATCH, use_threads=False))
            for start in range(0, length, frames):
                stop = min(start + frames, length)
                found, *sides, scores, classes = rows.before(stop)
                found = found - np.int32(start)
                yield Detections(
                    found, np.stack(sides, 1), scores, classes, stop - start, fps, names
                )
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _bad(path, "predictions", error) from None


def signal_chunks(path: Path, frames: int) -> Iterator[NDArray[np.float32]]:
    """A Signal, `frames` at a time.

    Raises:
        BadInput: in one line, if the file is missing or damaged.
    """
    try:
        with _opened(path, _SIGNAL) as (file, _):
            for batch in file.iter_batches(frames, use_threads=False):
                yield batch.column("value").to_numpy()
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _bad(path, "signal", error) from None


def save_signal(path: Path, values: ArrayLike) -> None:
    """Write a Signal, one number a frame, in one atomic step.

    Raises:
        ValueError: unless `values` is a flat row of numbers.
        NoSpace, Unavailable: if the disk refuses; nothing half-written stays.
    """
    value = np.asarray(values, np.float32)
    if value.ndim != 1:
        raise ValueError(f"values: expected shape (frames,), got {value.shape}")
    _write(path, [np.arange(len(value), dtype=np.int32), value], _SIGNAL, {"frames": len(value)})


def load_signal(path: Path) -> NDArray[np.float32]:
    """Read a Signal, `(frames,)`.

    Raises:
        BadInput: in one line, if the file is missing, damaged or leaves out a frame.
    """
    (frames, value), _ = _read(path, _SIGNAL, "signal")
    if not np.array_equal(frames, np.arange(len(frames))):
        raise _bad(path, "signal", "frames do not count 0, 1, 2 …")
    return np.asarray(value, np.float32)


def _write(
    path: Path, columns: list[NDArray[Any]], schema: pa.Schema, about: dict[str, Any]
) -> None:
    text = json.dumps(about, sort_keys=True)
    table = pa.table(columns, schema=schema.with_metadata({KEY: text.encode()}))
    sink = pa.BufferOutputStream()
    # Page checksums turn a flipped bit into an error instead of a wrong box.
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    files.write_atomic(path, sink.getvalue().to_pybytes())


class _Rows:
    """Rows of a file that is read batch by batch, in order of frames."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches, self.held, self.done = batches, _PREDICTION.empty_table(), False

    def before(self, frame: int) -> list[NDArray[Any]]:
        """The columns of all rows not given yet up to a frame."""
        while not self.done and not self._reaches(frame):
            batch = next(self.batches, None)
            self.done = batch is None
            if batch is not None:
                self.held = pa.concat_tables([self.held, _plain(batch)])
        first = int(np.searchsorted(self.held["frame"].to_numpy(), frame))
        given, self.held = self.held.slice(0, first), self.held.slice(first)
        return [column.to_numpy() for column in given.columns]

    def _reaches(self, frame: int) -> bool:
        return bool(len(self.held)) and self.held["frame"][-1].as_py() >= frame


def _plain(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch]).replace_schema_metadata(None)


@contextmanager
def _opened(path: Path, schema: pa.Schema) -> Iterator[tuple[pq.ParquetFile, dict[str, Any]]]:
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
        if not file.schema_arrow.equals(schema):
            raise ValueError(f"columns {', '.join(file.schema_arrow.names)}")
        yield file, json.loads((file.schema_arrow.metadata or {})[KEY])


def _read(path: Path, schema: pa.Schema, what: str) -> tuple[list[NDArray[Any]], dict[str, Any]]:
    try:
        source = pa.BufferReader(path.read_bytes())
        # Pre-buffering reads in threads that outweigh the work on files this small.
        table = pq.read_table(
            source, page_checksum_verification=True, use_threads=False, pre_buffer=False
        )
        if not table.schema.equals(schema):
            raise ValueError(f"columns {', '.join(table.column_names)}")
        about = json.loads((table.schema.metadata or {})[KEY])
        return [column.to_numpy() for column in table.columns], about
    except (OSError, pa.ArrowException, ValueError, KeyError) as error:
        raise _bad(path, what, error) from None


def _bad(path: Path, what: str, reason: object) -> BadInput:
    if isinstance(reason, FileNotFoundError):
        reason = "it is not there"
    line = (str(reason).splitlines() or ["empty"])[0]
    return BadInput(f"{path}: no {what} file ({line}); delete it and run the step again")
