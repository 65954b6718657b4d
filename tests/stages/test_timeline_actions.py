"""Picked spans, muted triggers, incidents and their cases: what they change, and what checks it."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from oneclick import report
from oneclick import video as videos
from oneclick.catalog import Catalog, verify
from oneclick.cli import data, triggers
from oneclick.core.clips import ChosenBy
from oneclick.core.errors import UnknownName, UsageError
from oneclick.core.splits import existing_day_splits
from oneclick.stages import case, pick_span, trigger
from oneclick.storage import files, incidents, mutes, sealed_files
from oneclick.storage.incidents import IncidentPart
from oneclick.storage.mutes import Mute
from oneclick.storage.workspace import Workspace
from tests.web import recordings
from tests.web.recordings import START, hit


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with hits; not to be changed."""
    home = tmp_path_factory.mktemp("recorded")
    recordings.add_recording(home, "ward", hits=(hit("flicker", 100), hit("jump", 300)))
    return home


@pytest.fixture
def home(stored: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stored, tmp_path / "home")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_mute(name: str = "flicker", since: float = 0, until: float = 3600) -> Mute:
    return Mute(
        id=mutes.mute_id("ward", name, at(since), f"until {until}"),
        camera="ward",
        trigger=name,
        since=at(since),
        until=at(until),
        reason="the lamp is broken",
        by="lea",
        at=at(0),
    )


def test_no_clip_is_selected_for_what_a_muted_trigger_found(home: Path) -> None:
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        (video,) = catalog.videos()
        hits = [each for _, each in catalog.hits(video.id)]
        scanned = {video.id: trigger.VideoHits(hits, np.zeros(0, np.int32))}
        for mute, heard in [
            (a_mute("flicker", since=60), ["flicker", "jump"]),
            (a_mute("flicker"), ["jump"]),
            (a_mute("jump", until=30), ["jump"]),
            (a_mute("jump", until=31), []),
        ]:
            mutes.add(workspace, mute)
            left = trigger.without_muted(workspace, catalog, scanned)[video.id].hits
            assert [each.trigger for each in left] == heard
            if not heard:
                assert scanned[video.id].hits == hits, "the hits themselves stay"


def test_a_mute_is_written_once_and_a_broken_one_is_not_heard_of(home: Path) -> None:
    workspace, mute = Workspace(home), a_mute()
    assert [mutes.add(workspace, mute) for _ in range(2)] == [True, False]
    path = workspace.mute_file(mute.id)
    path.write_bytes(path.read_bytes().replace(b"flicker", b"flicked"))
    assert mutes.load(workspace).all == ()
    with Catalog.open(home) as catalog:
        assert any("muted trigger" in line for line in verify.verify(catalog))
    with pytest.raises(UnknownName, match=mute.id):
        mutes.find(workspace, "other")


def test_one_picked_clip_leaves_a_day_its_test_side(home: Path) -> None:
    options = pick_span.PickOptions()
    with Catalog.open(home) as catalog:
        first = pick_span.pick(catalog, "ward", at(5), at(8), options)
        last = pick_span.pick(catalog, "ward", at(50), at(53), options)
        assert (first.split, last.split) == ("train", "test")
        days = existing_day_splits(catalog.videos(), [first])
    assert [*days.values()] == ["blocks"]
    assert first.chosen_by is ChosenBy.VIEWER
    assert first.stands_for == 0


def test_a_clip_needs_the_recording(home: Path) -> None:
    next(home.glob("videos/ward/*.mp4")).unlink()
    with Catalog.open(home) as catalog, pytest.raises(UsageError, match="is gone"):
        pick_span.pick(catalog, "ward", at(5), at(8), pick_span.PickOptions())


def test_a_clip_is_not_picked_of_a_recording_that_maintenance_just_removed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = pick_span._selection_lock

    def lock_late(workspace: Workspace) -> contextlib.AbstractContextManager[None]:
        next(home.glob("videos/ward/*.mp4")).unlink()
        return lock(workspace)

    monkeypatch.setattr(pick_span, "_selection_lock", lock_late)
    with Catalog.open(home) as catalog:
        with pytest.raises(UsageError, match="is gone"):
            pick_span.pick(catalog, "ward", at(5), at(8), pick_span.PickOptions())
        assert catalog.selections() == []


def mark(home: Path, since: float = 9, until: float = 12) -> str:
    with Catalog.open(home) as catalog:
        incident, _ = pick_span.mark_incident(
            catalog,
            camera="ward",
            since=at(since),
            until=at(until),
            reason="somebody fell",
            by="anna",
            key="k",
        )
    return incident.id


