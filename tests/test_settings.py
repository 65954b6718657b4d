"""Settings: defaults that work, one line for what cannot be.

A store that keeps nothing was looked for wherever an address of one is taken: training server,
bucket of Encord and backup; the last two took `memory://` and said that all was done, and refuse it
now.
"""

from pathlib import Path

import pytest

from oneclick import settings
from oneclick.core.errors import UsageError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_everything_works_with_nothing_set() -> None:
    loaded = settings.load()
    assert loaded.home == Path("workspace")
    assert loaded.triggers.budget == 0.001


def test_the_environment_beats_the_file_and_an_argument_beats_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / settings.CONFIG_FILE).write_text('home = "a"\nbatch = 7\n[triggers]\ngap = 3.0\n')
    assert (settings.load().home, settings.load().batch) == (Path("a"), 7)
    monkeypatch.setenv("ONECLICK_HOME", "b")
    monkeypatch.setenv("ONECLICK_TRIGGERS__BUDGET", "0.01")
    loaded = settings.load()
    assert (loaded.home, loaded.triggers.budget, loaded.triggers.gap) == (Path("b"), 0.01, 3.0)
    assert settings.load(home=Path("c")).home == Path("c")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[triggers]\nbudget = 2.0\n", "triggers.budget"),
        ("[triggers]\ncontrol = -0.1\n", "triggers.control"),
        ('[detect]\npredictor = "opencv:hog"\nrival = "opencv:hog"\n', "opencv:hog"),
        ("unknown = 1\n", "unknown"),
        ("batch = 0\n", "batch"),
        ("classes = []\n", "classes: is empty"),
        ('classes = ["person", ""]\n', "classes: a name is empty"),
        ('classes = ["person", "ignore"]\n', "classes: 'ignore' is no class"),
        ('classes = ["person", "person"]\n', "classes: 'person' stands there twice"),
        ("[train]\nseed = -1\n", "train.seed"),
        ("[train]\neffort = inf\n", "train.effort"),
        ("[train.draw]\nflicker = inf\n", "train.draw.flicker"),
        ('home = ""\n', "home: is empty"),
        ('[train]\nserver = "memory://x"\n', "train.server: memory:// keeps no files"),
        ('[train]\nserver = "zip://"\n', "train.server: zip:// keeps no files"),
        ('[train]\nserver = "simplecache::s3://x"\n', "train.server: simplecache"),
        ("a" + ".a" * 50_000 + " = 1\n", "a key of too many parts"),
        ("classes = " + "[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ('runner = "cloud"\n', "runner"),
        ("this is not toml", "oneclick.toml"),
        ('[sources]\ntimezone = "Middle/Earth"\n', "sources.timezone: 'Middle/Earth' is no time"),
        ("[sources]\npattern = '(?P<room>x)'\n", "sources.pattern"),
        ("[sources]\nsettle = 3\n", "sources.settle"),
        ('[review]\nplatform = "encord"\naccept_auto = true\n', "accept_auto"),
        ('[review]\nplatform = "paper"\n', "review.platform"),
        ("[review.encord]\nuploads = 0\n", "uploads is 0"),
        ('[review.encord]\nprojekt = "ward"\n', "review.encord.projekt"),
        (
            '[review]\nplatform = "encord"\n[review.encord]\nupload = "bucket"\n',
            "encord.bucket is missing",
        ),
        (
            '[review]\nplatform = "encord"\n[review.encord]\nupload = "bucket"\n'
            'bucket = "memory://x"\nintegration = "ours"\n',
            "memory:// keeps no files",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / settings.CONFIG_FILE).write_text(text)
    with pytest.raises(UsageError, match=named) as excinfo:
        settings.load()
    assert "\n" not in str(excinfo.value)


def test_settings_that_are_not_utf8_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / settings.CONFIG_FILE).write_bytes(b'classes = ["\xff"]\n')
    with pytest.raises(UsageError, match=r"oneclick\.toml is not UTF-8"):
        settings.load()
    with pytest.raises(UsageError, match=r"oneclick\.toml is not UTF-8"):
        settings.keep_params("flicker", {"hole": 0.5}, tmp_path)


SOURCES: dict[str, tuple[str, dict[str, object]]] = {
    "as it was": ('sources = ["/a", "s3://b"]\n', {"paths": ("/a", "s3://b")}),
    "a section": (
        '[sources]\npaths = ["/a"]\ntimezone = "Europe/Berlin"\nsettle_s = 0\n',
        {"paths": ("/a",), "timezone": "Europe/Berlin", "settle_s": 0},
    ),
    "one pattern": (
        "[sources]\npattern = '(?P<camera>x)'\n",
        {"paths": (), "pattern": ("(?P<camera>x)",)},
    ),
}


@pytest.mark.parametrize("case", SOURCES)
def test_sources_are_a_list_or_a_section(tmp_path: Path, case: str) -> None:
    text, values = SOURCES[case]
    (tmp_path / settings.CONFIG_FILE).write_text(text)
    loaded = settings.load().sources
    assert {name: getattr(loaded, name) for name in values} == values


def test_the_environment_adds_to_a_list_of_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / settings.CONFIG_FILE).write_text('sources = ["/a"]\n')
    monkeypatch.setenv("ONECLICK_SOURCES__TIMEZONE", "Asia/Tokyo")
    loaded = settings.load().sources
    assert (loaded.paths, loaded.timezone) == (("/a",), "Asia/Tokyo")
    monkeypatch.setenv("ONECLICK_SOURCES", '["/b"]')
    assert settings.load().sources.paths == ("/b",)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": -1}, "train.seed"),
        ({"seed": 2**45}, "train.seed"),
        ({"effort": float("inf")}, "train.effort"),
        ({"effort": 0.0}, "train.effort"),
        ({"steps": -1}, "train.steps"),
    ],
)
def test_an_option_of_one_training_is_checked_as_the_setting_it_replaces(
    changes: dict[str, float], named: str
) -> None:
    with pytest.raises(UsageError, match=f"^settings: {named}: "):
        settings.load().train_options(**changes)  # type: ignore[arg-type]
