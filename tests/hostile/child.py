"""Reads hostile files, each in a fork of one process, and prints what came of it as JSON lines.

`python -m tests.hostile.child FOLDER`: the folder is for the files. Each fork is bounded in memory
far above what the tests allow, so that a reader that goes wild harms no one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from oneclick import formats, settings, video
from oneclick.core.errors import OneclickError
from oneclick.detectors import onnx
from oneclick.stages import fetch, import_
from tests.hostile import cases, datasets, files

SAFETY = 4 << 30
"""Bytes of address space that a fork may take beyond what it begins with."""
Outcome = tuple[int, list[str]]
"""Good files that went in, and the lines about others."""


def import_dataset(format: str) -> Callable[[Path, Path], Outcome]:
    """Return a reader of datasets of that format."""

    def read(root: Path, home: Path) -> Outcome:
        options = import_.ImportOptions(camera="ward")
        result = import_.import_(home, root, format, ("person", "chair"), options).result
        return len(result.done), list(result.failed.values())

    return read


def fetch_recordings(root: Path, home: Path) -> Outcome:
    """Fetch the recordings of a folder."""
    result = fetch.fetch(home, [str(root)])
    return len(result.done), list(result.failed.values())


def command(arguments: Callable[[Path], list[str]]) -> Callable[[Path, Path], Outcome]:
    """Return a reader that runs a command: its lines on stderr but the first, if it goes on."""

    def read(root: Path, home: Path) -> Outcome:
        from oneclick.cli import main

        talk = io.StringIO()
        sys.argv = ["oneclick", *arguments(root)]
        code: Any = 0
        with contextlib.redirect_stderr(talk), contextlib.redirect_stdout(io.StringIO()):
            try:
                main.run()
            except SystemExit as end:
                code = end.code
        lines = talk.getvalue().splitlines()
        good = sum(line.startswith(f"{root}/out.txt: ") for line in lines)
        return good, lines[good:] if code else [f"exit code {code}"]

    return read


def load_settings(root: Path, home: Path) -> Outcome:
    """Load the settings of a folder."""
    os.chdir(root)
    settings.load()
    return 1, []


def load_onnx(root: Path, home: Path) -> Outcome:
    """Load a model."""
    onnx.load(str(root / "m.onnx"))
    return 1, []


READERS: dict[str, Callable[[Path, Path], Outcome]] = {
    **{name: import_dataset(name) for name in formats.OWN_NAMES},
    "video": fetch_recordings,
    "scan": command(lambda root: ["triggers", "scan", str(root / "b.txt")]),
    "hindsight": command(
        lambda root: [
            "label",
            "hindsight",
            f"{root}/a.txt",
            f"{root}/b.txt",
            "-o",
            f"{root}/out.txt",
        ]
    ),
    "settings": load_settings,
    "onnx": load_onnx,
}


def read(case: cases.Case, root: Path) -> dict[str, Any]:
    """Read one case; return lines, good files, seconds and megabytes."""
    case.write(root)
    home = root.parent / f"{root.name}-home"
    reader = READERS[case.reader]
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + SAFETY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before, start = peak_kilobytes(), time.monotonic()
    trouble = ""
    try:
        good, lines = reader(root, home)
    except OneclickError as error:
        good, lines = 0, [str(error)]
    except BaseException:
        good, lines, trouble = 0, [], traceback.format_exc()
    return {
        "good": good,
        "lines": lines,
        "trouble": trouble,
        "seconds": time.monotonic() - start,
        "megabytes": (peak_kilobytes() - before) / 1024,
    }


def peak_kilobytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def no_file(path: Path) -> None:
    """Write nothing."""


def warm_up(root: Path) -> None:
    """Read one good file of each kind, so that all that readers import is there before a fork."""
    cv2.setNumThreads(1)  # its threads would not be there in a fork
    for k, name in enumerate(formats.OWN_NAMES):
        folder = root / name
        folder.mkdir()
        good = {
            "coco": lambda f: datasets.coco(f, files.content(datasets.coco_document(["1.jpg"]))),
            "yolo": lambda f: datasets.yolo(f, None, None, None),
            "mot": datasets.mot,
            "cvat": lambda f: datasets.cvat(f, files.content(files.CVAT)),
            "datumaro": lambda f: datasets.datumaro(f, no_file),
            "labelstudio": lambda f: datasets.labelstudio(f, no_file),
            "fiftyone": lambda f: datasets.fiftyone(f, no_file),
        }[name]
        good(folder)
        assert READERS[name](folder, root / f"home{k}")[1] == []
    files.film(root / "film/a.mp4")
    video.probe(root / "film/a.mp4")
    assert fetch_recordings(root / "film", root / "home")[0] == 1
    datasets.detections(root, files.content("1,-1,1,2,9,9,1\n"))
    READERS["scan"](root, root)
    READERS["hindsight"](root, root)


def report(outcome: dict[str, Any]) -> None:
    """Write one JSON line."""
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()


def main(root: Path, names: list[str]) -> None:
    """Read all cases, or those named, and print a JSON line for each."""
    table = cases.cases()
    (root / "warm").mkdir()
    warm_up(root / "warm")
    for number, name in enumerate(names or table):
        folder = root / f"{number}" / "in"
        folder.mkdir(parents=True)
        sys.stdout.flush()
        if pid := os.fork():
            _, status = os.waitpid(pid, 0)
            if status:
                report({"case": name, "trouble": f"ended with {status}"})
            continue
        report({"case": name, **read(table[name], folder)})
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
