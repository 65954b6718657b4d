import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.detections import Detections
from oneclick.core.errors import BadInput
from oneclick.core.spans import Span
from oneclick.storage import predictions
from tests.fakes import arrays

side = st.floats(-100, 4000, width=32)
row = st.tuples(
    st.integers(0, 99), side, side, st.floats(0, 500, width=32), st.floats(0, 1, width=32)
)


def made(rows, names=("person", "wheelchair")):
    frames = np.array([r[0] for r in rows], np.int32)
    low = np.array([r[1:3] for r in rows], np.float32).reshape(-1, 2)
    size = np.array([r[3] for r in rows], np.float32)[:, None]
    boxes = np.concatenate([low, low + size], 1)
    scores = np.array([r[4] for r in rows], np.float32)
    return arrays.detections(
        frames=frames,
        boxes=boxes,
        scores=scores,
        classes=frames % len(names),
        length=100,
        fps=12.5,
        names=names,
    )


def same(a, b):
    columns = ("frames", "boxes", "scores", "classes")
    return (a.length, a.fps, a.names) == (b.length, b.fps, b.names) and all(
        np.array_equal(getattr(a, column), getattr(b, column)) for column in columns
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=40))
def test_predictions_come_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("p") / "video" / "model.parquet"
    predictions.save(path, made(rows))
    assert same(predictions.load(path), made(rows))


def test_a_video_without_boxes_keeps_its_length_rate_and_names(tmp_path):
    predictions.save(tmp_path / "m.parquet", Detections.empty(795, 10.0, ("person", "bed")))
    detections = predictions.load(tmp_path / "m.parquet")
    assert (len(detections), detections.length, detections.fps, detections.names) == (
        0,
        795,
        10.0,
        ("person", "bed"),
    )


def test_columns_and_metadata_are_the_documented_ones(tmp_path):
    path = tmp_path / "opencv-hog.parquet"
    predictions.save(path, made([(3, 1, 2, 3, 0.5)]))
    schema = pq.read_schema(path)
    assert schema.names == ["frame", "x1", "y1", "x2", "y2", "score", "class_id"]
    metadata = json.loads(schema.metadata[predictions.METADATA_KEY])
    assert {len(metadata.pop("seal")), len(metadata.pop("sha256"))} == {64}
    assert metadata == {
        "fps": 12.5,
        "frames": 100,
        "model": "opencv-hog",
        "names": ["person", "wheelchair"],
    }


