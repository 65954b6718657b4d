"""`oneclick live`: sources of the command line and of the settings, and what is printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.task_engine import TaskRunTimeoutError

from oneclick import settings, video
from oneclick.cli import checks, live
from oneclick.core import stream_addresses
from oneclick.core.errors import BadInput, UsageError
from oneclick.core.results import BatchResult
from oneclick.flows import collect
from oneclick.live import credentials
from oneclick.storage import live_state
from oneclick.storage.workspace import Workspace
from tests.cli.program import oneclick
from tests.fakes import coded_pictures, rtsp_server
from tests.fakes.rtsp_server import FakeCamera, RtspServer
from tests.waits import HANG_SECONDS, wait_until

PASSWORD = "p@:/ss%word"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "hall.mp4"
    video.write(path, (coded_pictures.picture(k) for k in range(40)), 20)
    return path


def locked_camera() -> FakeCamera:
    pictures = coded_pictures.encode("h264")
    script = rtsp_server.endless(pictures)
    return FakeCamera(
        codec="h264", script=script, header=pictures[0], user="nurse", password=PASSWORD
    )


def write_settings(folder: Path, url: str) -> None:
    secrets = folder / "cameras.toml"
    secrets.write_text(f'["127.0.0.1"]\nuser = "nurse"\npassword = "{PASSWORD}"\n')
    secrets.chmod(0o600)
    (folder / "oneclick.toml").write_text(
        f'[live]\ncredentials = "{secrets}"\nmodels = []\n[live.cameras]\nhall = "{url}"\n'
    )


def test_a_file_is_played_and_what_changes_is_printed_as_json(film: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    result = oneclick("live", str(film), "--fast", "--model", "opencv:motion", "--json", home=home)
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert {tuple(event) for event in events} == {
        ("time", "camera", "event", "name", "on", "score", "detail")
    }
    statuses = [event["name"] for event in events if event["event"] == "status"]
    assert statuses[-1] == "stopped"
    state = live_state.read(home, "hall")
    assert state is not None
    assert (state.status, state.dropped) == ("stopped", 0)
    assert live_state.recording_sources(home) == [str(home / "live" / "hall" / "recordings")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no camera: name a source"),
        (["a.mp4", "b.mp4", "--camera", "hall"], "--camera names the camera of one source"),
        (["rtsp://me:secret@10.0.0.7/"], "holds a name or password"),
        (["ftp://10.0.0.7/"], "ftp:// is no live source"),
        (["rtsp://"], "rtsp:// without a host"),
        (["a.mp4", "--model", "a", "--model", "b", "--model", "c"], "at most two models"),
    ],
)
def test_what_cannot_be_watched_is_told_in_one_line(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    result = oneclick("live", *arguments, home=tmp_path / "home", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


def test_cameras_of_the_settings_run_and_their_password_stands_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with RtspServer(locked_camera()) as server:
        write_settings(tmp_path, server.url())
        child = subprocess.Popen(
            [sys.executable, "-m", "oneclick", "live", "--home", str(home)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_until(lambda: live_state.read(home, "hall"))
            wait_until(lambda: is_status(home, "running"))
            command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{child.pid}/environ").read_bytes()
            doctor = checks.check_live(settings.load(home=home, live=conf_of(tmp_path)))
        finally:
            child.send_signal(signal.SIGTERM)
            output, _ = child.communicate(timeout=HANG_SECONDS)
    assert child.returncode == 143
    assert doctor.ok
    assert doctor.detail == "hall: running"
    wait_until(lambda: is_status(home, "stopped"))
    texts = [command, environment, output.encode()]
    texts += [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not [text for text in texts if b"ss%word" in text or b"ss%25word" in text]
    assert live_state.recording_sources(home)


def conf_of(folder: Path) -> dict[str, object]:
    import tomllib

    section: dict[str, object] = tomllib.loads((folder / "oneclick.toml").read_text())["live"]
    return section


def is_status(home: Path, status: str) -> bool:
    state = live_state.read(home, "hall")
    return state is not None and state.status == status


def test_the_doctor_asks_cameras_that_do_not_run(tmp_path: Path) -> None:
    with RtspServer(locked_camera()) as server:
        write_settings(tmp_path, server.url())
        conf = settings.load(home=tmp_path / "home", live=conf_of(tmp_path))
        answer = checks.check_live(conf)
        wrong = checks.check_live(conf.model_copy(update={"live": without_credentials(conf)}))
    assert (answer.ok, answer.detail) == (True, "hall: 160x96 h264")
    assert not wrong.ok
    assert "401" in wrong.detail
    assert checks.check_live(settings.load(home=tmp_path / "home")).detail == "none set"


def without_credentials(conf: settings.Settings) -> object:
    return conf.live.model_copy(update={"credentials": ""})


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("", None, "there is no file"),
        ('[hall]\nuser = "a"\npassword = "b"\n', 0o644, "chmod 600"),
        ('[hall]\nuser = "a"\n', 0o600, "must have user"),
        ("[hall]\nuser = 1\npassword = 2\n", 0o600, "must have user"),
        ("[hall", 0o600, "is not TOML"),
    ],
)
def test_a_file_of_credentials_is_refused(
    text: str, mode: int | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "cameras.toml"
    if mode is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(UsageError, match=message):
        credentials.load(path)


def test_credentials_are_found_by_camera_then_host(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    names = ("hall", "10.0.0.7:554", "10.0.0.7")
    path.write_text("".join(f'["{n}"]\nuser = "{n}"\npassword = "x"\n' for n in names))
    path.chmod(0o600)
    sections = credentials.load(path)
    for camera, url, user in (
        ("hall", "rtsp://10.0.0.7:554/a", "hall"),
        ("ward", "rtsp://10.0.0.7:554/a", "10.0.0.7:554"),
        ("ward", "rtsp://10.0.0.7:8554/a", "10.0.0.7"),
        ("ward", "rtsp://10.0.0.8/a", None),
        ("ward", "/films/a.mp4", None),
    ):
        found = credentials.find(sections, camera, stream_addresses.parse(url))
        assert (found and found.user) == user


def test_cameras_named_after_people_get_codes(tmp_path: Path) -> None:
    conf = settings.load(
        home=tmp_path, live={"cameras": {"Anna Meier": "webcam:0", "hall": "webcam:1"}}
    )
    assert [plan.camera for plan in live.plan_cameras(conf, [])] == ["cam01", "hall"]


def test_broken_names_of_cameras_leave_those_that_ran_under_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = settings.load(
        home=tmp_path, live={"cameras": {"Anna Meier": "webcam:0", "hall": "webcam:1"}}
    )
    Workspace(tmp_path).cameras_file.write_bytes(b"")
    with pytest.raises(BadInput, match=r"cameras.json"):
        live.plan_cameras(conf, [])
    live_state.camera_folder(tmp_path, "hall").mkdir(parents=True)
    assert [plan.camera for plan in live.plan_cameras(conf, [])] == ["hall"]
    talk = capsys.readouterr().err
    assert talk.startswith("1 of 2 cameras left out:")
    assert "Anna" not in talk


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ({"hall": "rtsp://me:secret@10.0.0.7/"}, "live.cameras: hall: the address of 10.0.0.7"),
        ({"Hall 1": "webcam:0", "hall_1": "webcam:1"}, "the same name in ids"),
    ],
)
def test_settings_refuse_addresses(cameras: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as refusal:
        settings.load(live={"cameras": cameras})
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [(None, ["<segments>", "/ward"]), (["/elsewhere"], ["/elsewhere"])],
    ids=["on schedule", "told what to collect"],
)
def test_collect_takes_the_segments_first_unless_told_what_to_collect(
    sources: list[str] | None,
    expected: list[str],
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    folder = live_state.recordings_folder(home, "hall")
    folder.mkdir(parents=True)
    os.link(film, folder / "20261128T231703.250Z.mkv")
    fetched: list[str] = []

    def fetch(home: Path, sources: list[str], *_: object) -> BatchResult:
        fetched.extend(sources)
        if sources == ["/ward"]:
            raise TaskRunTimeoutError("a source that hangs")
        return BatchResult(done=["hall-1"])

    monkeypatch.setattr(collect, "fetch_videos", fetch)
    conf = settings.Settings.model_validate({"home": home, "sources": {"paths": ["/ward"]}})
    batch = collect.fetch_all(conf, sources)
    segments = str(home / "live" / "hall" / "recordings")
    assert fetched == [name.replace("<segments>", segments) for name in expected]
    assert batch.done == ["hall-1"]
    assert list(batch.failed) == ([] if sources else ["sources"])
