"""Review platforms of other packages: used like ours, and one line where they are broken."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oneclick import report, settings
from oneclick.core import plugins
from oneclick.core.clips import ClipStage
from oneclick.core.errors import UsageError
from oneclick.core.plugins import PluginFailure
from oneclick.platforms import UntrustedWebhook, base, registry
from oneclick.settings import ReviewSettings
from oneclick.stages import erase, review
from oneclick.storage import files, sealed_files
from oneclick.storage.workspace import Workspace
from tests.fakes import clips
from tests.fakes.packages import Install
from tests.waits import HANG_SECONDS

SOURCE = '''
from dataclasses import dataclass
import typer
from oneclick.core.errors import PlatformAway
from oneclick.core.review import Verdict
from oneclick.platforms import (
    ErasureReport, PlatformAdapter, SendResult, UntrustedWebhook, Webhook
)
from oneclick.storage import files
from datetime import UTC, datetime

@dataclass(frozen=True)
class PaperOptions:
    tray: str = "in"
    sheets: int = 1
    colours: tuple[str, ...] = ()
    listen: str = ""

class Paper:
    name = "paper"

    def __init__(self, setup, folder):
        self.setup_, self.folder, self.waiting = setup, folder, []

    def setup(self):
        return [self.check()]

    def check(self):
        return f"tray {self.setup_.section.tray}"

    def send(self, offers):
        for clip, labels in offers:
            files.write_json(self.folder / "records" / f"{clip.id}.json", {"title": "sheet 7"})
            yield SendResult(clip.id)

    def fetch(self, waiting, thorough=True):
        if self.setup_.section.tray == "away":
            raise PlatformAway("the tray is away")
        self.waiting = waiting

    def collect(self):
        for clip in self.waiting:
            at = datetime(2026, 1, 5, tzinfo=UTC)
            yield Verdict(clip=clip, decision="accept", by="anna", at=at)

    def unreadable(self):
        return {}

    def acknowledge(self, verdict):
        pass

    def erase(self, clip):
        return ErasureReport(clip, ("sheet 7",), ("the tray is empty",))

class PaperAdapter(PlatformAdapter):
    name = "paper"
    Options = PaperOptions

    def open(self, setup, workspace, patient=True):
        return Paper(setup, workspace.review_dir() / "paper")

    def validate_options(self, options, selected):
        if selected and options.sheets < 1:
            raise ValueError(f"paper.sheets is {options.sheets}: at least 1")

    def webhook(self, options):
        def check(headers, body, timestamp):
            if body == b"forged":
                raise UntrustedWebhook("forged")
            return body == b"decided"
        return Webhook(options.listen, "/hooks/paper", lambda: check)

    def commands(self):
        app = typer.Typer(help="Commands for paper.")
        @app.command()
        def shred(count: int = 1) -> None:
            """Shred paper."""
            typer.echo(f"shredded {10 // count}")
        @app.command()
        def fold() -> None:
            """Fold paper."""
        return app
'''
LINE = "plug-in acme-paper 1.2: review platform 'paper': "
"""How each line about it begins."""


def put(install: Install, changes: dict[str, str] | None = None, name: str = "paper") -> None:
    text = SOURCE
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    install("acme-paper", text, {name: "PaperAdapter"}, plugins.PLATFORMS)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace in a folder where paper is the review platform."""
    monkeypatch.chdir(tmp_path)
    configure('[review]\nplatform = "paper"\n')
    return tmp_path / "home"


def configure(text: str) -> None:
    Path(settings.CONFIG_FILE).write_text(text)


def test_clips_are_sent_and_collected_there_and_known_by_their_title(
    install: Install, home: Path
) -> None:
    put(install)
    assert "acme_paper" not in sys.modules
    choice = settings.load(home=home).review_platform()
    assert "acme_paper" not in sys.modules
    ids = [clip.id for clip in clips.labelled(home, 2)]
    assert review.setup(home, choice) == ["tray in"]
    assert review.send(home, ids, choice).done == ids
    assert report.clip(home, ids[0]).known_as == {"paper": "sheet 7"}
    result = review.collect(home, choice)
    assert (result.done, result.failed) == (ids, {})
    assert {row.stage for row in report.clips(home)} == {ClipStage.ACCEPTED}


