"""What the pages name exists: commands, options, settings, files and headings."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

import oneclick
from oneclick import settings
from tests.docs import generate
from tests.docs.pages import ROOT, Page, all_pages, written_pages
from tests.docs.reference import command_line
from tests.docs.reference.settings import all_settings, sections

PAGES = pytest.mark.parametrize("page", written_pages(), ids=lambda page: page.name)
COMMANDS = dict(command_line.commands())
GROUPS = {path for path, command in COMMANDS.items() if hasattr(command, "commands")}
SETTINGS = {".".join(setting.path): setting for setting in all_settings()}
SECTIONS = {".".join(path) for path, _ in sections(settings.Settings)}


def unknown(line: str) -> list[str]:
    """Return the command, or its options, that a command line names and that do not exist."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    words = words[words.index("oneclick") :]
    path: tuple[str, ...] = ()
    while words and (*path, words[0]) in COMMANDS:
        path = (*path, words.pop(0))
    if path in GROUPS and words and re.fullmatch(r"[a-z]+", words[0]):
        return [f"{' '.join(path)} {words[0]}"]
    options_of = COMMANDS[path].params
    names = {name for option in options_of for name in (*option.opts, *option.secondary_opts)}
    names |= {"--help", "-h"}
    options = [argument.partition("=")[0] for argument in words if re.match(r"--?[a-z]", argument)]
    return [f"{' '.join(path)} {option}" for option in options if option not in names]


def lines_of(page: Page) -> list[str]:
    """Return every command line of oneclick on a page, whether a reader can run it or not."""
    lines = [*page.commands(), *page.prompts(), *page.inline()]
    return [line for line in lines if re.match(r"(uv run )?oneclick [a-z-]", line)]


@PAGES
def test_commands_and_options_exist(page: Page) -> None:
    assert [name for line in lines_of(page) for name in unknown(line)] == []


@PAGES
def test_settings_and_variables_exist(page: Page) -> None:
    keys = [re.split(r"\s*=", text)[0] for text in page.inline()]
    named = [key for key in keys if re.fullmatch(r"(detect|triggers|review|train)\.[a-z_.]+", key)]
    variables = set(re.findall(r"ONECLICK_[A-Z_]+[A-Z]", page.text))
    assert [key for key in named if not _is_setting(key)] == []
    assert variables - {setting.variable for setting in SETTINGS.values()} - in_code() == set()


@cache
def in_code() -> set[str]:
    """Return the environment variables that code asks for by name: they are no settings."""
    paths = [path for name in ("oneclick", "flows", "tui") for path in (ROOT / name).rglob("*.py")]
    return {
        name for path in paths for name in re.findall(r'"(ONECLICK_[A-Z_]+)"', path.read_text())
    }


def _is_setting(key: str) -> bool:
    """Check a key; what lies inside a table, or in the section of a plug-in, is its own affair."""
    parents = [key.rsplit(".", count)[0] for count in range(1, key.count(".") + 1)]
    tables = [name for name in parents if name in SETTINGS and "by" in SETTINGS[name].kind]
    return key in SETTINGS or key in SECTIONS or bool(tables)


@pytest.mark.parametrize("page", [p for p in written_pages() if not p.files()], ids=str)
def test_examples_of_oneclick_toml_are_settings(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in page.blocks("toml"):
        Path(settings.CONFIG_FILE).write_text(text)
        settings.load()


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    dead = []
    for target in page.links():
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors()):
            dead.append(target)
    assert dead == []


def test_every_command_is_explained_beside_the_reference() -> None:
    lines = [" ".join(line.split()) for page in written_pages() for line in lines_of(page)]
    names = [" ".join(path) for path in COMMANDS if path not in GROUPS]
    assert [n for n in names if not any(re.search(rf"{n}\b", line) for line in lines)] == []


def test_the_reference_is_what_the_code_says() -> None:
    assert generate.outdated(generate.pages()) == [], "python -m tests.docs.generate"


def test_every_page_of_the_docs_stands_in_the_navigation() -> None:
    navigation = (ROOT / "zensical.toml").read_text("utf-8")
    pages = [page.path.relative_to(ROOT / "docs") for page in all_pages() if "docs/" in page.name]
    assert [str(path) for path in pages if f'"{path.as_posix()}"' not in navigation] == []


def test_the_newest_heading_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    versions = [heading for heading in headings if heading != "Unreleased"]
    assert versions[0] == oneclick.__version__
    assert f'version = "{oneclick.__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
