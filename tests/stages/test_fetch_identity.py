"""A recording is known by its content: once in the workspace, whatever its path and its size."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from oneclick import video
from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core import clock_lines
from oneclick.core.results import BatchResult
from oneclick.core.source_options import SourceOptions
from oneclick.stages import fetch, video_registry
from oneclick.storage import cards, sealed_files
from oneclick.storage.workspace import Workspace
from oneclick.video import VideoInfo
from oneclick.video.recordings import FileLook, Recording
from tests.corpus.layouts_folders import film, variant

NAME = "hall_20260501_080000.mp4"
HALL = "hall-20260501T080000Z"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def put(path: Path, content: bytes) -> str:
    """Write a file and its folders; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def videos(home: Path) -> dict[str, str]:
    """Return the digest of each recording by its id, by the catalog; its files agree with it."""
    with Catalog.open(home) as opened:
        assert verify.verify(opened, deep=True) == []
        listed = {fetched.id: fetched.digest for fetched in opened.videos()}
    names = {path.stem for path in (home / "videos").rglob("[!.]*.json")}
    assert names == listed.keys()
    return listed


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


@pytest.mark.parametrize("order", [1, -1])
def test_two_recordings_of_one_start_live_side_by_side(
    home: Path, tmp_path: Path, order: int
) -> None:
    sources = [put(tmp_path / f"{letter}/{NAME}", film(seed)) for seed, letter in enumerate("ab")]
    result = fetch.fetch(home, sources[::order])
    beside = f"{HALL}_{digest(film(1))[:8]}"
    assert result == BatchResult(done=[HALL, beside]), "in the order of their paths"
    again = fetch.fetch(home, sources)
    assert (again.done, again.skipped) == ([], result.done)
    rebuild.rebuild(home)
    assert videos(home) == {HALL: digest(film(0)), beside: digest(film(1))}


def test_in_two_passes_the_first_that_comes_keeps_the_plain_id(home: Path, tmp_path: Path) -> None:
    second, first = (
        put(tmp_path / f"{letter}/{NAME}", film(seed)) for seed, letter in enumerate("ab")
    )
    beside = f"{HALL}_{digest(film(0))[:8]}"
    assert fetch.fetch(home, [first]).done == [HALL]
    assert fetch.fetch(home, [first, second]).done == [beside]
    assert fetch.fetch(home, [second, first]).skipped == [beside, HALL]


def test_a_name_of_the_greatest_length_fits_with_all_that_is_added(
    home: Path, tmp_path: Path
) -> None:
    camera = "走" * 60
    sources = [put(tmp_path / f"{n}/{camera}/20260501_080000.mp4", film(n)) for n in range(2)]
    result = fetch.fetch(home, [str(tmp_path)])
    assert len(sources) == len(result.done)
    assert all(len(path.name.encode()) < 160 for path in home.rglob("*"))


def test_the_same_content_of_another_camera_or_start_is_skipped_with_a_word(
    home: Path, tmp_path: Path
) -> None:
    first = put(tmp_path / "ward" / NAME, film(1))
    copy = put(tmp_path / "attic" / "copy.mp4", film(1))
    fetch.fetch(home, [first])
    for arguments in ({}, {"camera": "other"}, {"started_at": NOON}):
        result = fetch.fetch(home, [copy], **arguments)  # type: ignore[arg-type]
        assert (result.done, result.skipped, result.failed) == ([], [HALL], {})
        assert result.notes == [
            f"{copy}: its content is there already as {HALL}, whose camera and start stay"
        ]
    again = fetch.fetch(home, [copy, first])
    assert (again.skipped, again.notes) == ([HALL, HALL], []), "neither is read again"
    assert len(videos(home)) == 1


