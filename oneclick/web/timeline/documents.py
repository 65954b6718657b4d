"""What the pages of the timeline get: times as seconds from the start of the window, compact."""

from __future__ import annotations

from typing import Any

import msgspec

from oneclick.report.lane_records import CameraLanes, TriggerLane, TriggerLanes
from oneclick.storage.incidents import Incident


def encode_lanes(lanes: TriggerLanes, extra: dict[str, Any] | None = None) -> bytes:
    """Encode the lanes of a window, with further keys, as JSON."""
    return msgspec.json.encode(lanes_document(lanes) | (extra or {}))


def lanes_document(lanes: TriggerLanes) -> dict[str, Any]:
    """Convert the lanes of a window to what JSON holds.

    A cell is two numbers in a list of all: its bucket, counted from `origin`, and its hits.
    """
    return {
        "start": lanes.start,
        "stop": lanes.stop,
        "bucket": lanes.bucket,
        "origin": lanes.origin - lanes.start,
        "cameras": [_camera_document(camera, lanes) for camera in lanes.cameras],
    }


def incident_document(incident: Incident) -> dict[str, Any]:
    """Convert an incident to what JSON holds."""
    return {
        "id": incident.id,
        "camera": incident.camera,
        "start": incident.since.timestamp(),
        "stop": incident.until.timestamp(),
        "reason": incident.reason,
        "by": incident.by,
        "released": incident.released_at is not None,
    }


def _camera_document(camera: CameraLanes, lanes: TriggerLanes) -> dict[str, Any]:
    base = lanes.start
    return {
        "camera": camera.camera,
        "total": camera.total,
        "video": [
            [_ms(span.start - base), _ms(span.stop - base), _ms(span.seconds), _ms(span.scanned)]
            for span in camera.video
        ],
        "clips": [
            [_ms(span.start - base), _ms(span.stop - base), span.state, span.clip]
            for span in camera.clips
        ],
        "triggers": [_lane_document(lane, base) for lane in camera.triggers],
        "undated": [
            {"video": video.video, "seconds": video.seconds, "hits": video.hits}
            for video in camera.undated
        ],
    }


def _lane_document(lane: TriggerLane, base: float) -> dict[str, Any]:
    document: dict[str, Any] = {"trigger": lane.trigger, "total": lane.total}
    if lane.cells is not None:
        return document | {"cells": lane.cells}
    return document | {
        "hits": [
            [_ms(hit.start - base), _ms(hit.stop - base), hit.score, hit.why, hit.video, hit.frame]
            for hit in lane.hits
        ]
    }


def _ms(seconds: float) -> float:
    """Round to milliseconds."""
    return round(seconds, 3)