def test_a_case_holds_video_predictions_hits_and_log_with_digests(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "case"
    result = case.export_case(home, mark(home), folder, ["a line"])
    assert case.verify_case(folder) == []
    (path,) = folder.glob("video/*.mp4")
    frames = [*videos.frames(path)]
    assert len(frames) == 30
    assert [recordings.number_of(frame) for frame in (frames[0], frames[-1])] == [90, 119]
    assert len([*folder.glob("predictions/*/*.parquet")]) == len(recordings.MODELS)
    (hits,) = folder.glob("hits/*.json")
    shown: list[dict[str, object]] = files.read_json(hits)
    assert [each["trigger"] for each in shown] == ["flicker"]
    assert (folder / "log.jsonl").read_text() == "a line\n"
    assert result.files == len([each for each in folder.rglob("*") if each.is_file()])
    with pytest.raises(UsageError, match="there already"):
        case.export_case(home, mark(home), folder)


@pytest.mark.parametrize("harm", ["change", "remove", "add", "manifest"])
def test_a_case_that_was_changed_is_told(home: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "case"
    case.export_case(home, mark(home), folder)
    (hits,) = folder.glob("hits/*.json")
    if harm == "change":
        hits.write_bytes(hits.read_bytes().replace(b"flicker", b"flicked"))
    elif harm == "remove":
        hits.unlink()
    elif harm == "add":
        (folder / "more.txt").touch()
    else:
        manifest = folder / case.CASE_FILE
        manifest.write_bytes(manifest.read_bytes().replace(b"fell", b"fled"))
    assert len(case.verify_case(folder)) == 1


def test_a_recording_of_an_incident_that_comes_later_is_kept_and_exported(
    home: Path, tmp_path: Path
) -> None:
    incident = mark(home, 30, 90)
    recordings.add_recording(home, "ward", started_at=at(80), seconds=20, is_whole=False)
    recordings.add_recording(home, "ward", started_at=at(100), seconds=20, is_whole=False)
    with Catalog.open(home) as catalog:
        first, second, third = catalog.videos()
        assert incidents.held_videos(Workspace(home), [first, second, third]) == {
            first.id,
            second.id,
        }
        with_later = case.with_later_parts(catalog, incidents.find(Workspace(home), incident))
        assert [part.video for part in with_later.parts] == [first.id]
        catalog.workspace.video_file(second).touch()
        with_later = case.with_later_parts(catalog, incidents.find(Workspace(home), incident))
    assert [(part.video, part.start, part.stop) for part in with_later.parts[1:]] == [
        (second.id, 0, 100)
    ]


def test_a_case_says_what_is_gone(home: Path, tmp_path: Path) -> None:
    incident = mark(home)
    next(home.glob("videos/ward/*.mp4")).unlink()
    result = case.export_case(home, incident, tmp_path / "case")
    assert [line for line in result.left_out if "is gone" in line]
    assert case.verify_case(tmp_path / "case") == []


def test_a_case_of_a_recording_that_got_another_id_holds_the_other(
    home: Path, tmp_path: Path
) -> None:
    workspace, incident = Workspace(home), mark(home)
    record = incidents.find(workspace, incident)
    (part,) = record.parts
    other_part = IncidentPart("ward-0", part.start, part.stop)
    other_record = msgspec.structs.replace(record, parts=(other_part,))
    sealed_files.write(workspace.incident_file(incident), other_record)
    result = case.export_case(home, incident, tmp_path / "case")
    assert result.left_out == ("the recording ward-0 is not in the catalog any more",)
    (path,) = (tmp_path / "case").glob("video/*.mp4")
    assert path.name.startswith(part.video)


@pytest.mark.parametrize(("since", "until"), [(5, 5), (-20, -10), (0, 100_000)])
def test_what_is_no_incident_is_refused(home: Path, since: float, until: float) -> None:
    with pytest.raises(UsageError):
        mark(home, since, until)
    assert incidents.load(Workspace(home)) == []


def run(app: object, *arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])  # type: ignore[arg-type]
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_line_mutes_lists_and_lifts(home: Path) -> None:
    run(triggers.app, "mute", "flicker", "ward", "--reason", "lamp", "--for", "2h", "--home", home)
    (mute,) = mutes.load(Workspace(home)).all
    assert mute.until - mute.since == timedelta(hours=2)
    assert mute.id in run(triggers.app, "muted", "--home", home)
    run(triggers.app, "unmute", mute.id, "--home", home)
    assert mute.id not in run(triggers.app, "muted", "--home", home)
    assert mute.id in run(triggers.app, "muted", "--all", "--home", home)
    assert not mutes.load(Workspace(home)).running(datetime.now(UTC))


def test_the_command_line_exports_checks_and_releases_a_case(home: Path, tmp_path: Path) -> None:
    incident = mark(home)
    assert incident in run(data.app, "incidents", "--home", home)
    run(data.app, "case", incident, tmp_path / "case", "--home", home)
    assert '"act":"case"' in (tmp_path / "case" / "log.jsonl").read_text()
    run(data.app, "verify-case", tmp_path / "case")
    (tmp_path / "case" / "log.jsonl").write_text("other\n")
    result = CliRunner().invoke(data.app, ["verify-case", str(tmp_path / "case")])
    assert (result.exit_code, "log.jsonl was changed" in result.stdout) == (1, True)
    run(data.app, "release", incident, "--home", home)
    assert incidents.load(Workspace(home))[0].released_at is not None


def test_every_listed_hit_names_its_link(home: Path) -> None:
    newest = report.hits(home)[0]
    assert newest.link == f"/timeline/ward?video={newest.video}&frame={newest.start}"
    assert newest.link in run(triggers.app, "hits", "--home", home)
