"""What is done from the screens is done to the workspace: the real commands, the real catalog."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from oneclick import settings
from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from oneclick.services import review_address
from oneclick.storage import model_registry
from oneclick.storage.workspace import Workspace
from oneclick.tui import dialogs
from oneclick.tui.panels.table import TextPanel
from oneclick.tui.screens.clips import ClipPage, ClipTable
from oneclick.tui.screens.flows import RunLog
from oneclick.tui.screens.system import DoctorTable
from oneclick.tui.screens.train import GatePanel, ModelTable
from oneclick.tui.screens.triggers import HitTable
from tests.tui import samples
from tests.tui.samples import Commands, app, drive, press, settled


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PREFECT_API_URL", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.chdir(tmp_path)
    samples.workspace(tmp_path / "ward").close()
    return tmp_path / "ward"


def shown(home: Path, **options: object):
    from oneclick.report import snapshot_reader

    reader = snapshot_reader.SnapshotReader(home, None, lambda: samples.NOW, UTC)
    return app(reader, home, **options)


def stages(home: Path) -> dict[str, ClipStage]:
    with Catalog.open(home) as catalog:
        return {row.clip.id: row.stage for row in catalog.clips()}


def test_a_quarantined_clip_is_put_back_where_it_fell(home: Path) -> None:
    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "3", "slash")
        pilot.app.screen.query_one(Input).value = "stage:quar error:broken"
        await press(pilot, "enter")
        assert pilot.app.screen.query_one(ClipTable).keys() == ["ward-0-00000007"]
        await press(pilot, "r", "y")

    drive(shown(home), act)
    assert stages(home)["ward-0-00000007"] is ClipStage.CUT


@pytest.mark.parametrize(("key", "stage"), [("a", ClipStage.ACCEPTED), ("x", ClipStage.REJECTED)])
def test_a_clip_is_accepted_or_rejected_from_the_queue(
    home: Path, key: str, stage: ClipStage
) -> None:
    waiting = next(name for name, at in stages(home).items() if at is ClipStage.IN_REVIEW)
    task = Workspace(home).review_dir() / "tasks" / f"{waiting}.json"
    from oneclick.core.labels import LabelSet  # noqa: F401  (the task is written by the platform)
    from oneclick.stages import review

    with Catalog.open(home) as catalog, catalog.transaction() as connection:
        import sqlalchemy as sa

        from oneclick.catalog import schema

        update = sa.update(schema.clips).where(schema.clips.c.id == waiting)
        connection.execute(update.values(stage="LABELLED"))
    task.unlink()
    assert review.send(home, [waiting]).done == [waiting]

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "4", key, "y")

    drive(shown(home), act)
    assert stages(home)[waiting] is stage


def test_a_model_is_put_into_service_and_taken_back(home: Path) -> None:
    serving = []

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "6", "p", "y")
        serving.append(model_registry.champion(Workspace(home)))
        await press(pilot, "b", "y")
        serving.append(model_registry.champion(Workspace(home)))

    drive(shown(home), act)
    assert serving == ["m3", "m2"]


def test_the_gates_table_is_that_of_the_model_under_the_cursor(home: Path) -> None:
    titles = []

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "6")
        for _ in range(2):
            titles.append(pilot.app.screen.query_one(GatePanel).border_title)
            await press(pilot, "j")
        assert pilot.app.screen.query_one(ModelTable).key == "m1"

    drive(shown(home), act)
    assert titles == ["Gate · m3", "Gate · m2"]


def test_a_trigger_is_tried_before_its_parameter_is_kept(home: Path, tmp_path: Path) -> None:
    dialog_types = []

    class Tried(Commands):
        """The replay is made up: the workspace has no predictions. To keep it is real."""

        def __call__(self, words):
            answer = super().__call__(words)
            if words[1] == "set":
                settings.keep_params(words[2], {"hole": 0.8}, tmp_path)
            return answer

    run = Tried("3 new, 1 gone")

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "2", "j", "j", "t")
        assert isinstance(pilot.app.screen, dialogs.InputDialog)
        pilot.app.screen.query_one(Input).value = "hole=0.8"
        await press(pilot, "enter")
        await settled(pilot)
        for key in ("escape", "y"):
            dialog_types.append(type(pilot.app.screen))
            await press(pilot, key)

    drive(shown(home, run=run), act)
    name = run.run[0][2]
    assert run.run == [
        ("triggers", "try", name, "--set", "hole=0.8"),
        ("triggers", "set", name, "--set", "hole=0.8"),
    ]
    assert dialog_types == [dialogs.TextDialog, dialogs.ConfirmDialog]
    assert settings.load(home=home).triggers.params == {name: {"hole": 0.8}}


def test_parameters_are_kept_beside_what_the_file_says_already(tmp_path: Path) -> None:
    file = tmp_path / "oneclick.toml"
    file.write_text('home = "ward" # ours\n[triggers]\nbudget = 0.01\n')
    settings.keep_params("flicker", {"hole": 0.8}, tmp_path)
    settings.keep_params("flicker", {"hole": 0.5}, tmp_path)
    assert file.read_text() == (
        'home = "ward" # ours\n[triggers]\nbudget = 0.01\n\n[triggers.params.flicker]\nhole = 0.5\n'
    )


@pytest.mark.parametrize(
    ("trigger", "params", "reason"),
    [("flikker", {"hole": 1}, "flikker"), ("flicker", {"whole": 1}, "whole")],
)
def test_parameters_that_are_none_are_not_kept(
    tmp_path: Path, trigger: str, params: dict[str, float], reason: str
) -> None:
    from oneclick.core.errors import OneclickError

    with pytest.raises(OneclickError, match=reason):
        settings.keep_params(trigger, params, tmp_path)
    assert not (tmp_path / "oneclick.toml").exists()


def test_enter_on_a_hit_goes_to_its_clip(home: Path) -> None:
    tui_app = shown(home)

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "2")
        hits = pilot.app.screen.query_one(HitTable)
        hits.focus()
        await press(pilot, "end", "enter")

    drive(tui_app, act)
    assert tui_app.current_mode == "clips"


def test_a_filter_that_is_none_is_said_and_changes_nothing(home: Path) -> None:
    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "3", "slash")
        pilot.app.screen.query_one(Input).value = "colour:red"
        await press(pilot, "enter")
        table = pilot.app.screen.query_one(ClipTable)
        assert len(table.keys()) == 9
        assert "expected a word, or one of" in [*pilot.app._notifications][-1].message
        await press(pilot, "escape", "escape")
        assert pilot.app.screen.focused is table

    drive(shown(home), act)


def test_a_clips_page_follows_the_cursor_and_scrolls(home: Path) -> None:
    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "3", "j", "j", "j")
        page = pilot.app.screen.query_one(ClipPage)
        assert page.border_title == "ward-0-00000005"
        page.focus()
        await press(pilot, "j", "end", "home")
        assert page.top == 0

    drive(shown(home), act, (80, 24))


def test_flows_are_started_with_parameters_and_cancelled(home: Path) -> None:
    run = Commands()

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "5", "c", "y")
        assert isinstance(pilot.app.screen.query_one(RunLog), TextPanel)

    drive(shown(home, run=run), act)
    assert run.run == [("flows", "cancel", "run-1")]


def test_the_doctor_is_asked_in_a_process_of_its_own(home: Path) -> None:
    out = '[{"name": "disk", "ok": false, "detail": "1 GB free: make room"}]'

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "7", "enter")
        assert pilot.app.screen.query_one(DoctorTable).keys() == ["disk"]

    text = "\n".join(drive(shown(home, run=Commands(out, 4)), act))
    assert "✕ disk" in text


def test_the_screens_load_neither_torch_nor_prefect(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from oneclick.report import snapshot_reader\n"
        "from oneclick.tui import frame; from oneclick.tui.app import Oneclick\n"
        "from oneclick.tui.screens.registry import SCREENS\n"
        f"home = Path({str(home)!r})\n"
        "for name in SCREENS:\n"
        "    app = Oneclick(snapshot_reader.SnapshotReader(home), home)\n"
        "    frame.render(app, 'text', (120, 40), name)\n"
        "print(sorted({'torch', 'cv2', 'wandb', 'prefect', 'encord'} & sys.modules.keys()))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert process.stdout == "[]\n", process.stderr


@pytest.mark.parametrize("is_served", [True, False])
def test_o_opens_the_review_page_of_a_clip_or_its_video(
    home: Path, is_served: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr("webbrowser.open", browse)

    async def act(pilot: Pilot[None]) -> None:
        await press(pilot, "3")
        clip = pilot.app.screen.query_one(ClipTable).key
        assert clip is not None
        video = Workspace(home).clip_file(clip)
        video.parent.mkdir(parents=True, exist_ok=True)
        video.touch()
        page = f"http://127.0.0.1:8321/clip/{clip}"
        expected.append(page if is_served else video.absolute().as_uri())
        await press(pilot, "o")

    expected: list[str] = []
    with contextlib.ExitStack() as stack:
        if is_served:
            served = review_address.announced(Workspace(home), "http://127.0.0.1:8321")
            stack.enter_context(served)
        drive(shown(home), act)
    assert opened == expected
