"""Bytes that others may have changed are decoded in one place, whose errors every reader knows.

Tracebacks were looked for at every decoding of such bytes, in addresses of servers, in a full disk
under Prefect's database and in the 81 commands on an absent and an empty workspace; none was found
that is not one line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house import voice

PLACES = ("oneclick/storage/bounded_documents.py", "oneclick/storage/bounded_files.py")
"""Where such bytes are decoded."""
DECODERS = {
    "json.load",
    "json.loads",
    "msgspec.json.decode",
    "msgspec.json.Decoder",
    "msgspec.msgpack.decode",
    "msgspec.msgpack.Decoder",
    "tomllib.load",
    "tomllib.loads",
    "yaml.load",
    "yaml.safe_load",
}
"""Functions with several kinds of exceptions for what is wrong with their input."""
CAUGHT = {"UnicodeDecodeError", "UnicodeError", "ValueError", "Exception"}
ANY_BYTES = {"latin-1", "replace", "backslashreplace", "surrogateescape", "ignore"}
"""Arguments with which no bytes are refused."""


def offenders(text: str) -> list[str]:
    """Return what a module decodes by itself, with its line."""
    return [f"{node.lineno} {name}" for node, name in decodings(ast.parse(text), is_caught=False)]


def decodings(tree: ast.AST, is_caught: bool) -> Iterator[tuple[ast.Call, str]]:
    """Yield calls that decode bytes and raise what nobody here catches."""
    for child in ast.iter_child_nodes(tree):
        catches = is_caught
        if isinstance(tree, ast.Try) and child in tree.body:
            catches |= any(names(handler.type) & CAUGHT for handler in tree.handlers)
        if isinstance(child, ast.With):
            catches |= any(names(item.context_expr) & CAUGHT for item in child.items)
        if isinstance(child, ast.Call):
            function = ast.unparse(child.func)
            refuses = not {a.value for a in constants(child)} & ANY_BYTES
            is_text = function.endswith(".read_text") and function != "bounded_files.read_text"
            if isinstance(child.func, ast.Attribute) and child.func.attr == "decode":
                is_text |= any(a.value in ("utf-8", "ascii") for a in constants(child))
            if function in DECODERS or (is_text and refuses and not catches):
                yield child, function
        yield from decodings(child, catches)


def constants(call: ast.Call) -> list[ast.Constant]:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return [value for value in values if isinstance(value, ast.Constant)]


def names(node: ast.AST | None) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node else set()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("msgspec.json.decode(content)", 1),
        ("try:\n    x = json.loads(content)\nexcept ValueError:\n    x = None", 1),
        ("x = msgspec.json.Decoder(int)", 1),
        ("x = msgspec.msgpack.Decoder(int)", 1),
        ("x = path.read_text('utf-8')", 1),
        ("x = content.decode('utf-8')", 1),
        ("try:\n    x = path.read_text()\nexcept OSError:\n    x = ''", 1),
        ("try:\n    pass\nexcept ValueError:\n    x = path.read_text()", 1),
        ("try:\n    x = path.read_text()\nexcept (OSError, UnicodeDecodeError):\n    x = ''", 0),
        ("with suppress(UnicodeDecodeError):\n    x = path.read_text()", 0),
        ("x = path.read_text(errors='replace') + content.decode('latin-1')", 0),
        ("x = bounded_files.read_text(path, 9) + json.dumps({}) + encoded.decode()", 0),
    ],
)
def test_a_decoding_that_may_end_in_a_traceback_is_named(text: str, count: int) -> None:
    assert len(offenders(text)) == count


@pytest.mark.parametrize("root", ["oneclick", "flows", "tui", "examples/plugin/src"])
def test_bytes_are_decoded_in_one_place(root: str) -> None:
    assert {
        f"{path}:{line}"
        for path in sorted((voice.ROOT / root).rglob("*.py"))
        if str(path.relative_to(voice.ROOT)) not in PLACES
        for line in offenders(path.read_text("utf-8"))
    } == set()