def test_chapters_of_one_recording_follow_each_other(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "room1"
    for number in (1, 2, 3):
        put(folder / f"GH0{number}0042.MP4", film(number, frames=10))
    put(folder / "GH010043.MP4", film(4, frames=10))
    names = [f"room1-20261121T12000{second}Z" for second in (0, 2, 4)]
    for _ in range(2):
        result = fetch.fetch(home, [str(folder)], started_at=NOON)
        ids = result.done or result.skipped
        assert [ids[0], ids[2], ids[3]] == names
    late = put(folder / "GH040042.MP4", film(5, frames=10))
    result = fetch.fetch(home, [str(folder)], started_at=NOON)
    assert result.done == ["room1-20261121T120006Z"], late


def test_the_hour_that_comes_twice_gives_two_recordings(home: Path, tmp_path: Path) -> None:
    zone, ids = SourceOptions(timezone="Europe/Berlin"), []
    for seed, hour in enumerate((0, 1)):
        source = put(tmp_path / f"{seed}/hall_20241027_023000.mp4", film(seed, frames=10))
        end = datetime(2024, 10, 27, hour, 30, 2, tzinfo=UTC).timestamp()
        os.utime(source, (end, end))
        ids += fetch.fetch(home, [source], options=zone).done
    assert ids == ["hall-20241027T003000Z", "hall-20241027T013000Z"]
    third = put(tmp_path / "2/hall_20241027_023000.mp4", film(3))
    (beside,) = fetch.fetch(home, [third], options=zone).done
    assert beside.startswith("hall-20241027T003000Z_"), "its time tells nothing"


PRECEDENCE = {
    "what was typed": ({"started_at": NOON}, "hall_20260501_080000Z.mp4", SourceOptions(), NOON),
    "a name with its zone": (
        {},
        "hall_20260501_100000+0200.mp4",
        SourceOptions(),
        datetime(2026, 5, 1, 8, tzinfo=UTC),
    ),
    "a name in a zone of the settings": (
        {},
        "hall_20260501_100000.mp4",
        SourceOptions(timezone="Europe/Berlin"),
        datetime(2026, 5, 1, 8, tzinfo=UTC),
    ),
    "the file, before a name without a zone": (
        {},
        "hall_20260501_100000.mp4",
        SourceOptions(),
        datetime(2026, 3, 3, 3, tzinfo=UTC),
    ),
    "a pattern of the settings": (
        {},
        "hall on 2026 05 01 08 00.mp4",
        SourceOptions(
            patterns=(r"(?P<camera>\w+) on (?P<year>\d+) (?P<month>\d+) (?P<day>\d+) "
                      r"(?P<hour>\d+) (?P<minute>\d+)",)
        ),
        datetime(2026, 5, 1, 8, tzinfo=UTC),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PRECEDENCE)
def test_the_start_comes_from(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arguments, name, options, start = PRECEDENCE[case]
    real = video.probe

    def probe(path: Path, name: str) -> VideoInfo:
        written = datetime(2026, 3, 3, 3, tzinfo=UTC)
        return dataclasses.replace(real(path, name), started_at=written)

    monkeypatch.setattr(video, "probe", probe)
    source = put(tmp_path / name, film(1))
    fetch.fetch(home, [source], options=options, **arguments)  # type: ignore[arg-type]
    with Catalog.open(home) as opened:
        (fetched,) = opened.videos()
    assert (fetched.camera, fetched.started_at) == ("hall", start)


def grown(number: int = 0) -> bytes:
    return variant(film(1), number)


def test_the_longer_one_takes_the_place_of_its_part(home: Path, tmp_path: Path) -> None:
    source = put(tmp_path / NAME, film(1))
    assert fetch.fetch(home, [source]).done == [HALL]
    put(tmp_path / NAME, grown())
    result = fetch.fetch(home, [source])
    assert result.done == [HALL]
    assert result.notes == [f"{source}: {HALL} takes the place of {HALL}, a part of it"]
    assert videos(home) == {HALL: digest(grown())}
    assert fetch.fetch(home, [source]).skipped == [HALL]
    rebuild.rebuild(home)
    assert videos(home) == {HALL: digest(grown())}


def test_a_part_without_a_start_is_replaced_by_place_and_by_camera(
    home: Path, tmp_path: Path
) -> None:
    put(tmp_path / "disk/ward/a.mp4", film(1))
    fetch.fetch(home, [str(tmp_path / "disk"), put(tmp_path / "b.mp4", film(2))])
    part = f"ward-{digest(film(1))[:12]}"
    moved = put(tmp_path / "later" / "ward" / "whole.mp4", grown())
    result = fetch.fetch(home, [str(tmp_path / "later")])
    whole = f"ward-{digest(grown())[:12]}"
    assert result.notes == [f"{moved}: {whole} takes the place of {part}, a part of it"]
    assert part not in videos(home)
    assert len(videos(home)) == 2
    indexes = sorted(path.name for path in (home / "videos").glob("*/.*.index"))
    assert indexes == sorted(f".{video_id}.mp4.index" for video_id in videos(home))


def test_a_part_that_comes_after_the_whole_is_not_added(home: Path, tmp_path: Path) -> None:
    fetch.fetch(home, [put(tmp_path / NAME, grown())])
    part = put(tmp_path / "copy" / NAME, film(1))
    result = fetch.fetch(home, [part])
    assert (result.done, result.skipped) == ([], [HALL])
    assert result.notes == [f"{part}: it is the beginning of {HALL}, which is there already"]
    again = fetch.fetch(home, [part])
    assert (again.skipped, again.notes) == ([HALL], [])


def marked(home: Path) -> None:
    with Catalog.open(home) as opened:
        opened.mark(HALL, cards.PREDICT_STEP, "model")


def with_signals(home: Path) -> None:
    Workspace(home).signals_dir(HALL).mkdir(parents=True)


def with_hits(home: Path) -> None:
    put(Workspace(home).hits(HALL), b"{}")


def retired(home: Path) -> None:
    (home / "videos" / "hall" / f"{HALL}.mp4").unlink()


DEPENDENTS: list[Callable[[Path], None]] = [marked, with_signals, with_hits]


@pytest.mark.parametrize("depend", [*DEPENDENTS, retired])
def test_the_longer_one_follows_a_part_on_which_something_depends(
    home: Path, tmp_path: Path, depend: Callable[[Path], None]
) -> None:
    source = put(tmp_path / NAME, film(1))
    fetch.fetch(home, [source])
    depend(home)
    put(tmp_path / NAME, grown())
    result = fetch.fetch(home, [source])
    assert result.done == [f"{HALL}_{digest(grown())[:8]}"]
    assert bool(result.notes) is (depend is not retired)
    assert (home / "videos" / "hall" / f"{HALL}.json").exists()
    assert fetch.fetch(home, [source]).skipped == result.done


def test_a_file_without_a_start_that_grows_keeps_the_start_of_its_part(
    home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "ward.mp4"
    part = f"ward-{digest(film(1))[:12]}"
    contents = [film(1), grown(), grown() + bytes(64)]
    for number, content in enumerate(contents):
        expected = f"{part}_{digest(content)[:8]}" if number else part
        put(source, content)
        assert fetch.fetch(home, [str(source)]).done == [expected]
        assert fetch.fetch(home, [str(source)]).skipped == [expected]
        Workspace(home).signals_dir(expected).mkdir(parents=True)
    with Catalog.open(home) as opened:
        assert len({clock_lines.line_of(each) for each in opened.videos()}) == 1
    digests = videos(home)
    rebuild.rebuild(home)
    assert videos(home) == digests


STEPS = {
    "the whole is staged": (sealed_files, "write"),
    "the plan is written": (cards, "save_video_card"),
    "the card is written": (Catalog, "replace_part"),
    "the row is written": (Path, "unlink"),
}


@pytest.mark.parametrize("with_start", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_a_replacement_that_was_killed_is_finished_without_the_source(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, with_start: bool
) -> None:
    source = put(tmp_path / (NAME if with_start else "hall.mp4"), film(1))
    (part,) = fetch.fetch(home, [source]).done
    put(Path(source), grown())

    def killed(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], killed)
        with pytest.raises(KeyboardInterrupt):
            fetch.fetch(home, [source])
    is_planned = step != "the whole is staged"
    if is_planned:
        Path(source).unlink()
    other = put(tmp_path / "other.mp4", film(2))
    fetch.fetch(home, [other] if is_planned else [other, source])
    listed = videos(home)
    assert digest(grown()) in listed.values()
    assert digest(film(1)) not in listed.values()
    assert len(listed) == 2
    assert (part in listed) is with_start
    assert not [path for path in (home / "videos").rglob(".*") if path.suffix != ".index"]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let files whose name begins with live grow by a byte at each look; return the sizes."""
    sizes: list[int] = []
    real = Recording.look_again

    def look_again(recording: Recording) -> FileLook:
        look = real(recording)
        if not Path(recording.path).name.startswith("live"):
            return look
        sizes.append((look.size or 0) + 1)
        return FileLook(sizes[-1], look.modified_at)

    monkeypatch.setattr(Recording, "look_again", look_again)
    return sizes


def test_a_file_that_still_grows_is_left_for_the_next_pass(
    home: Path, tmp_path: Path, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    live, rested = put(tmp_path / "live.mp4", film(1)), put(tmp_path / "z.mp4", film(2))
    os.utime(rested, (0, 0))
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    result = fetch.fetch(home, [str(tmp_path)], options=SourceOptions(settle_s=3))
    assert [name.split("-")[0] for name in result.done] == ["z"]
    assert result.failed == {}
    assert result.waiting == {live: f"{live} is still being written: it is left for the next pass"}
    assert 0 < sum(pauses) <= 3
    assert looks


def test_a_young_file_that_rests_goes_in_after_the_others(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    young, old, future = (put(tmp_path / f"{c}.mp4", film(n)) for n, c in enumerate("abc"))
    os.utime(old, (0, 0))
    ahead = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    os.utime(future, (ahead, ahead))
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    result = fetch.fetch(home, [str(tmp_path)], options=SourceOptions(settle_s=2))
    assert [name[0] for name in result.done] == ["b", "a", "c"], (young, future)
    assert 0 < sum(pauses) <= 2


def test_a_file_that_grows_while_it_is_copied_leaves_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path / "a.mp4", film(1))
    real = Recording.chunks

    def chunks(recording: Recording) -> object:
        yield from real(recording)
        with Path(recording.path).open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(Recording, "chunks", chunks)
    result = fetch.fetch(home, [source])
    assert list(result.waiting) == [source]
    assert not [path for path in (home / "videos").rglob("*") if path.is_file()]


def test_notes_of_earlier_versions_are_read_and_stay_small(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path / NAME, film(1))
    fetch.fetch(home, [source])
    (note,) = (home / "videos").rglob("*.source")
    note.write_text(note.read_text().splitlines()[0])
    assert fetch.fetch(home, [source]).skipped == [HALL]
    monkeypatch.setattr(video_registry, "MOST_KEYS", 4)
    for number in range(4):
        fetch.fetch(home, [put(tmp_path / str(number) / NAME, film(1))])
    assert len(note.read_text().splitlines()) == 4 + 2
