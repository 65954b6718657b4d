"""A camera over RTSP, `oneclick live` that watches it, and the pages that show it: all real."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import cv2

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.services import review_address
from oneclick.stages import fetch, predict, trigger
from oneclick.stages.trigger import TriggerOptions
from oneclick.storage import live_state, predictions
from oneclick.storage.live_ring import RingHeader, RingReader
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts import audit_check
from oneclick.web.accounts.users import Users
from tests.detectors import tiny_onnx
from tests.fakes import gstreamer
from tests.waits import HANG_SECONDS, wait_until
from tests.web import live_camera
from tests.web.site import PASSWORD, PASSWORDS

CAMERA = "hall"
NUMBERS = 320
"""Pictures until the camera begins again: four walks."""
GONE = (10, 11)
"""Pictures of twenty in which the person is not to be seen: a gap that flicker finds."""
SEARCH = TriggerOptions(enabled=["flicker"], budget=0, min_clips=0)
"""Finds hits, and selects no clip: that is left to who looks."""
AROUND = 1.6
"""Seconds beside a hit that a clip of it has, and a little more."""


def is_there(number: int) -> bool:
    """Check that the person is in the picture of a number."""
    return number % 20 not in GONE


@dataclass(frozen=True)
class Recorded:
    """A recording of the camera in which a hit lies well inside."""

    video: Video
    hit: Hit
    detections: Detections
    """Stored predictions."""
    numbers: list[int]
    """Burnt into its frames."""

    def time_of(self, frame: int) -> float:
        """Return unix seconds of a frame."""
        taken = self.video.taken_at(frame)
        assert taken is not None
        return taken.timestamp()


class LiveSite:
    """The workspace of one camera."""

    password = PASSWORD

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.origin = folder, folder / "home", ""
        self.workspace = Workspace(self.home)
        self.detector = f"onnx:{tiny_onnx.square(folder / 'square.onnx')}"
        self.ring = RingReader(live_state.ring_folder(self.home, CAMERA))

    @contextlib.contextmanager
    def running(self) -> Iterator[LiveSite]:
        """Run camera, watcher and pages, each in a process of its own."""
        pictures = self._draw_pictures()
        with gstreamer.server("h264", pictures=pictures) as port, contextlib.ExitStack() as stack:
            self._write_settings(port)
            self._add_users()
            for arguments in (("live",), ("review", "serve", "--at", "127.0.0.1:0")):
                stack.enter_context(self._process(*arguments))
            wait_until(lambda: review_address.find_running(self.workspace), self.log)
            self.origin = review_address.find_running(self.workspace) or ""
            yield self

    def newest(self, count: int) -> list[RingHeader]:
        """Return what is known about the newest pictures."""
        return self.ring.headers(0, time.time() + 60)[-count:]

    def acts(self) -> list[tuple[str, str, str, str]]:
        """Return user, act, subject and outcome of all entries of the audit log; it is whole."""
        assert audit_check.verify(self.workspace).problems == []
        entries = audit_check.read_entries(self.workspace)
        return [(entry.user, entry.act, entry.clip, entry.outcome) for entry in entries]

    def log(self) -> str:
        """Return what the processes have said."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    @cached_property
    def recorded(self) -> Recorded:
        """Fetch and search what is recorded, as `collect` does, until there is a hit in it."""
        count = 0
        while True:
            wait_until(partial(self._has_closed, count + 1), self.log)
            count = len(self._closed())
            fetched = fetch.fetch(self.home, live_state.recording_sources(self.home))
            predict.predict(self.home, fetched.done, self.detector, ["person"])
            trigger.trigger(self.home, self.detector, None, SEARCH)
            if recorded := self._find_hit():
                return recorded

    def _closed(self) -> list[Path]:
        return [*live_state.recordings_folder(self.home, CAMERA).glob("[!.]*.mkv")]

    def _has_closed(self, count: int) -> bool:
        return len(self._closed()) >= count

    def _find_hit(self) -> Recorded | None:
        with Catalog.open(self.home) as catalog:
            for each in catalog.videos():
                for _, hit in catalog.hits(each.id):
                    stretch = each.timing.stretch_at(hit.span.start, each.frames)
                    before = each.seconds_at(hit.span.start) - each.seconds_at(stretch.start)
                    after = each.seconds_at(stretch.stop - 1) - each.seconds_at(hit.span.stop)
                    if min(before, after) > AROUND:
                        return self._describe(each, hit)
        return None

    def _describe(self, recording: Video, hit: Hit) -> Recorded:
        (path,) = self.workspace.predictions(recording.id, "-").parent.glob("*.parquet")
        images = video.frames(self.workspace.video_file(recording))
        numbers = [live_camera.number_in(image) for image in images]
        return Recorded(recording, hit, predictions.load(path), numbers)

    def _draw_pictures(self) -> str:
        folder = self.folder / "pictures"
        folder.mkdir()
        for number in range(NUMBERS):
            picture = live_camera.draw(number, is_there(number))
            assert cv2.imwrite(str(folder / f"{number:05d}.png"), picture)
        return f"{folder}/%05d.png"

    def _write_settings(self, port: int) -> None:
        secrets = self.folder / "cameras.toml"
        user, password = gstreamer.SECRET.user, gstreamer.SECRET.password
        secrets.write_text(f'[{CAMERA}]\nuser = "{user}"\npassword = "{password}"\n')
        secrets.chmod(0o600)
        (self.folder / "oneclick.toml").write_text(
            f"""[live]
            credentials = "{secrets}"
            models = ["{self.detector}"]
            segment_minutes = 0.1
            [live.cameras]
            {CAMERA} = "rtsp://127.0.0.1:{port}/stream"
            [triggers]
            enabled = ["flicker"]
            test_share = 0
            [review.local]
            blur_for = ["viewer"]
            """
        )

    def _add_users(self) -> None:
        self.workspace.create()
        users = Users(self.workspace)
        users.add("anna", "annotator", None, PASSWORDS.hash(PASSWORD))
        users.add("lea", "lead", None, PASSWORDS.hash(PASSWORD))
        users.add("vic", "viewer", [CAMERA], PASSWORDS.hash(PASSWORD))
        users.add("otto", "lead", ["ward"], PASSWORDS.hash(PASSWORD))

    @contextlib.contextmanager
    def _process(self, *arguments: str) -> Iterator[None]:
        command = [sys.executable, "-m", "oneclick", *arguments, "--home", str(self.home)]
        with (
            (self.folder / f"{arguments[0]}.log").open("wb") as log,
            subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log) as child,
        ):
            try:
                yield
            finally:
                child.terminate()
                child.wait(HANG_SECONDS)
