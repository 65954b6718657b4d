"""The pictures of the README: screens of the terminal UI over the demo's workspace, as SVG.

oneclick demo --home DIR && python -m tests.bench.pictures DIR tui/pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

from oneclick.report import snapshot_reader
from oneclick.storage import files
from oneclick.tui import frame
from oneclick.tui.app import Oneclick

SHOWN = {"pipeline": (120, 36), "triggers": (120, 36), "train": (120, 36)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    for name, size in SHOWN.items():
        app = Oneclick(snapshot_reader.SnapshotReader(args.home), args.home)
        path = args.out / f"{name}.svg"
        files.write_atomic(path, frame.render(app, "svg", size, name))
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