def test_its_section_is_read_with_its_own_options(install: Install, home: Path) -> None:
    put(install)
    configure('[review]\nplatform = "paper"\n[review.paper]\ntray = "out"\nsheets = 3\n')
    choice = settings.load(home=home).review_platform()
    assert (choice.section.tray, choice.section.sheets) == ("out", 3)
    assert pickle.loads(pickle.dumps(choice)) == choice
    assert registry.open_platform(choice, Workspace(home)).check() == "tray out"


def test_the_environment_sets_its_options(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(install)
    monkeypatch.setenv("ONECLICK_REVIEW__PAPER__SHEETS", "5")
    section = settings.load().review_platform().section
    assert (section.tray, section.sheets) == ("in", 5)
    monkeypatch.setenv("ONECLICK_REVIEW__PAPER", '{"tray": "side"}')
    monkeypatch.delenv("ONECLICK_REVIEW__PAPER__SHEETS")
    assert settings.load().review_platform().section.tray == "side"
    monkeypatch.delenv("ONECLICK_REVIEW__PAPER")
    monkeypatch.setenv("ONECLICK_REVIEW__PAPER__COLOURS", '["red", "blue"]')
    monkeypatch.setenv("ONECLICK_REVIEW__PAPER__TRAY", "[left]")
    section = settings.load().review_platform("paper").section
    assert (section.tray, section.colours) == ("[left]", ("red", "blue"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[review.paper]\nsheets = 'many'\n", "review.paper.sheets: Input should be a valid int"),
        ("[review.paper]\nshets = 2\n", "review.paper.shets: Unexpected keyword argument"),
        ("[review]\nplatform='paper'\n[review.paper]\nsheets = 0\n", "paper.sheets is 0: at least"),
        ("[review]\npaper = 3\n", "review.paper: Input should be a dictionary"),
        ("[review]\npaper = 'x'\n", "section review.paper is not JSON"),
        ("[review.cloth]\ntray = 'in'\n", "no review platform is called 'cloth'; known: local, "),
        ("[review]\nplatform = 'cloth'\n", "review.platform: no review platform is called 'cloth'"),
        ("[review]\ngoals = [1, 2]\n", "review.goals: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_section_is_one_line(install: Install, text: str, message: str) -> None:
    put(install)
    configure(text)
    with pytest.raises(UsageError) as error:
        settings.load()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_contradictions_are_refused_where_it_is_selected_without_a_section(
    install: Install, home: Path
) -> None:
    put(install, {"sheets: int = 1": "sheets: int = 0"})
    choice = settings.load(home=home).review_platform()
    with pytest.raises(UsageError, match=r"settings: paper\.sheets is 0: at least 1"):
        registry.open_platform(choice, Workspace(home))


BROKEN = {
    "import error": (
        {"import typer": "import acme_is_away"},
        "cannot be imported: ModuleNotFoundError: No module named 'acme_is_away'",
    ),
    "wrong protocol": ({"(PlatformAdapter)": ""}, "is not a class derived from PlatformAdapter"),
    "no open": ({"def open(": "def start("}, "has no method open(setup, workspace, patient)"),
    "another's name": (
        {'Adapter):\n    name = "paper"': 'Adapter):\n    name = "cloth"'},
        "has name = 'cloth'; it must be that of its entry point",
    ),
    "no default": ({'tray: str = "in"': "tray: str"}, "option 'tray' has no default"),
    "not frozen": (
        {"(frozen=True)": "()"},
        "Options is not frozen: write @dataclass(frozen=True)",
    ),
    "no dataclass": ({"Options = PaperOptions": "Options = dict"}, "Options is not a dataclass"),
    "raises when opened": (
        {
            "return Paper(": "return str(5)(",
        },
        "raised while it was opened: TypeError: 'str' object is not callable",
    ),
    "no method": ({"def acknowledge(": "def confirm("}, "its platform has no method acknowledge"),
    "raises while sending": ({"yield SendResult(clip.id)": "1 / 0"}, "raised while it ran: ZeroDi"),
    "answers nonsense": ({"yield SendResult(clip.id)": "yield clip.id"}, "send answered a str; it"),
    "an unknown clip": (
        {"yield SendResult(clip.id)": 'yield SendResult("x")'},
        "send answered 'x', which is no offer",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("section", ["", '[review.paper]\ntray = "out"\n'])
def test_one_that_is_broken_is_one_line_and_our_own_queue_goes_on(
    install: Install, home: Path, case: str, section: str
) -> None:
    changes, reason = BROKEN[case]
    first, second = (clip.id for clip in clips.labelled(home, 2))
    assert review.send(home, [first]).done == [first]
    review.give_verdict(home, [first], "accept", "annotator-1")
    put(install, changes)
    configure(f'[review]\nplatform = "paper"\n{section}')
    choice = settings.load(home=home).review_platform()
    batch = review.send(home, [second], choice)
    assert list(batch.failed) == ["paper"]
    assert batch.failed["paper"].startswith(LINE + reason)
    assert "\n" not in batch.failed["paper"]
    assert review.collect(home, choice).done == [first]
    stages = {row.id: row.stage for row in report.clips(home)}
    assert stages == {first: ClipStage.ACCEPTED, second: ClipStage.LABELLED}


RUNNING = {
    "raises while fetching": ({"self.waiting = waiting": "1 / 0"}, "raised while it ran: ZeroDiv"),
    "answers nonsense": ({"yield Verdict(": "yield dict("}, "collect answered a dict; it must be"),
    "raises when told": (
        {"verdict):\n        pass": "verdict):\n        1 / 0"},
        "raised while it ran: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("case", RUNNING)
def test_one_that_fails_while_it_collects_loses_no_verdict_of_our_own_queue(
    install: Install, home: Path, case: str
) -> None:
    changes, reason = RUNNING[case]
    first, second = (clip.id for clip in clips.labelled(home, 2))
    put(install, changes)
    choice = settings.load(home=home).review_platform()
    assert review.send(home, [second], choice).done == [second]
    review.send(home, [first])
    review.give_verdict(home, [first], "accept", "annotator-1")
    result = review.collect(home, choice)
    assert first in result.done
    assert LINE + reason in " ".join(result.failed.values())
    if "paper" in result.failed:
        trouble: dict[str, str] = sealed_files.read(Workspace(home).review_trouble)
        assert trouble["text"] == result.failed["paper"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('decision="accept"', 'decision="maybe"', "a verdict has decision = 'maybe'"),
        ('by="anna"', "by=None", "a verdict has by = None"),
        (", tzinfo=UTC", "", "a verdict has at = datetime.datetime(2026, 1, 5, 0, 0)"),
        ('by="anna"', 'by="anna", seconds=float("nan")', "a verdict has seconds = nan"),
        ('by="anna"', 'by="anna", tracks=[1]', "a verdict has tracks = [1]"),
    ],
)
def test_a_wrong_verdict_is_named_with_its_clip(
    install: Install, home: Path, old: str, new: str, reason: str
) -> None:
    put(install, {old: new})
    choice = settings.load(home=home).review_platform()
    ids = [clip.id for clip in clips.labelled(home, 1)]
    review.send(home, ids, choice)
    result = review.collect(home, choice)
    assert (result.done, list(result.failed)) == ([], ids)
    assert result.failed[ids[0]].startswith(f"{LINE}{reason}")


@pytest.mark.parametrize("error", ["PlatformAway", "BadInput", "PlatformRefused", "Unavailable"])
def test_what_it_says_in_its_own_words_stays(install: Install, home: Path, error: str) -> None:
    put(install, {"import PlatformAway": f"import {error} as PlatformAway"})
    configure('[review]\nplatform = "paper"\n[review.paper]\ntray = "away"\n')
    choice = settings.load(home=home).review_platform()
    ids = [clip.id for clip in clips.labelled(home, 1)]
    review.send(home, ids, choice)
    assert review.collect(home, choice).failed == {"paper": "the tray is away"}


def test_an_erasure_there_leaves_a_receipt(install: Install, home: Path) -> None:
    put(install)
    choice = settings.load(home=home).review_platform()
    ids = [clip.id for clip in clips.labelled(home, 1)]
    review.send(home, ids, choice)
    assert erase.erase(home, ids, choice, "carla").done == ids
    (receipt,) = Workspace(home).receipts_dir().iterdir()
    assert files.read_json(receipt, dict[str, Any])["held"] == ["sheet 7"]


def test_what_reading_our_own_clips_raises_is_not_its_fault(install: Install, home: Path) -> None:
    put(install)
    platform = registry.open_platform(settings.load().review_platform(), Workspace(home))

    def offers() -> Any:
        raise MemoryError("ours")
        yield

    with pytest.raises(MemoryError, match="ours"):
        list(platform.send(offers()))


def test_its_webhook_is_served_and_its_check_isolated(install: Install) -> None:
    put(install, {'if body == b"forged":': 'if not len(headers) and body == b"forged":'})
    configure('[review]\nplatform = "paper"\n[review.paper]\nlisten = "127.0.0.1:0"\n')
    webhook = registry.open_webhook(settings.load().review_platform())
    assert webhook is not None
    assert (webhook.address, webhook.path) == ("127.0.0.1:0", "/hooks/paper")
    check = webhook.open_check()
    assert [check({}, body, 0.0) for body in (b"decided", b"moved")] == [True, False]
    with pytest.raises(UntrustedWebhook):
        check({}, b"forged", 0.0)
    with pytest.raises(PluginFailure, match="raised while it checked a request: TypeError"):
        check(None, b"decided", 0.0)  # type: ignore[arg-type]


def test_no_platform_has_the_name_of_a_setting(install: Install) -> None:
    assert set(ReviewSettings.model_fields) <= base.RESERVED
    put(install, {'name = "paper"': 'name = "goal"'}, "goal")
    ((_, failure),) = registry.GROUP.check()
    assert "the name 'goal' means something else" in str(failure)


def oneclick(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that sees the installed package."""
    program = f"import sys; sys.path[:0] = {sys.path!r}; from oneclick.cli import main; main.run()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )


def test_its_commands_are_listed_without_importing_it(install: Install) -> None:
    put(install, {"import typer": "import typer; print('imported')"})
    listing = oneclick("review", "--help").stdout
    assert "imported" not in listing
    assert "paper" in listing
    assert "acme-paper 1.2" in listing
    help_text = oneclick("review", "paper", "--help").stdout
    assert "Commands for paper." in help_text
    assert "Shred paper." in help_text


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["shred"], 0, "shredded 10"),
        (["shred", "--count", "5"], 0, "shredded 2"),
        (["shred", "--count", "0"], 1, f"oneclick: {LINE}raised while it ran: ZeroDivisionError"),
        (["shred", "--count", "x"], 2, "should be a valid integer"),
        (["burn"], 2, "No such command 'burn'"),
    ],
)
def test_its_commands_run_in_isolation(
    install: Install, arguments: list[str], code: int, text: str
) -> None:
    put(install)
    process = oneclick("review", "paper", *arguments)
    assert process.returncode == code, process.stderr
    assert text in process.stdout + process.stderr
    assert "Traceback" not in process.stderr


def test_one_without_commands_says_so(install: Install) -> None:
    put(install, {"        return app\n": "        return None\n"})
    process = oneclick("review", "paper", "shred")
    assert process.returncode == 2
    assert "review platform paper has no commands of its own" in process.stderr
