"""Every format: what goes out comes back, and other readers find what they expect."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO
from hypothesis import HealthCheck, assume, given, settings

from oneclick import formats
from oneclick.core.errors import UnknownName
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.formats import ExportClip, base, coco, disk, keyframes, pictures
from tests.formats import samples as samples

GOLDEN = Path(__file__).parents[1] / "golden" / "exchange"
FILES = {
    "coco": "train/annotations.json",
    "yolo": f"labels/train/{samples.CLIP}/000003.txt",
    "mot": f"train/{samples.CLIP}/gt/gt.txt",
    "cvat": f"train/{samples.CLIP}.xml",
    "datumaro": "annotations/train.json",
    "labelstudio": "train/tasks.json",
    "fiftyone": f"train/labels/{samples.CLIP}.json",
}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return samples.draw_frames(tmp_path_factory.mktemp("frames"))


def there_and_back(name: str, labels: LabelSet, frames: Path) -> tuple[LabelTrack, ...]:
    with TemporaryDirectory() as folder:
        samples.export(Path(folder), name, labels, frames)
        return samples.bring_back(Path(folder), name).tracks


def columns(track: LabelTrack) -> dict[str, Any]:
    """What must survive, boxes as hundredths of a pixel."""
    return {
        "id": track.id,
        "class": track.cls,
        "frames": track.frames.tolist(),
        "boxes": np.round(track.boxes.astype(np.float64) * 100).tolist(),
        "origins": track.origins,
        "keyframes": track.keyframes,
        "attributes": track.attributes,
        "scores": np.round(track.scores.astype(np.float64), 4).tolist(),
    }


KEPT = {
    "coco": set(),
    "cvat": {"scores"},
    "datumaro": set(),
    "fiftyone": set(),
    "mot": {"scores", "origins", "keyframes", "attributes"},
}


@pytest.mark.parametrize("name", KEPT)
def test_labels_come_back_as_they_went(name: str, frames: Path) -> None:
    @QUICK
    @given(samples.label_sets())
    def check(labels: LabelSet) -> None:
        tracks = there_and_back(name, labels, frames)
        for before, after in zip(_by_id(labels.tracks), tracks, strict=True):
            old, new = columns(before), columns(after)
            assert {k: v for k, v in new.items() if k not in KEPT[name]} == {
                k: v for k, v in old.items() if k not in KEPT[name]
            }

    check()


def _by_id(tracks: tuple[LabelTrack, ...]) -> list[LabelTrack]:
    return sorted(tracks, key=lambda track: track.id)


def test_yolo_keeps_every_box_of_every_frame_within_half_a_pixel(frames: Path) -> None:
    @QUICK
    @given(samples.label_sets())
    def check(labels: LabelSet) -> None:
        tracks = there_and_back("yolo", labels, frames)
        before, after = _boxes(labels.tracks), _boxes(tracks)
        # YOLO has no tracks: boxes of two that are equal are a line that stands twice, read once.
        assert {row[:2] for row in before} == {row[:2] for row in after}
        assume(len(before) == len(after))
        assert np.abs(_corners(before) - _corners(after)).max(initial=0) < 0.5

    check()


def _boxes(tracks: tuple[LabelTrack, ...]) -> list[tuple[int, str, list[float]]]:
    rows = [
        (frame, track.cls, np.round(box, 2).tolist())
        for track in tracks
        for frame, box in zip(track.frames.tolist(), track.boxes.astype(float), strict=True)
    ]
    return sorted(rows)


def _corners(rows: list[tuple[int, str, list[float]]]) -> np.ndarray[Any, Any]:
    return np.array([row[2] for row in rows]).reshape(-1, 4)


@pytest.mark.parametrize("name", FILES)
def test_the_bytes_that_others_read_are_golden(name: str, tmp_path: Path) -> None:
    samples.export(tmp_path, name, samples.fixed(), None)
    content = (tmp_path / FILES[name]).read_bytes()
    golden = GOLDEN / f"{name}{Path(FILES[name]).suffix}"
    if "ONECLICK_GOLDEN" in os.environ:
        golden.write_bytes(content)
    assert content == golden.read_bytes()


DESCRIPTIONS = {
    "yolo": ("data.yaml", ['  0: "person"', '  1: "wheelchair & rail"', "train: images/train"]),
    "mot": (
        f"train/{samples.CLIP}/seqinfo.ini",
        ["frameRate=12", "seqLength=12", "imWidth=64", "imHeight=48", "imExt=.jpg"],
    ),
    "names of mot": (f"train/{samples.CLIP}/gt/labels.txt", [*samples.CLASSES]),
    "exact rate of mot": (f"train/{samples.CLIP}/seqinfo.ini", ["[oneclick]", "frameRate: 12.5"]),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_what_stands_beside_the_labels_describes_them(name: str, tmp_path: Path) -> None:
    samples.export(tmp_path, name.split()[-1], samples.fixed(), None)
    file, lines = DESCRIPTIONS[name]
    assert set(lines) <= set((tmp_path / file).read_text().splitlines())


def test_an_independent_coco_reader_counts_the_same(tmp_path: Path) -> None:
    writer = coco.CocoWriter(tmp_path, samples.CLASSES, per_clip=True)
    labels = samples.fixed()
    for name in ("a", "b", "c"):
        writer.add(ExportClip(name=name, split="train", fps=samples.FPS, labels=labels))
    writer.close()
    reader = COCO(str(tmp_path / "train/annotations.json"))
    assert (len(reader.imgs), len(reader.anns)) == (3 * labels.frames, 3 * labels.boxes())
    assert [category["name"] for category in reader.loadCats(reader.getCatIds())] == list(
        samples.CLASSES
    )
    assert len(reader.getAnnIds(imgIds=[13])) == 1
    assert reader.loadAnns([1])[0]["bbox"] == [4.25, 5, 10, 30]
    parts = [COCO(str(tmp_path / f"train/annotations/{name}.json")) for name in "abc"]
    assert [len(part.anns) for part in parts] == [labels.boxes()] * 3
    assert {k for part in parts for k in part.imgs} == set(reader.imgs)
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == [
        "annotations",
        "annotations.json",
    ]


@pytest.mark.parametrize("name", formats.names())
def test_pictures_share_no_file_with_their_source(name: str, frames: Path, tmp_path: Path) -> None:
    writer = formats.get(name).writer(tmp_path, samples.CLASSES)
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"film")
    writer.add(
        ExportClip(
            name="a",
            split="test",
            fps=samples.FPS,
            labels=samples.fixed(),
            frames=frames,
            video=video,
        )
    )
    pictures = sorted(tmp_path.rglob("*.jpg"))
    films = [path for path in tmp_path.rglob("*.mp4") if path != video]
    assert len(pictures) == (0 if name in samples.FILMS else samples.FRAMES)
    assert [film.read_bytes() for film in films] == [b"film"] * (name in samples.FILMS)
    for picture, source in zip(pictures, sorted(frames.iterdir()), strict=False):
        assert not picture.samefile(source)
        assert picture.read_bytes() == source.read_bytes()
    assert video.stat().st_nlink == 1


def test_pictures_are_copies_where_the_disk_cannot_link(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    samples.export(tmp_path, "mot", samples.fixed(), frames)
    first = tmp_path / f"train/{samples.CLIP}/img1/000001.jpg"
    assert first.read_bytes() == (frames / "000000.jpg").read_bytes()
    assert not first.samefile(frames / "000000.jpg")


def test_a_class_that_the_version_does_not_know_is_added_behind_the_others(
    frames: Path, tmp_path: Path
) -> None:
    for name in formats.names():
        writer = formats.get(name).writer(tmp_path / name, ("chair",))
        writer.add(
            ExportClip(name="a", split="train", fps=10.0, labels=samples.fixed(), frames=frames)
        )
        writer.close()
    text = (tmp_path / "coco/train/annotations.json").read_text()
    assert text.index("chair") < text.index("person") < text.index("wheelchair")
    assert 'names:\n  0: "chair"\n  1: "person"' in (tmp_path / "yolo/data.yaml").read_text()
    assert (tmp_path / "mot/train/a/gt/labels.txt").read_text().startswith("chair\nperson\n")
    assert "<name>person</name>" in (tmp_path / "cvat/train/a.xml").read_text()
    text = (tmp_path / "datumaro/annotations/train.json").read_text()
    assert text.index('"chair"') < text.index('"person"') < text.index('"wheelchair')
    assert '<Label value="person"/>' in (tmp_path / "labelstudio/labels.xml").read_text()


@pytest.mark.parametrize("name", formats.names())
def test_a_clip_without_any_box_comes_back_empty(name: str, frames: Path, tmp_path: Path) -> None:
    samples.export(tmp_path, name, samples.label_set(), frames)
    clip = samples.bring_back(tmp_path, name)
    assert (clip.tracks, len(clip.images)) == ((), samples.FRAMES)


@QUICK
@given(samples.label_tracks(1))
def test_what_cvat_draws_between_its_key_frames_is_the_label(track: LabelTrack) -> None:
    boxes = track.boxes.astype(np.float64)
    rows = keyframes.find_rows(track, boxes, base.attributes_per_box(track))
    assert {0, len(boxes) - 1} <= set(rows)
    assert {k for k, frame in enumerate(track.frames) if frame in track.keyframes} <= set(rows)
    for low, high in itertools.pairwise(rows):
        corners = [
            np.interp(
                track.frames[low : high + 1], track.frames[[low, high]], boxes[[low, high], k]
            )
            for k in range(4)
        ]
        assert np.abs(np.stack(corners, 1) - boxes[low : high + 1]).max() <= keyframes.SLACK
        assert (np.diff(track.frames[low : high + 1]) == 1).all() or high == low + 1
    attributes = base.attributes_per_box(track)
    assert all(k in rows for k in range(1, len(attributes)) if attributes[k] != attributes[k - 1])


def test_a_straight_walk_needs_two_key_frames_in_cvat() -> None:
    frames = np.arange(90, dtype=np.int32)
    lefts = frames[:, None] * 0.5
    boxes = np.hstack([lefts, lefts * 0, lefts + 10, lefts * 0 + 20])
    track = LabelTrack(
        id=1,
        cls="person",
        frames=frames,
        boxes=boxes.astype(np.float32),
        scores=np.ones(90, np.float32),
        origins="d" * 90,
    )
    assert keyframes.find_rows(track, boxes, base.attributes_per_box(track)) == [0, 89]


def test_an_unknown_format_names_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="coco, yolo, mot, cvat"):
        formats.get("voc")


RUNS: dict[str, tuple[list[tuple[int, int]], int | None, list[tuple[int, int]]]] = {
    "none": ([], None, []),
    "one": ([(4, 3)], None, [(0, 1)]),
    "equal": ([(4, 3)] * 5, None, [(0, 5)]),
    "equal, cut": ([(4, 3)] * 5, 2, [(0, 2), (2, 4), (4, 5)]),
    "sizes change": ([(4, 3)] * 2 + [(3, 4)] * 3, None, [(0, 2), (2, 5)]),
    "sizes change, cut": ([(4, 3)] * 3 + [(3, 4)] * 3, 2, [(0, 2), (2, 3), (3, 5), (5, 6)]),
}


@pytest.mark.parametrize("case", RUNS)
def test_loose_pictures_become_runs_of_equal_size(case: str) -> None:
    sizes, longest, expected = RUNS[case]
    assert list(disk.equal_size_runs(sizes, longest)) == expected


SIDES = {
    "train": (("data", "train"), "train"),
    "test": (("data", "test"), "test"),
    "validation of a year": (("val2017",), "test"),
    "a camera that begins so": (("test-20260101T000000Z",), "train"),
}


@pytest.mark.parametrize("case", SIDES)
def test_folders_say_what_is_held_out(case: str) -> None:
    names, expected = SIDES[case]
    assert base.split_of_names(*names) == expected


SUFFIXES: dict[str, Callable[[Path], None]] = {
    name: (lambda path: __import__("cv2").imwrite(str(path), samples.picture(0, 33, 21)))
    for name in (".jpg", ".png", ".bmp", ".webp", ".tif")
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_size_of_a_picture_is_read_off_its_head(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    SUFFIXES[suffix](path)
    assert pictures.size(path) == (33, 21)
