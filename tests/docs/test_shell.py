"""A command of the documentation that does not end fails by itself, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.shell import Shell


@pytest.mark.parametrize("line", ["sleep 1000 | cat", "oneclick status --watch 1000"])
def test_a_command_that_does_not_end_is_killed_and_none_is_run_after_it(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "COMMAND_SECONDS", 0.2)
    running = Shell(tmp_path, {})
    try:
        for following in (line, "true"):
            with pytest.raises(AssertionError) as failure:
                running.run(following, tmp_path)
            assert str(failure.value).startswith(f"{line}: does not end within ")
    finally:
        running.close()