def test_equal_content_gives_equal_bytes_and_no_leftovers(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        predictions.save(tmp_path / name, made([(3, 1, 2, 3, 0.5)]), model="m")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def broken(path, damage):
    good = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(good[: len(good) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("hello\nworld\n")
    elif damage == "flipped bit":
        path.write_bytes(good[:30] + bytes([good[30] ^ 1]) + good[31:])
    elif damage == "other columns":
        pq.write_table(pa.table({"a": [1]}), path)
    elif damage == "no metadata":
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    elif damage == "frame out of range":
        about = {predictions.METADATA_KEY: b'{"fps": 10, "frames": 2, "names": ["person", "b"]}'}
        pq.write_table(pq.read_table(path).replace_schema_metadata(about), path)
    elif damage == "metadata of another kind":
        about = {predictions.METADATA_KEY: b"[1, 2]"}
        pq.write_table(pq.read_table(path).replace_schema_metadata(about), path)
    elif damage == "missing":
        path.unlink()
    elif damage == "folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        "empty",
        "text",
        "flipped bit",
        "other columns",
        "no metadata",
        "frame out of range",
        "metadata of another kind",
        "missing",
        "folder",
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path, damage):
    path = tmp_path / "m.parquet"
    predictions.save(path, made([(3, 1, 2, 3, 0.5), (4, 5, 2, 3, 0.5)]))
    broken(path, damage)
    with pytest.raises(BadInput, match=r"m\.parquet: no predictions file") as excinfo:
        predictions.load(path)
    assert "\n" not in str(excinfo.value)


def test_a_signal_comes_back_as_it_was(tmp_path):
    path = tmp_path / "video" / "motion.parquet"
    predictions.save_signal(path, [0.5, 1.25, 3])
    assert predictions.load_signal(path).tolist() == [0.5, 1.25, 3]
    assert pq.read_schema(path).names == ["frame", "value"]


def test_a_prediction_is_no_signal_and_a_signal_no_prediction(tmp_path):
    predictions.save(tmp_path / "p", made([]))
    predictions.save_signal(tmp_path / "s", [1.0])
    with pytest.raises(BadInput, match="no signal file"):
        predictions.load_signal(tmp_path / "p")
    with pytest.raises(BadInput, match="no predictions file"):
        predictions.load(tmp_path / "s")


def test_a_signal_with_a_hole_is_refused(tmp_path):
    path = tmp_path / "s"
    predictions.save_signal(path, [1.0, 2.0])
    table = pq.read_table(path)
    # As earlier versions wrote it: with the number of frames alone.
    table = table.replace_schema_metadata({predictions.METADATA_KEY: b'{"frames": 2}'})
    pq.write_table(table.slice(1), path)
    with pytest.raises(BadInput, match="count 0, 1, 2"):
        predictions.load_signal(path)


def test_a_signal_has_one_number_a_frame(tmp_path):
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        predictions.save_signal(tmp_path / "s", [[1, 2], [3, 4]])


@pytest.mark.parametrize("frames", [1, 7, 100, 1000], ids=str)
@pytest.mark.parametrize("batch", [3, 2**16], ids=["small batches", "one batch"])
def test_chunks_are_the_whole_in_pieces(
    tmp_path: Path, frames: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "BATCH_ROWS", batch)
    r = np.random.default_rng(1)
    frames_of_boxes = np.sort(r.choice(np.r_[0:20, 60:95], 150)).astype(np.int32)
    corners = r.uniform(0, 50, (150, 4)).cumsum(1)
    detections = arrays.detections(
        frames=frames_of_boxes,
        boxes=corners,
        scores=r.random(150),
        classes=frames_of_boxes * 0,
        length=100,
        fps=5.0,
        names=("person", "bed"),
    )
    path = tmp_path / "x.parquet"
    predictions.save(path, detections)
    parts = list(predictions.load_chunks(path, frames))
    assert sum(part.length for part in parts) == 100
    for k, part in enumerate(parts):
        expected = detections.cut(Span(k * frames, k * frames + part.length))
        assert (part.names, part.fps, part.length) == (
            detections.names,
            detections.fps,
            expected.length,
        )
        for field in ("frames", "boxes", "scores", "classes"):
            assert np.array_equal(getattr(part, field), getattr(expected, field))


def test_signal_chunks_are_the_whole_in_pieces(tmp_path: Path) -> None:
    path, values = tmp_path / "dark.parquet", np.arange(100, dtype=np.float32)
    predictions.save_signal(path, values)
    assert [len(part) for part in predictions.load_signal_chunks(path, 30)] == [30, 30, 30, 10]
    assert (
        np.concatenate(list(predictions.load_signal_chunks(path, 30))).tolist() == values.tolist()
    )


@pytest.mark.parametrize("content", [None, b"", b"a shopping list", b"PAR1" + b"x" * 200])
def test_chunks_of_what_is_no_file_of_ours_are_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)
    for read in (predictions.load_chunks, predictions.load_signal_chunks):
        with pytest.raises(BadInput, match=r"x\.parquet: no (predictions|signal) file"):
            list(read(path, 10))


@pytest.mark.parametrize(
    ("key", "value"), [("fps", 25.0), ("threshold", 0.1), ("frames", 99), ("sha256", "0" * 64)]
)
def test_changed_metadata_are_noticed(tmp_path, key, value):
    path = tmp_path / "m.parquet"
    predictions.save(path, made([(3, 1, 2, 3, 0.5)]), threshold=0.5)
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[predictions.METADATA_KEY]) | {key: value}
    text = json.dumps(metadata).encode()
    pq.write_table(table.replace_schema_metadata({predictions.METADATA_KEY: text}), path)
    for read in (predictions.load, predictions.load_threshold, lambda p: list(load_all(p))):
        with pytest.raises(BadInput, match="changed after it was written"):
            read(path)


def load_all(path: Path):
    return predictions.load_chunks(path, 50)


def test_other_values_than_those_written_are_noticed(tmp_path):
    """As where a flipped bit in the footer leads to other pages."""
    path = tmp_path / "m.parquet"
    predictions.save(path, made([(3, 1, 2, 3, 0.5), (4, 1, 2, 3, 0.5)]))
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 1), path)
    with pytest.raises(BadInput, match="changed after it was written"):
        predictions.load(path)
