"""The timeline over two cameras with recordings, on a real socket."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tests.web import recordings
from tests.web.browser.review_site import ReviewSite
from tests.web.recordings import START, hit

HITS = (
    hit("flicker", 100),
    hit("flicker", 140, why="the box flickers twice in a second"),
    hit("jump", 300, why="the box jumps 80 px"),
)


def furnish(home: Path) -> None:
    """Add recordings of two cameras, one of them not looked at, and one without a date."""
    recordings.add_recording(home, "hall", hits=HITS)
    later = START + timedelta(minutes=3)
    recordings.add_recording(home, "hall", started_at=later, seconds=30, is_scanned=False)
    recordings.add_recording(home, "door", hits=HITS[:1], seconds=20)
    recordings.add_recording(home, "door", started_at=None, seconds=6, hits=HITS[:1])


@contextlib.contextmanager
def served(home: Path) -> Iterator[ReviewSite]:
    """Serve a workspace with clips that wait, and recordings; viewers see blurred frames."""
    furnish(home)
    with ReviewSite(home, 1, local={"blur_for": ["viewer"]}).served() as site:
        yield site
