"""What the tests of a running `oneclick up` share: requests with its key, and its processes."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from oneclick.catalog import Catalog
from oneclick.core.clips import ClipStage
from tests.waits import HANG_SECONDS

ROOT = Path(__file__).parents[2]


def standing(home: Path, stage: ClipStage) -> list[str]:
    with Catalog.open(home) as catalog:
        return [row.clip.id for row in catalog.clips(stage=stage)]


def relatives(home: Path) -> list[str]:
    """Living processes that work for this workspace; whoever has no /proc sees none."""
    command_lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"ONECLICK_HOME={home}".encode() in (entry / "environ").read_bytes():
                command_lines.append((entry / "cmdline").read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return command_lines


@functools.cache
def csrf_headers(api: str) -> dict[str, str]:
    answer = httpx.get(f"{api}/csrf-token?client=test", timeout=HANG_SECONDS).raise_for_status()
    return {"Prefect-Csrf-Client": "test", "Prefect-Csrf-Token": answer.json()["token"]}


def without_key(api: str) -> str:
    return re.sub("//.*@", "//", api)


def shell(home: Path) -> dict[str, str]:
    """The environment after `eval "$(oneclick flows env)"`."""
    command = [sys.executable, "-m", "oneclick", "flows", "env", "--home", str(home)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line.removeprefix("export ") for line in process.stdout.splitlines()]
    return os.environ | dict(line.split("=", 1) for line in lines)


def ask(api: str, path: str, method: str = "POST", **body: Any) -> Any:
    """The server's answer; while its database is busy it says 503, and is asked again."""
    deadline = time.monotonic() + HANG_SECONDS
    while True:
        answer = httpx.request(
            method,
            f"{api}/{path}",
            json=body,
            headers=csrf_headers(api),
            timeout=HANG_SECONDS,
        )
        if answer.status_code != 503 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def run_and_watch(api: str, home: Path, deployment: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "prefect", "deployment", "run", deployment, "--watch"],
        cwd=ROOT,
        env=shell(home) | {"PREFECT_LOGGING_LEVEL": "INFO"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr


def artifact(api: str, key: str) -> Any:
    artifacts = ask(api, "artifacts/filter", artifacts={"key": {"any_": [key]}})
    assert artifacts, f"no artifact {key}"
    return max(artifacts, key=lambda row: row["created"])
