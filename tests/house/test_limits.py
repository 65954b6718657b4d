"""No test has a limit on time that a busy machine breaks: only a hang ends its waits."""

from __future__ import annotations

import ast

import pytest

from tests.house import voice

VERBS = {"get", "post", "put", "patch", "delete", "request", "stream", "Client", "AsyncClient"}
"""Of httpx, which waits 5 s for an answer where it is not told how long."""


def offenders(text: str) -> list[str]:
    """Return the lines of a test with a limit of some seconds."""
    return [
        f"{node.lineno} {ast.unparse(node.func)}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and is_impatient(node)
    ]


def is_impatient(call: ast.Call) -> bool:
    """Check whether a call waits for a number of seconds, or for the few that httpx does."""
    values = {keyword.arg: keyword.value for keyword in call.keywords}
    if "timeout" in values:
        return isinstance(values["timeout"], ast.Constant) and bool(values["timeout"].value)
    function = ast.unparse(call.func)
    return function in {f"httpx.{verb}" for verb in VERBS} and "transport" not in values


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("httpx.get(url)", 1),
        ("with httpx.Client(base_url=url) as client:\n    client.get('/')", 1),
        ("subprocess.run(command, timeout=120)", 1),
        ("subprocess.run(command, timeout=HANG_SECONDS)", 0),
        ("httpx.get(url, timeout=HANG_SECONDS)", 0),
        ("httpx.Client(transport=application)", 0),
        ("server.accept(timeout=0)", 0),
    ],
)
def test_a_limit_of_some_seconds_is_named(text: str, count: int) -> None:
    assert len(offenders(text)) == count


def test_tests_wait_for_what_they_need() -> None:
    assert {
        f"{path}:{line}"
        for path in sorted((voice.ROOT / "tests").rglob("*.py"))
        if path.relative_to(voice.ROOT).parts[1] != "bench"
        for line in offenders(path.read_text("utf-8"))
    } == set()
