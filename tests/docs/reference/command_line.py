"""The page of all commands, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from oneclick.cli import output
from oneclick.cli.main import app
from tests.docs import markdown

INTRODUCTION = """\
# Command line

Data goes to stdout, messages and progress bars to stderr, so that every command can stand in a
pipe. `--json` is what programs should read. `-h` and `--help` work after every command.
"""


def commands(
    command: Any = None, path: tuple[str, ...] = ("oneclick",)
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every group and command by its words, in the order of the help."""
    command = typer.main.get_command(app) if command is None else command
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from commands(child, (*path, name))


def render() -> str:
    """Return the page."""
    entries = list(commands())
    rows = [
        [f"[`{' '.join(path)}`](#{'-'.join(path)})", _help(command).partition("\n\n")[0]]
        for path, command in entries
        if not hasattr(command, "commands")
    ]
    parts = [INTRODUCTION, markdown.table(["command", "what it does"], rows), *_exit_codes()]
    for path, command in entries[1:]:
        parts += _command(path, command)
    return markdown.join(*parts)


def _exit_codes() -> list[str]:
    codes = " ".join(output.EXIT_CODES.split()).removeprefix("Exit codes: ").split(" · ")
    rows = [list(code.partition(" ")[::2]) for code in codes]
    return ["## Exit codes", markdown.table(["code", "meaning"], rows)]


def _command(path: tuple[str, ...], command: Any) -> list[str]:
    if hasattr(command, "commands"):
        return [f"## oneclick {' '.join(path[1:])}", _help(command)]
    context = command.make_context(" ".join(path), [], resilient_parsing=True)
    usage = command.get_usage(context).removeprefix("Usage: ")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    parts = [
        f"{'##' if len(path) == 2 else '###'} {' '.join(path)}",
        _help(command),
        markdown.block(" ".join(usage.split())),
    ]
    if arguments:
        rows = [[markdown.code(p.get_usage_pieces(context)[0]), p.help] for p in arguments]
        parts.append(markdown.table(["argument", "meaning"], rows))
    if options:
        rows = [[_names(option, context), _default(option), option.help] for option in options]
        parts.append(markdown.table(["option", "default", "meaning"], rows))
    return parts


def _help(command: Any) -> str:
    return markdown.docstring(inspect.cleandoc(command.help or "")).replace("\f", "")


def _names(option: Any, context: Any) -> str:
    names = markdown.code(option.get_help_record(context)[0])
    repeats = ", may be repeated" if option.multiple else ""
    variable = f"<br>`{option.envvar}`" if option.envvar else ""
    return names + repeats + variable


def _default(option: Any) -> str:
    value = option.default
    if value is None or value is False or callable(value) or value in ((), []):
        return ""
    return markdown.code(str(getattr(value, "value", value)))
