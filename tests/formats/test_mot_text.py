import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.detections import Detections
from oneclick.core.errors import BadLabels, UsageError
from oneclick.formats import mot_text
from tests.fakes import arrays

GOOD = "1,-1,10,20,30,40,0.9,-1,-1,-1\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "det.txt"
    path.write_text(text)
    return path


def test_frames_count_from_one_in_text_and_from_zero_in_memory(tmp_path):
    detections = mot_text.load(write(tmp_path, "3,-1,10,20,30,40,0.9,-1,-1,-1\n" + GOOD), fps=10)
    assert detections.frames.tolist() == [0, 2]
    assert detections.boxes[1].tolist() == [10, 20, 40, 60]
    assert detections.scores.tolist() == pytest.approx([0.9, 0.9])
    assert (detections.length, detections.fps, detections.names) == (3, 10, ("person",))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1,7,10,20,30,40\n", id="no score"),
        pytest.param("1,7,10,20,30,40,1\n\n \n", id="blank lines"),
        pytest.param("1,7,10,20,30,40,1\r\n", id="windows line ends"),
        pytest.param("\ufeff1,7,10,20,30,40,1", id="byte order mark, no last line end"),
        pytest.param(" 1.0, 7, 10, 20, 30, 40, 1.0, x, y\n", id="spaces and foreign columns"),
    ],
)
def test_text_as_other_tools_write_it_is_read(tmp_path, text):
    detections = mot_text.load(write(tmp_path, text), fps=25)
    assert detections.boxes.tolist() == [[10, 20, 40, 60]]
    assert detections.scores.tolist() == [1]


def test_a_file_may_mix_lines_with_and_without_a_score(tmp_path):
    detections = mot_text.load(write(tmp_path, GOOD + "1,7,10,20,30,40\n"), fps=25)
    assert detections.scores.tolist() == pytest.approx([0.9, 1])


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_file_is_a_video_without_boxes(tmp_path, text):
    path = write(tmp_path, text)
    assert len(mot_text.load(path, fps=10)) == 0
    assert mot_text.load(path, fps=10, length=7).length == 7


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2,-1,nan,20,30,40,0.9", "NaN or infinity"),
        ("2,-1,10,inf,30,40,0.9", "NaN or infinity"),
        ("2,-1,10,20,-30,40,0.9", "inside out"),
        ("2,-1,10,20,30,-40,0.9", "inside out"),
        ("0,-1,10,20,30,40,0.9", "whole numbers from 1"),
        ("-5,-1,10,20,30,40,0.9", "whole numbers from 1"),
        ("1.5,-1,10,20,30,40,0.9", "whole numbers from 1"),
        ("99999999999,-1,10,20,30,40,0.9", "beyond the last frame"),
        ("2,-1,1e30,20,30,40,0.9", "too large"),
        ("2,-1,ten,20,30,40,0.9", "ten"),
        ("2,-1,10", "got 3 columns"),
        ("2 -1 10 20 30 40 0.9", "got 1 columns"),
        ("# a comment", "got 1 columns"),
        ("\x00\x01\x02", "got 1 columns"),
    ],
)
def test_a_broken_line_is_named_by_its_number(tmp_path, line, reason):
    path = write(tmp_path, GOOD * 15 + "\n" + line + "\n" + GOOD)
    with pytest.raises(BadLabels, match=rf"det\.txt line 17: .*{reason}") as excinfo:
        mot_text.load(path, fps=10)
    assert "\n" not in str(excinfo.value)


def test_a_box_beyond_the_given_length_is_named(tmp_path):
    with pytest.raises(BadLabels, match="line 2: frame 9 is beyond the last frame, 8"):
        mot_text.load(write(tmp_path, GOOD + "9,-1,1,1,2,2,1\n"), fps=10, length=8)


@pytest.mark.parametrize(("fps", "length"), [(0, None), (float("nan"), None), (10, 0)])
def test_a_rate_or_length_that_is_not_positive_is_the_callers_fault(tmp_path, fps, length):
    with pytest.raises(UsageError, match="positive"):
        mot_text.load(write(tmp_path, GOOD), fps, length)


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(BadLabels, match="cannot be read"):
            mot_text.load(path, fps=10)


def test_binary_rubbish_is_refused_in_one_line(tmp_path):
    path = tmp_path / "det.txt"
    path.write_bytes(bytes(range(256)) * 50)
    with pytest.raises(BadLabels, match=r"det\.txt line 1"):
        mot_text.load(path, fps=10)


def tracks(rows):
    frames, ids = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    low = np.array([row[2:4] for row in rows], np.float32).reshape(-1, 2)
    boxes = np.concatenate([low, low + 5], 1)
    n = len(rows)
    return arrays.tracks(
        frames=frames,
        tracks=ids,
        boxes=boxes,
        scores=np.full(n, 0.625),
        classes=np.zeros(n),
        origins=np.full(n, "d"),
        length=50,
        fps=10.0,
    )


coordinate = st.floats(-500, 2000, width=32)
row = st.tuples(st.integers(0, 49), st.integers(0, 9), coordinate, coordinate)


@settings(max_examples=50, deadline=None)
@given(st.lists(row, max_size=30, unique_by=lambda r: r[:2]))
def test_tracks_come_back_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("mot") / "out.txt"
    expected = tracks(rows)
    mot_text.save_tracks(path, expected)
    detections = mot_text.load(path, fps=10, length=50)
    assert detections.frames.tolist() == expected.frames.tolist()
    assert np.allclose(detections.boxes, expected.boxes, atol=2e-3)
    assert (detections.scores == np.float32(0.625)).all()


def test_the_bytes_of_tracks_are_golden():
    out = io.StringIO()
    mot_text.save_tracks(out, tracks([(1, 3, 10.5, 20), (0, 4, 1, 2)]))
    assert out.getvalue() == (
        "1,4,1.000,2.000,5.000,5.000,0.625,-1,-1,-1\n2,3,10.500,20.000,5.000,5.000,0.625,-1,-1,-1\n"
    )


def test_detections_are_written_without_identity(tmp_path):
    out = io.StringIO()
    mot_text.save(out, mot_text.load(write(tmp_path, GOOD), fps=10))
    assert out.getvalue() == "1,-1,10.000,20.000,30.000,40.000,0.9,-1,-1,-1\n"
    mot_text.save(empty := io.StringIO(), Detections.empty(5, 10))
    assert empty.getvalue() == ""


def test_a_hundred_thousand_lines_are_read(tmp_path):
    path = write(tmp_path, "".join(f"{k // 5 + 1}{GOOD[1:]}" for k in range(100_000)))
    assert len(mot_text.load(path, fps=10)) == 100_000


def test_real_detections_are_read(tmp_path):
    data = Path(__file__).parents[2] / ".." / "shared" / "data" / "mot"
    if not data.exists():
        pytest.skip("no ../shared/data beside the repository")
    detections = mot_text.load(data / "PETS09-S2L1" / "gt" / "gt.txt", fps=10, length=795)
    assert len(detections) == 4650
    assert np.allclose(detections.boxes[detections.frames == 0][0], [499, 158, 530.03, 233.17])
