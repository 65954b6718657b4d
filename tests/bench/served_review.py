"""Clips of a benchmark behind the real review server, and an annotator's side of its API."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import httpx
import msgspec
import numpy as np

from oneclick.catalog import Catalog
from oneclick.core import labels as core_labels
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.core.tracks import Tracks
from oneclick.editing.operations import Operation
from oneclick.editing.state import EditState
from oneclick.stages import review
from oneclick.storage import cards, files, labels, predictions
from oneclick.storage.labels import TrackDocument
from tests.fakes.clips import NOON
from tests.waits import HANG_SECONDS
from tests.web.browser.review_site import ReviewSite


class ServedClips(ReviewSite):
    """A workspace with clips of one recording that wait for review, and its server.

    Args:
        home: the workspace folder.
        fps: of the recording.
    """

    def __init__(self, home: Path, fps: float) -> None:
        super().__init__(home, 0)
        self.fps = fps

    def add(
        self,
        pictures: Sequence[np.ndarray],
        tracks: Tracks,
        model: str,
        detections: Detections,
        threshold: float,
    ) -> Clip:
        """Add a clip: pictures in BGR, its labels, and what a model saw in it."""
        number = len(self.clips)
        height, width = pictures[0].shape[:2]
        start = 1000 * number
        clip = Clip(
            id=f"bench-20260105T120000Z-{int(1000 * start / self.fps):08d}",
            camera="bench",
            video="bench-20260105T120000Z",
            span=Span(start, start + len(pictures)),
            fps=self.fps,
            width=width,
            height=height,
            chosen_by=ChosenBy.TRIGGER,
            digest="0" * 64,
        )
        label_set = LabelSet(
            clip=clip.id,
            revision=1,
            kind="auto",
            parent=None,
            made_by="hindsight:x",
            made_at=NOON,
            frames=len(pictures),
            width=width,
            height=height,
            classes=("person",),
            tracks=core_labels.from_tracks(tracks),
        )
        video = Video(
            id=clip.video,
            camera=clip.camera,
            started_at=NOON,
            fps=self.fps,
            frames=1_000_000,
            width=width,
            height=height,
            digest="1" * 64,
            suffix=".mp4",
        )
        for frame, picture in enumerate(pictures):
            path = self.workspace.frame_file(clip.id, frame)
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
        path = self.workspace.clip_predictions(clip.id, model)
        predictions.save(path, detections, model, threshold)
        with Catalog.open(self.home) as catalog:
            catalog.add_video(video)
            cards.save_clip_card(self.workspace, clip)
            catalog.add_clip(clip, "bench")
            catalog.move(clip.id, ClipStage.CUT, ClipStage.EXTRACTED, "bench")
            digest = files.sha256(labels.save(self.workspace, label_set))
            catalog.add_revision(label_set, digest)
            catalog.move(clip.id, ClipStage.EXTRACTED, ClipStage.LABELLED, "bench")
        self.clips.append(clip)
        return clip

    def send(self) -> None:
        """Send all clips to review, with the questions about them."""
        batch = review.send_all(self.home, self.settings.review_platform(), 3600)
        assert batch.failed == {}, batch.failed

    @contextlib.contextmanager
    def annotator(self, name: str = "anna") -> Iterator[httpx.Client]:
        """Yield a client that is signed in at the running server."""
        with httpx.Client(base_url=self.origin, timeout=HANG_SECONDS) as client:
            login = {"name": name, "password": self.password}
            client.post("/api/login", json=login).raise_for_status()
            yield client


class ServedDesk:
    """One clip in front of an annotator: every operation is a request.

    Args:
        client: signed in.
        clip_id: the clip; it is leased.
        carry: let the server follow drawn boxes through the clip.
    """

    def __init__(self, client: httpx.Client, clip_id: str, carry: bool = True) -> None:
        self._client, self._path, self._carry = client, f"/api/clips/{clip_id}", carry
        self._fence = self._post("lease", {"take": False})["fence"]
        answer = client.get(self._path).raise_for_status().json()
        self.questions: list[dict[str, Any]] = answer["questions"]
        self._state = EditState.from_document(answer)
        self._head, self._keys = answer["head"], itertools.count()

    def state(self) -> EditState:
        """Return the labels as they are now."""
        return self._state

    def edit(self, operation: Operation) -> None:
        """Do an operation."""
        document = msgspec.to_builtins(operation)
        if document["op"] == "draw":
            document["carry"] = self._carry
        answer = self._post("edits", self._body() | {"op": document})
        self._head = answer["rev"]
        changed = msgspec.convert(answer["changed"], list[TrackDocument])
        tracks: list[LabelTrack] = [document.decode() for document in changed]
        self._state = self._state.with_tracks(*tracks, without=tuple(answer["removed"]))

    def accept(self, seconds: float) -> None:
        """Accept the clip as its labels are now."""
        decision = {"decision": "accept", "active_seconds": seconds}
        self._post("verdict", self._body() | decision)

    def _body(self) -> dict[str, Any]:
        return {"key": f"k{next(self._keys)}", "base": self._head, "fence": self._fence}

    def _post(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"{self._path}/{action}", json=body)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document
