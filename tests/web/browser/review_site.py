"""The review pages over clips of drawn pictures, on a real socket."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import uvicorn

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.editing import operations
from oneclick.editing.history import History
from oneclick.editing.operations import Operation
from oneclick.editing.state import EditState
from oneclick.settings import Settings
from oneclick.stages import review
from oneclick.storage import cards, edit_journals, files, labels
from oneclick.storage.workspace import Workspace
from oneclick.web import review_app, server
from oneclick.web.accounts.users import Role
from tests.waits import HANG_SECONDS, wait_until
from tests.web.site import PASSWORD, PASSWORDS

FRAMES, WIDTH, HEIGHT, FPS = 40, 320, 240, 10.0
CLASSES = ("person", "wheelchair")
ATTRIBUTES = {"posture": ("standing", "sitting", "lying")}
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
RECORDING = b"stands for clip.mp4, which the pages do not read"
COLOURS = ((60, 90, 210), (200, 120, 40), (60, 170, 60), (30, 30, 30))


def walk(number: int, start: tuple[float, float], step: tuple[float, float]) -> LabelTrack:
    """Return a person who walks in a line, right in every frame."""
    times = np.arange(FRAMES)[:, None]
    corners = np.array([[*start, start[0] + 24, start[1] + 60]]) + times * np.array(
        [[*step, *step]]
    )
    return LabelTrack(
        id=number,
        cls="person",
        frames=np.arange(FRAMES, dtype=np.int32),
        boxes=corners.astype(np.float32),
        scores=np.full(FRAMES, 0.95, np.float32),
        origins="u" * FRAMES,
    )


PEOPLE = (
    walk(1, (10, 20), (3, 0)),
    walk(2, (250, 20), (-2, 0)),
    walk(3, (20, 120), (2, 0)),
    walk(4, (250, 160), (-2, 0)),
)
"""The truth; the last one has no label."""


def draw(frame: int) -> np.ndarray:
    """Return the picture of a frame."""
    rng = np.random.default_rng(1)
    picture = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    picture += rng.integers(0, 40, picture.shape, np.uint8)
    for person, colour in zip(PEOPLE, COLOURS, strict=True):
        x1, y1, x2, y2 = (int(value) for value in person.boxes[frame])
        cv2.rectangle(picture, (x1, y1 + 16), (x2, y2), colour, -1)
        cv2.circle(picture, ((x1 + x2) // 2, y1 + 8), 8, (140, 170, 220), -1)
    return picture


def join(number: int, first: LabelTrack, second: LabelTrack, frame: int) -> LabelTrack:
    """Return a track that goes over from one person to another at a frame."""
    boxes = np.concatenate([first.boxes[:frame], second.boxes[frame:]])
    return LabelTrack(
        id=number,
        cls="person",
        frames=first.frames,
        boxes=boxes,
        scores=first.scores,
        origins=first.origins,
    )


def faulty_labels(clip_id: str) -> LabelSet:
    """Return labels in which ids swap at frame 20, a score is low, and a person is missing."""
    first, second, third, _ = PEOPLE
    scores = third.scores.copy()
    scores[8:12] = 0.5
    third = LabelTrack(
        id=3,
        cls="person",
        frames=third.frames,
        boxes=third.boxes,
        scores=scores,
        origins=third.origins,
    )
    return LabelSet(
        clip=clip_id,
        revision=1,
        kind="auto",
        parent=None,
        made_by="hindsight:x",
        made_at=NOON,
        frames=FRAMES,
        width=WIDTH,
        height=HEIGHT,
        classes=CLASSES,
        tracks=(join(1, first, second, 20), join(2, second, first, 20), third),
    )


class ReviewSite:
    """A workspace with clips that wait for review, users, and the server."""

    password = PASSWORD

    def __init__(
        self,
        home: Path,
        clips: int = 2,
        *,
        labels_of: Callable[[str], LabelSet] = faulty_labels,
        picture: Callable[[int], np.ndarray] = draw,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        local: Mapping[str, object] | None = None,
    ) -> None:
        self.home, self.workspace = home, Workspace(home)
        self.clips = [_clip(number, size) for number in range(clips)]
        with Catalog.open(home) as catalog:
            for clip in self.clips:
                _add_clip(self.workspace, catalog, clip, labels_of(clip.id))
                _write_pictures(self.workspace, clip, picture)
        self.settings = Settings(
            home=home,
            attributes=ATTRIBUTES,
            review={"local": {"blur_for": ["viewer"]} | dict(local or {})},  # type: ignore[arg-type]
        )
        review.send_all(home, self.settings.review_platform(), 3600)
        self.origin = ""

    @contextlib.contextmanager
    def served(self) -> Iterator[ReviewSite]:
        """Serve in a thread of this process."""
        listener = server.open_socket("127.0.0.1:0")
        self.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = review_app.create_review_app(
            self.home, self.settings, [self.origin], passwords=PASSWORDS
        )
        users: tuple[tuple[str, Role], ...] = (
            ("anna", "annotator"),
            ("bo", "annotator"),
            ("lea", "lead"),
        )
        app.state.access.users.add("vic", "viewer", ["ward"], PASSWORDS.hash(PASSWORD))
        for name, role in users:
            app.state.access.users.add(name, role, None, PASSWORDS.hash(PASSWORD))
        config = uvicorn.Config(
            app, http=server.BoundedProtocol, log_level="warning", **server.WEBSOCKETS
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_until(lambda: running.started)
        try:
            yield self
        finally:
            running.should_exit = True
            thread.join(HANG_SECONDS)
        assert not thread.is_alive()

    def journal(self, clip_id: str) -> list[Operation]:
        """Return the operations that are journalled for a clip."""
        path = self.workspace.review_dir() / "journal" / f"{clip_id}.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        entries = [edit_journals.decode_line(line) for line in lines]
        return [operations.decode(bytes(entry.op)) for entry in entries if entry]

    def state(self, clip_id: str) -> EditState:
        """Return the labels of a clip with all edits that are journalled."""
        label_set = labels.latest(self.workspace, clip_id)
        assert label_set is not None
        first = EditState.from_labels(label_set, FPS, ATTRIBUTES)
        return History(first, self.journal(clip_id)).state

    def stage(self, clip_id: str) -> ClipStage:
        """Return where a clip stands."""
        with Catalog.open(self.home) as catalog:
            return catalog.clip(clip_id).stage


def _clip(number: int, size: tuple[int, int]) -> Clip:
    return Clip(
        id=f"ward-20261102T120000Z-{10_000 * number:08d}",
        camera="ward",
        video="ward-20261102T120000Z",
        span=Span(100 * number, 100 * number + FRAMES),
        fps=FPS,
        width=size[0],
        height=size[1],
        chosen_by=ChosenBy.TRIGGER,
        digest=hashlib.sha256(RECORDING).hexdigest(),
    )


def _add_clip(workspace: Workspace, catalog: Catalog, clip: Clip, label_set: LabelSet) -> None:
    """Bring a clip with labels to LABELLED."""
    video = Video(
        id=clip.video,
        camera=clip.camera,
        started_at=NOON,
        fps=FPS,
        frames=1000,
        width=clip.width,
        height=clip.height,
        digest="1" * 64,
        suffix=".mp4",
    )
    catalog.add_video(video)
    cards.save_clip_card(workspace, clip)
    files.write_atomic(workspace.clip_file(clip.id), RECORDING)
    catalog.add_clip(clip, "test")
    catalog.move(clip.id, ClipStage.CUT, ClipStage.EXTRACTED, "test")
    catalog.add_revision(label_set, files.sha256(labels.save(workspace, label_set)))
    catalog.move(clip.id, ClipStage.EXTRACTED, ClipStage.LABELLED, "test")


def _write_pictures(workspace: Workspace, clip: Clip, picture: Callable[[int], np.ndarray]) -> None:
    for frame in range(len(clip.span)):
        path = workspace.frame_file(clip.id, frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture(frame), [cv2.IMWRITE_JPEG_QUALITY, 92])
