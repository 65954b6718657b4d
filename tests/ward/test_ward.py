"""The ward: equal shifts are equal, rooms differ, and the truth fits the picture and the file."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from oneclick import ward
from oneclick.core.errors import BadLabels
from oneclick.io import labels, video
from oneclick.ward import people, render, room
from oneclick.ward.render import Seen

SMALL = {"seconds": 6.0, "fps": 5.0, "width": 240, "height": 144}


def small(camera: int | str = 0, seed: int = 1, night: bool = False) -> ward.Shift:
    return ward.Shift(camera, seed, night=night, **SMALL)


def watch(shift: ward.Shift) -> tuple[np.ndarray, list[list[Seen]]]:
    pictures, seen = zip(*ward.frames(shift), strict=True)
    return np.stack(pictures), list(seen)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ward.Truth]:
    shift = small()
    path = shift.path(tmp_path_factory.mktemp("ward"))
    return path, ward.record(shift, path)


def test_equal_shifts_have_equal_pixels_and_equal_truth() -> None:
    (first, seen), (again, seen_again) = watch(small()), watch(small())
    assert np.array_equal(first, again)
    assert seen == seen_again


@pytest.mark.parametrize(
    "other", [small(seed=2), small(camera=1), small(night=True)], ids=["seed", "camera", "night"]
)
def test_another_seed_camera_or_light_is_another_recording(other: ward.Shift) -> None:
    assert not np.array_equal(next(ward.frames(small()))[0], next(ward.frames(other))[0])


def test_a_recording_is_equal_to_the_byte_on_every_run(
    recorded: tuple[Path, ward.Truth], tmp_path: Path
) -> None:
    path, _ = recorded
    again = small().path(tmp_path)
    ward.record(small(), again)
    for left, right in ((path, again), (ward.truth_path(path), ward.truth_path(again))):
        assert left.read_bytes() == right.read_bytes()


def test_the_truth_is_golden(recorded: tuple[Path, ward.Truth]) -> None:
    path, truth = recorded
    digest = hashlib.sha256(ward.truth_path(path).read_bytes()).hexdigest()
    assert (len(truth.tracks), digest[:16]) == GOLDEN


GOLDEN = (0, "")


def test_the_file_has_as_many_frames_as_the_truth(recorded: tuple[Path, ward.Truth]) -> None:
    path, truth = recorded
    info = video.probe(path)
    assert (info.frames, info.fps, info.width, info.height) == (30, 5.0, 240, 144)
    assert truth.tracks.length == 30


def test_frame_k_of_the_file_is_frame_k_of_the_truth(recorded: tuple[Path, ward.Truth]) -> None:
    path, _ = recorded
    drawn, _ = watch(small())
    for shown, made in zip(video.frames(path), drawn, strict=True):
        assert np.abs(shown.astype(float) - made).mean() < 4


def test_truth_comes_back_from_the_file_as_it_was(recorded: tuple[Path, ward.Truth]) -> None:
    path, truth = recorded
    for name in (path, ward.truth_path(path)):
        found = ward.load_truth(name)
        for field in ("frames", "tracks", "boxes", "origins"):
            assert np.array_equal(getattr(found, field), getattr(truth.tracks, field))
        assert (found.length, found.fps) == (truth.tracks.length, truth.tracks.fps)


def test_the_truth_is_a_label_file_with_postures(recorded: tuple[Path, ward.Truth]) -> None:
    path, truth = recorded
    found = labels.load(ward.truth_path(path))
    for track in found.tracks:
        told = [word for a, b, word in track.attributes["posture"] for _ in range(a, b)]
        assert told == truth.postures[truth.tracks.tracks == track.id].tolist()
        assert set(told) <= set(people.POSTURES)


def test_a_missing_truth_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="nothing.truth.json"):
        ward.load_truth(tmp_path / "nothing.mp4")


@pytest.mark.parametrize(
    ("camera", "name"), [(0, "ward_a"), (25, "ward_z"), (26, "ward_aa"), ("hall", "hall")]
)
def test_cameras_have_names(camera: int | str, name: str) -> None:
    assert ward.Shift(camera).name == name


def test_the_file_name_tells_camera_and_start(tmp_path: Path) -> None:
    day, night = ward.Shift(0), ward.Shift("ward_b", seed=3, night=True)
    assert day.path(tmp_path) == tmp_path / "ward_a" / "ward_a_20260105T080000Z.mp4"
    assert night.path(tmp_path).name == "ward_b_20260108T220000Z.mp4"


def test_a_shift_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        ward.Shift(0, seconds=0.01)


@pytest.mark.parametrize("number", range(12))
def test_every_camera_gets_a_room_one_can_walk_through(number: int) -> None:
    made = room.of_camera(ward.Shift(number).name, 480, 288)
    for place in (made.bedside.at, made.chair_front.at):
        way = made.route(made.hub, place)
        assert all(made.clear(a, b) for a, b in zip(way[:-1], way[1:], strict=True))


def test_by_night_there_are_no_colours() -> None:
    picture, _ = next(ward.frames(small(night=True)))
    assert np.ptp(picture.astype(int), axis=2).max() == 0


def test_boxes_lie_in_the_picture_and_around_what_is_drawn() -> None:
    shift = small(camera=2, seed=5)
    pictures, seen = watch(shift)
    empty = np.median(pictures, axis=0)
    walkers = [
        (picture, one)
        for picture, people_seen in zip(pictures, seen, strict=True)
        for one in people_seen
    ]
    assert walkers
    for _, one in walkers:
        x1, y1, x2, y2 = one.box
        assert 0 <= x1 < x2 <= shift.width
        assert 0 <= y1 < y2 <= shift.height
    changed = [
        (np.abs(picture - empty).max(2) > 40)[int(y1) : int(y2), int(x1) : int(x2)].mean()
        for picture, one in walkers
        for x1, y1, x2, y2 in [one.box]
        if one.posture == "walking" and one.visible > 0.9
    ]
    assert np.mean(changed) > 0.3


def test_a_long_shift_shows_every_posture_and_two_at_once() -> None:
    place = room.of_camera("ward_a", 240, 144)
    postures: set[str] = set()
    most = 0
    for seed in range(6):
        visits = people.cast(place, 60, np.random.default_rng(seed))
        for t in range(0, 60, 2):
            states = [state for visit in visits if (state := visit.at(t)) is not None]
            postures |= {posture for _, posture, _ in states}
            most = max(most, len(states))
    assert postures == set(people.POSTURES)
    assert most >= 2


def test_who_comes_through_the_door_is_cut_off_by_the_wall() -> None:
    place = room.of_camera("ward_a", 240, 144)
    script = people._Script(place, people._carer(place, np.random.default_rng(0)),
                            np.random.default_rng(0), 30.0)  # fmt: skip
    script._enter()
    light = render.Light(False, 0.0, 1.0, 0.0, 0.0)
    studio = render.Studio(place, script.visits, light, 10.0, np.random.default_rng(0))
    sizes = []
    for t in np.arange(0, script.now, 0.1):
        _, seen = studio.frame(float(t))
        sizes.append(seen[0].box[2] - seen[0].box[0] if seen else 0)
    assert sizes[0] < sizes[-1]
    assert max(sizes) > 5
