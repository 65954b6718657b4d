"""Past the first picture of the ring recordings go on, with the predictions stored for them."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace
from oneclick.video import encode
from oneclick.web.live import recordings
from tests.catalog import samples
from tests.web import live_camera
from tests.web.site import Site

FRAMES, FPS, RING = 30, 10.0, 20
MODEL = "yolox"


def record(home: Path, number: int, start: float) -> Video:
    """Add a recording of `ward` whose pictures are numbered from 100 × `number` on."""
    video = replace(
        samples.video(number, camera="ward"),
        id=f"ward-{number}",
        started_at=datetime.fromtimestamp(start, UTC),
        fps=FPS,
        frames=FRAMES,
        width=live_camera.WIDTH,
        height=live_camera.HEIGHT,
    )
    pictures = [live_camera.draw(100 * number + frame)[:, :, ::-1] for frame in range(FRAMES)]
    path = Workspace(home).video_file(video)
    path.parent.mkdir(parents=True, exist_ok=True)
    encode.write(path, pictures, FPS)
    with Catalog.open(home) as catalog:
        catalog.add_video(video)
    return video


@pytest.fixture
def start() -> float:
    """Return when the first recording begins."""
    return float(int(time.time()) - 60)


@pytest.fixture
def site(tmp_path: Path, start: float) -> Site:
    """Return pages with two recordings, ten seconds apart, and the ring ten seconds later."""
    site = Site(tmp_path, blur_for=["viewer"])
    site.add("ada")
    site.add("vic", "viewer")
    for number in (1, 2):
        record(tmp_path, number, start + (number - 1) * 13)
    live_camera.write_state(tmp_path, "ward")
    live_camera.fill(tmp_path, "ward", RING, end=start + 26 + 0.1 * (RING - 1))
    store(site.workspace, "ward-1", MODEL)
    store(site.workspace, "ward-1", f"{MODEL}-turned")
    return site


def store(workspace: Workspace, video: str, model: str) -> None:
    """Store that somebody is seen in every frame, one pixel further each time."""
    left = np.arange(FRAMES, dtype=np.float32)
    seen = Detections(
        frames=np.arange(FRAMES, dtype=np.int32),
        boxes=np.stack([left, left * 0 + 60, left + 40, left * 0 + 180], 1),
        scores=np.full(FRAMES, 0.8, np.float32),
        classes=np.zeros(FRAMES, np.int16),
        length=FRAMES,
        fps=FPS,
    )
    predictions.save(workspace.predictions(video, model), seen, model, 0.5)


def show(client: TestClient, **params: object) -> tuple[str, int, int]:
    """Return the source of a picture, its number there, and the number painted in it."""
    answer = client.get("/api/live/ward/picture", params=params)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack(">I", answer.content[:4])
    head = json.loads(answer.content[4 : 4 + length])
    content = np.frombuffer(answer.content[4 + length :], np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
    assert picture is not None
    return head["source"], head["seq"], live_camera.number_in(picture)


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (-1000.0, ("ward-1", 0, 100)),
        (0.0, ("ward-1", 0, 100)),
        (1.04, ("ward-1", 10, 110)),
        (2.9, ("ward-1", 29, 129)),
        (6.0, ("ward-1", 29, 129)),
        (9.0, ("ward-2", 0, 200)),
        (15.96, ("ward-2", 29, 229)),
        (25.0, ("ring", 0, 0)),
        (26.5, ("ring", 5, 5)),
        (1000.0, ("ring", RING - 1, RING - 1)),
    ],
)
def test_the_picture_nearest_to_a_time_may_be_a_recorded_one(
    site: Site, start: float, after: float, shown: tuple[str, int, int]
) -> None:
    assert show(site.client("ada"), time=start + after) == shown


@pytest.mark.parametrize(
    ("place", "step", "shown"),
    [
        (("ring", 0), -1, ("ward-2", 29, 229)),
        (("ward-2", 29), 1, ("ring", 0, 0)),
        (("ward-2", 5), -1, ("ward-2", 4, 204)),
        (("ward-2", 0), -1, ("ward-1", 29, 129)),
        (("ward-1", 29), 1, ("ward-2", 0, 200)),
        (("ward-1", 7), 0, ("ward-1", 7, 107)),
    ],
)
def test_steps_lead_from_one_recording_into_the_next(
    site: Site, place: tuple[str, int], step: int, shown: tuple[str, int, int]
) -> None:
    source, number = place
    assert show(site.client("ada"), source=source, number=number, step=step) == shown


def test_before_the_first_recording_there_is_no_picture(site: Site) -> None:
    params = {"source": "ward-1", "number": 0, "step": -1}
    answer = site.client("ada").get("/api/live/ward/picture", params=params)  # type: ignore[arg-type]
    assert answer.status_code == 204


def test_boxes_are_those_that_are_stored(site: Site) -> None:
    params = {"source": "ward-1", "number": 12}
    answer = site.client("ada").get("/api/live/ward/picture", params=params)  # type: ignore[arg-type]
    (length,) = struct.unpack(">I", answer.content[:4])
    head = json.loads(answer.content[4 : 4 + length])
    assert head["boxes"] == {MODEL: [[12.0, 60.0, 52.0, 180.0, 0.8, 0]]}
    assert head["classes"] == {MODEL: ["person"]}


def test_recorded_pictures_are_blurred_for_a_role_without_faces(site: Site) -> None:
    """The picture of the second recording, without boxes, is blurred as a whole."""
    source, seq, number = show(site.client("vic"), source="ward-2", number=21)
    assert (source, seq) == ("ward-2", 21)
    assert number != 221
    assert show(site.client("vic"), source="ward-1", number=12)[2] == 112


@pytest.mark.parametrize(
    ("source", "number"),
    [("ward-9", 0), ("hall-0", 0), ("ward-1", FRAMES), ("ward-0", 3)],
    ids=["unknown", "of another camera", "past its end", "without a file"],
)
def test_what_cannot_be_shown_is_refused_in_one_line(site: Site, source: str, number: int) -> None:
    params = {"source": source, "number": number}
    answer = site.client("ada").get("/api/live/ward/picture", params=params)  # type: ignore[arg-type]
    assert answer.status_code == 404, answer.text
    assert str(site.home) not in answer.text


def test_a_damaged_prediction_costs_the_boxes_alone(site: Site) -> None:
    site.workspace.predictions("ward-1", MODEL).write_bytes(b"PAR1")
    assert show(site.client("ada"), source="ward-1", number=3) == ("ward-1", 3, 103)


def test_a_recording_that_was_deleted_gives_way_to_the_next(site: Site, start: float) -> None:
    with Catalog.open(site.home) as catalog:
        site.workspace.video_file(catalog.video("ward-2")).unlink()
    assert show(site.client("ada"), time=start + 14) == ("ward-1", 29, 129)


def test_frames_are_found_by_their_true_times() -> None:
    video = replace(samples.video(), fps=10.0, frames=50)
    assert video.started_at is not None
    first = video.started_at.timestamp()
    for frame in (0, 1, 17, 49):
        assert recordings.frame_at(video, recordings.time_of(video, frame)) == frame
    assert recordings.frame_at(video, first - 100) == 0
    assert recordings.frame_at(video, first + 100) == 49
    assert recordings.frame_at(video, first + 1.26) == 13
