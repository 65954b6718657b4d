"""The figure of a person: capsules around the joints of a pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import body, paint
from oneclick.ward.paint import CapsuleRow, Capsules
from oneclick.ward.people import Person
from oneclick.ward.room import Colour

Floats = NDArray[np.float64]

SHOE: Colour = (58.0, 54.0, 56.0)


def flesh(person: Person, joints: Floats, blanket: float, cover: Colour) -> Capsules:
    """Return the capsules of a body; what the blanket covers takes its colour and bulk.

    Args:
        person: whose body it is.
        joints: (JOINTS, 3) metres.
        blanket: share of the body that is covered, see `people.Action`.
        cover: colour of the blanket.
    """
    size = person.height * person.girth
    rows: list[CapsuleRow] = []

    def rod(a: int, b: int, ra: float, rb: float, colour: Colour) -> None:
        rows.append((joints[a], joints[b], ra * size, rb * size, colour))

    legs = cover if blanket >= 0.5 else person.legs
    top = cover if blanket >= 1 else person.top
    thick = 1.25 if blanket else 1.0
    for side in (0, 1):
        hip, knee, ankle = body.HIPS[side], body.KNEES[side], body.ANKLES[side]
        shin = person.skin if person.gown and not blanket else legs
        rod(hip, knee, 0.056 * thick, 0.04 * thick, legs)
        rod(knee, ankle, 0.036 * thick, 0.026 * thick, shin)
        rod(ankle, body.TOES[side], 0.026 * thick, 0.02, cover if blanket >= 0.5 else SHOE)
        rod(body.SHOULDERS[side], hip, 0.048, 0.056 * thick, top)
        shoulder, elbow = body.SHOULDERS[side], body.ELBOWS[side]
        rod(shoulder, elbow, 0.034, 0.027, person.top)
        rod(elbow, body.HANDS[side], 0.025, 0.02, person.skin if person.gown else person.top)
        rod(body.HANDS[side], body.HANDS[side], 0.025, 0.025, person.skin)
    rod(body.CHEST, body.PELVIS, 0.092, 0.084 * thick, top)
    rod(*body.SHOULDERS, 0.036, 0.036, person.top)
    rod(body.NECK, body.HEAD, 0.032, 0.03, person.skin)
    if person.gown or blanket >= 0.5:
        knees = joints[list(body.KNEES)].mean(0)
        radius = 0.085 * person.height * person.girth
        rows.append((joints[body.PELVIS], knees, radius, radius, legs))
    return paint.capsules([*rows, *head(person, joints)])


def head(person: Person, joints: Floats) -> list[CapsuleRow]:
    """Return a ball of hair and, a little in front of and below it, one of skin."""
    centre, up = joints[body.HEAD], joints[body.HEAD] - joints[body.NECK]
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    across = joints[body.SHOULDERS[0]] - joints[body.SHOULDERS[1]]
    ahead = np.cross(across, up)
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    size = 0.062 * person.height
    hair = centre - 0.018 * ahead + 0.016 * up
    face = centre + 0.028 * ahead - 0.012 * up
    return [
        (hair, hair - 0.02 * up, size, size * 0.9, person.hair),
        (face, face - 0.03 * up, size * 0.86, size * 0.7, person.skin),
    ]
