"""Each export, opened by readers that are none of ours, and compared box for box."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from oneclick import formats
from tests.formats import exports, plain_readers, tool_readers
from tests.formats.exports import BoxRow

Reader = Callable[[Path], Iterable[BoxRow]]
READERS: dict[str, tuple[str, Reader, dict[str, bool]]] = {
    "COCO in pycocotools": ("coco", tool_readers.pycocotools, {}),
    "COCO in faster-coco-eval": ("coco", tool_readers.faster_coco_eval, {}),
    "COCO in supervision": ("coco", tool_readers.supervision_coco, {}),
    "YOLO by the rules of Ultralytics": ("yolo", plain_readers.read_yolo, {}),
    "flat YOLO by the rules of Ultralytics": ("yolo", plain_readers.read_yolo, {"flat": True}),
    "flat YOLO in supervision": ("yolo", tool_readers.supervision_yolo, {"flat": True}),
    "flat YOLO in datumaro": ("yolo", tool_readers.datumaro_yolo, {"flat": True}),
    "MOT by its documentation": ("mot", plain_readers.read_mot, {}),
    "MOT in TrackEval": ("mot", tool_readers.trackeval, {}),
    "MOT in motmetrics": ("mot", tool_readers.motmetrics, {}),
    "MOT in datumaro": ("mot", tool_readers.datumaro_mot, {}),
    "CVAT as CVAT shows it": ("cvat", plain_readers.read_cvat, {}),
    "CVAT box by box": ("cvat", plain_readers.read_cvat_boxes, {}),
    "CVAT in datumaro": ("cvat", tool_readers.datumaro_cvat, {}),
    "datumaro by its documentation": ("datumaro", plain_readers.read_datumaro, {}),
    "datumaro in datumaro": ("datumaro", tool_readers.datumaro_own, {}),
    "Label Studio as its editor shows it": ("labelstudio", plain_readers.read_labelstudio, {}),
    "Label Studio as it exports it": ("labelstudio", tool_readers.label_studio_sdk, {}),
    "FiftyOne by its documentation": ("fiftyone", plain_readers.read_fiftyone, {}),
    "FiftyOne in ETA": ("fiftyone", tool_readers.eta, {}),
}
OTHER_ID_OF_ZERO = {"mot": 1}
"""The id that a format which counts tracks from 1 has for track 0."""


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exports.draw_frames(tmp_path_factory.mktemp("pictures") / "frames")


# What a tool warns of in its own code is its own affair.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", READERS)
def test_another_reader_has_every_box_where_it_is(case: str, frames: Path, tmp_path: Path) -> None:
    name, reader, options = READERS[case]
    exports.export(tmp_path, name, frames, **options)
    expected = exports.expected_rows(OTHER_ID_OF_ZERO.get(name, 0))
    exports.assert_same(reader(tmp_path), expected)


def test_each_format_has_two_readers_that_are_none_of_ours() -> None:
    names = [name for name, *_ in READERS.values()]
    assert {name for name in names if names.count(name) > 1} == set(formats.names())
