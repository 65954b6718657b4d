from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick.core.errors import BadLabels
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.storage import labels
from oneclick.storage.workspace import Workspace

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
TRACK = LabelTrack(
    id=7,
    cls="person",
    frames=np.array([0, 2], np.int32),
    boxes=np.array([[10.004, 20, 30.126, 60], [-0.001, 20.5, 31, 61]], np.float32),
    scores=np.array([0.91239, 1], np.float32),
    origins="di",
    keyframes=(2,),
    attributes={"posture": ((0, 3, "lying"),)},
)
LABELS = LabelSet(
    clip="ward-0a1b-00001000",
    revision=1,
    kind="auto",
    parent=None,
    made_by="hindsight:opencv-hog",
    made_at=AT,
    frames=3,
    width=64,
    height=64,
    classes=("person",),
    tracks=(TRACK,),
)
GOLDEN = (
    b'{"schema":1,"clip":"ward-0a1b-00001000","revision":1,"kind":"auto","parent":null,'
    b'"made_by":"hindsight:opencv-hog","made_at":"2026-03-01T12:30:00Z","frames":3,"width":64,'
    b'"height":64,"classes":["person"],"tracks":[{"id":7,"class":"person","frames":[0,2],'
    b'"boxes":[[10.0,20.0,30.13,60.0],[0.0,20.5,31.0,61.0]],"scores":[0.9124,1.0],'
    b'"origins":"di","keyframes":[2],"attributes":{"posture":[[0,3,"lying"]]}}]}\n'
)


def test_the_bytes_of_a_label_file_are_golden():
    assert labels.encode(LABELS) == GOLDEN


def test_a_time_of_another_zone_is_written_in_utc():
    elsewhere = replace(LABELS, made_at=AT.astimezone(timezone(timedelta(hours=5))))
    assert labels.encode(elsewhere) == GOLDEN


def test_a_revision_comes_back_as_it_was_saved(tmp_path):
    home = Workspace(tmp_path)
    label_set = labels.load(labels.save(home, LABELS))
    assert labels.encode(label_set) == GOLDEN
    assert label_set.made_at == AT
    assert label_set.tracks[0].frames.dtype == np.int32
    assert label_set.tracks[0].attributes == TRACK.attributes


def test_the_same_revision_is_saved_twice_without_harm_but_never_overwritten(tmp_path):
    home = Workspace(tmp_path)
    target = labels.save(home, LABELS)
    assert labels.save(home, LABELS) == target
    with pytest.raises(BadLabels, match="new revision"):
        labels.save(home, replace(LABELS, made_by="someone else"))
    with pytest.raises(BadLabels, match="new revision"):
        labels.save(home, replace(LABELS, kind="human"))
    assert target.read_bytes() == GOLDEN


def test_the_latest_revision_is_the_highest_number(tmp_path):
    home = Workspace(tmp_path)
    assert labels.latest(home, LABELS.clip) is None
    for number in (1, 2, 10_000, 9_999):
        labels.save(home, replace(LABELS, revision=number))
    (home.labels_dir(LABELS.clip) / "notes.json").write_text("{}")
    numbers = [labels.revision(path) for path in labels.revisions(home, LABELS.clip)]
    assert numbers == [1, 2, 9_999, 10_000]
    latest = labels.latest(home, LABELS.clip)
    assert latest is not None
    assert latest.revision == 10_000


def test_a_clip_without_anybody_keeps_its_empty_labels(tmp_path):
    nobody = replace(LABELS, tracks=())
    assert labels.load(labels.save(Workspace(tmp_path), nobody)).tracks == ()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no label file"),
        (GOLDEN[:-40], "no label file"),
        (b"[1, 2]", "no label file"),
        (b"\xff\xfe", "no label file"),
        (GOLDEN.replace(b'"schema":1', b'"schema":2'), "schema 2"),
        (GOLDEN.replace(b'"class":"person"', b'"class":"bed"'), "'bed' is none of person"),
        (GOLDEN.replace(b'"di"', b'"dx"'), "origins"),
        (GOLDEN.replace(b'"di"', b'"d"'), "expected 2 boxes"),
        (GOLDEN.replace(b'"frames":[0,2]', b'"frames":[2,0]'), "frames must rise"),
        (GOLDEN.replace(b'"frames":[0,2]', b'"frames":[0,3]'), "frames beyond 0"),
        (GOLDEN.replace(b'"frames":[0,2]', b'"frames":[0,3000000000]'), "3000000000"),
        (GOLDEN.replace(b"30.13", b"3.13"), "inside out"),
        (GOLDEN.replace(b"30.13", b"null"), "no label file"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_that_names_it(tmp_path, content, text):
    path = tmp_path / "0001-auto.json"
    path.write_bytes(content)
    with pytest.raises(BadLabels, match=text) as excinfo:
        labels.load(path)
    assert str(path) in str(excinfo.value)
    assert "\n" not in str(excinfo.value)


def test_a_missing_file_is_refused_in_one_line(tmp_path):
    with pytest.raises(BadLabels, match="cannot be read"):
        labels.load(tmp_path / "0001-auto.json")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tracks": (TRACK, TRACK)}, "share an id"),
        ({"tracks": (replace(TRACK, boxes=TRACK.boxes * np.float32(np.nan)),)}, "NaN"),
        ({"classes": ("bed",)}, "none of bed"),
        ({"revision": 0}, "count from 1"),
        ({"made_at": datetime(2026, 3, 1)}, "time zone"),
    ],
)
def test_labels_that_contradict_themselves_are_never_written(tmp_path, change, text):
    with pytest.raises(BadLabels, match=text):
        labels.save(Workspace(tmp_path), replace(LABELS, **change))
    assert not list(tmp_path.rglob("*.json"))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 99), unique=True, max_size=8).map(sorted),
    st.floats(-2000, 2000, width=32),
    st.floats(0, 1, width=32),
)
def test_reading_and_writing_again_gives_the_same_bytes(frames, corner, score):
    n = len(frames)
    box = np.tile(np.array([corner, corner, corner + 3, corner + 9], np.float32), (n, 1))
    track = LabelTrack(
        id=0,
        cls="person",
        frames=np.array(frames, np.int32),
        boxes=box,
        scores=np.full(n, score, np.float32),
        origins="r" * n,
    )
    first = labels.encode(replace(LABELS, frames=100, tracks=(track,)))
    label_set = labels.decode(first, Path("memory"))
    assert labels.encode(label_set) == first
