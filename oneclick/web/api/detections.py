"""What models saw in a clip: drawn beside the labels, and what drawn boxes snap to."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request, Response

from oneclick.core.labels import parse_labellers
from oneclick.feedback import clip_evidence
from oneclick.feedback.clip_evidence import ModelBoxes
from oneclick.storage import labels
from oneclick.web.accounts.access import SessionUser, role
from oneclick.web.api.desk import answer, desk_of
from oneclick.web.refusals import Refused

router = APIRouter()
LEAST_STRENGTH = 0.5
"""Least score that is shown, as a share of the operating point of the model."""


@router.get("/api/clips/{clip}/detections")
def detections(
    request: Request, clip: str, user: Annotated[SessionUser, Depends(role("viewer"))]
) -> Response:
    """Return the stored boxes of all models on a clip, those of its labellers first."""
    desk = desk_of(request)
    record = desk.record(clip, user)
    label_set = labels.latest(desk.workspace, clip)
    if label_set is None:
        raise Refused(404, "this clip has no labels yet")
    labellers = {
        model
        for row in desk.catalog.revision_rows(clip)
        if row.kind == "auto"
        for model in parse_labellers(row.made_by)
    }
    models = clip_evidence.load_models(desk.workspace, record.clip, label_set.classes)
    models.sort(key=lambda model: model.model not in labellers)
    documents = [_document(model, model.model in labellers) for model in models]
    return answer({"names": label_set.classes, "models": documents})


def _document(model: ModelBoxes, is_labeller: bool) -> dict[str, Any]:
    """Convert the boxes of a model to what JSON holds, by frame; coordinates keep two decimals."""
    boxes = model.detections
    rows = boxes.scores >= model.threshold * LEAST_STRENGTH
    return {
        "model": model.model,
        "labeller": is_labeller,
        # What moves is no outline of a person.
        "snaps": model.model != clip_evidence.MOTION_MODEL,
        "frames": boxes.frames[rows].tolist(),
        "boxes": np.round(boxes.boxes[rows].astype(np.float64), 2).tolist(),
        "scores": np.round(boxes.scores[rows].astype(np.float64), 4).tolist(),
        "classes": boxes.classes[rows].tolist(),
    }
