"""What all routes of the API share: one desk per server, and clips checked against the scope."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
from fastapi import Request, Response

from oneclick.catalog import Catalog, ClipRecord
from oneclick.core.errors import BadInput, UnknownName, reason
from oneclick.core.labels import LabelSet
from oneclick.editing import carry
from oneclick.editing.carry_evidence import CarryEvidence
from oneclick.editing.operations import CarriedBoxes, DrawTrack
from oneclick.editing.state import EditState
from oneclick.feedback import clip_evidence, clip_questions
from oneclick.feedback.clip_evidence import ClipPictures
from oneclick.hindsight import questions
from oneclick.platforms.local import LocalPlatform, control_pictures
from oneclick.platforms.local.desk_records import AskedQuestion
from oneclick.platforms.local.leases import LeaseConflict, Leases
from oneclick.platforms.local.options import of_section
from oneclick.platforms.local.workbench import Decided, EditConflict, Workbench
from oneclick.settings import Settings
from oneclick.stages import rank_review, review
from oneclick.storage import bounded_documents
from oneclick.storage.second_looks import SecondLooks
from oneclick.storage.workspace import Workspace
from oneclick.web.accounts.access import SessionUser
from oneclick.web.refusals import Refused
from oneclick.web.webhook import DebouncedJob

RANK_SECONDS = 20.0
"""Time between two looks for clips that are not ranked, while there are none."""
BREAK_SECONDS = 0.5
"""Break after each clip that is ranked: the others are answered meanwhile."""
_LOG = logging.getLogger(__name__)
_ENCODER = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class ReviewRound:
    """The first review of clips, or the second one of those that somebody accepted."""

    queue: LocalPlatform
    bench: Workbench


class ReviewDesk:
    """The desk of one running server, with its work in the background.

    Args:
        home: the workspace folder.
        settings: the whole configuration.
        catalog: open for writing; the caller closes it.
    """

    def __init__(self, home: Path, settings: Settings, catalog: Catalog) -> None:
        self.home, self.settings, self.catalog = home, settings, catalog
        self.workspace = Workspace(home)
        self.options = of_section(settings.review_platform("local").section)
        self.looks = SecondLooks(self.workspace)
        queues = LocalPlatform(self.workspace.review_dir()), LocalPlatform(self.looks.queue_dir)
        self.queue, self.leases = queues[0], Leases(catalog, *queues)
        self._first, self._second = (
            ReviewRound(
                queue,
                Workbench(
                    queue,
                    self.leases,
                    fps=lambda clip: catalog.clip(clip).clip.fps,
                    attributes=settings.attributes,
                    carrier=self.carry,
                    clock=catalog.now,
                ),
            )
            for queue in queues
        )
        self.collection = DebouncedJob(self.collect)
        self._ended, self._unranked = threading.Event(), set[str]()
        self._ranker = threading.Thread(target=self._rank_clips, name="rank", daemon=True)

    def start(self) -> None:
        """Begin the work in the background: take in verdicts, rank clips."""
        self.collection.request()
        self._ranker.start()

    def stop(self) -> None:
        """End the work in the background."""
        self._ended.set()
        if self._ranker.is_alive():
            self._ranker.join(timeout=10)

    def collect(self) -> None:
        """Take in the verdicts that were given here; an error is in the log, and tried again."""
        try:
            review.collect_own(self.home, self.options.second_looks)
        except Exception as error:
            _LOG.warning("%s", reason(error, "take in verdicts"))

    def _rank_clips(self) -> None:
        """Rank clips one by one until the server ends, with breaks for those who wait."""
        most = self.settings.review.places
        while not self._ended.is_set():
            count = 0
            try:
                if self._unranked:
                    clip_id = self._unranked.pop()
                    count = 1 + len(rank_review.rank(self.workspace, self.catalog, [clip_id], most))
                else:
                    count = rank_review.rank_waiting(self.home, self.catalog, most, batch=1)
            except Exception as error:
                _LOG.warning("%s", reason(error, "rank the review queue"))
            self._ended.wait(BREAK_SECONDS if count else RANK_SECONDS)

    def round(self, clip_id: str, user: SessionUser) -> ReviewRound:
        """Return where a user reviews a clip: nothing tells them that they are the second."""
        if self._first.queue.is_open(clip_id) or not self._second.queue.is_open(clip_id):
            return self._first
        return self._first if self.looks.barred(clip_id) == user.name else self._second

    def record(self, clip_id: str, user: SessionUser) -> ClipRecord:
        """Return a clip that the user may see.

        Raises:
            Refused: 404: there is none, or its camera is not in the user's scope.
        """
        try:
            record = self.catalog.clip(clip_id)
        except UnknownName:
            raise Refused(404, "there is no such clip") from None
        if not user.sees(record.clip.camera):
            raise Refused(404, "there is no such clip")
        return record

    def questions(self, record: ClipRecord, label_set: LabelSet) -> list[AskedQuestion]:
        """Return the questions about a clip as they are shown and stand in the verdict."""
        most = self.settings.review.places
        # What is not ranked yet is shown without a look at pictures: nobody waits for that.
        question_list = clip_questions.ask(
            self.workspace, record.clip, label_set, most, store=False, pictures=False
        )
        if not clip_questions.is_stored(self.workspace, record.clip, label_set, most):
            self._unranked.add(record.clip.id)
        asked = [
            AskedQuestion(
                id=name,
                track=question.track,
                start=question.span.start,
                stop=question.span.stop,
                expected=question.expected,
                why=question.why,
                box=question.box,
                cls=question.cls,
            )
            for name, question in zip(questions.names(question_list), question_list, strict=True)
        ]
        return asked + control_pictures.ask(label_set, self.options.control)

    def carry(self, state: EditState, operation: DrawTrack) -> CarriedBoxes | None:
        """Follow the person in a drawn box through the clip; None where that fails."""
        clip = self.catalog.clip(state.clip).clip
        models = clip_evidence.load_models(self.workspace, clip, state.classes)
        networks = [model for model in models if model.model != clip_evidence.MOTION_MODEL]
        has_pictures = self.workspace.frame_file(clip.id, 0).exists()
        try:
            track = carry.carry(
                operation.frame,
                operation.box,
                ClipPictures(self.workspace, clip) if has_pictures else None,
                CarryEvidence(
                    fps=state.fps,
                    width=state.width,
                    height=state.height,
                    detections=[model.detections for model in networks],
                    thresholds=[model.threshold for model in networks],
                    labels=state.tracks,
                ),
                length=state.frames,
            )
        except (BadInput, ValueError) as error:
            _LOG.warning("%s", reason(error, f"carry a box through {clip.id}"))
            return None
        return CarriedBoxes(
            frames=track.frames.tolist(),
            boxes=[tuple(box) for box in track.boxes.astype(float).tolist()],
            scores=track.scores.astype(float).tolist(),
            origins=track.origins,
        )


def desk_of(request: Request) -> ReviewDesk:
    """Return the desk of the server that answers a request."""
    return cast(ReviewDesk, request.app.state.desk)


def answer(value: Any, status: int = 200) -> Response:
    """Return JSON; msgspec writes a clip of thousands of boxes ten times faster than pydantic."""
    return Response(_ENCODER.encode(value), status, media_type="application/json")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the desk refuses into answers with the right status."""
    try:
        yield
    except LeaseConflict as error:
        lease = error.lease
        raise Refused(
            409,
            str(error),
            holder=lease.holder if lease else None,
            until=lease.until.isoformat() if lease else None,
        ) from None
    except EditConflict as error:
        edits = [
            {
                "rev": entry.rev,
                "by": entry.by,
                "at": entry.at.isoformat(),
                "op": bounded_documents.parse_json(entry.op),
            }
            for entry in error.entries
        ]
        raise Refused(409, str(error), head=error.head, edits=edits) from None
    except Decided as error:
        raise Refused(409, str(error), decided=True) from None
    except UnknownName:
        raise Refused(404, "this clip does not wait for review") from None
