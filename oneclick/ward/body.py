"""Body poses: the joint positions of a person in each posture.

A pose is (JOINTS, 3) metres in the person's own frame: x forward, y left, z up from the floor. In
the lying poses x points from the feet to the head and z is counted from what the body lies on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

JOINTS = 18
PELVIS, CHEST, NECK, HEAD = 0, 1, 2, 3
SHOULDERS, ELBOWS, HANDS = (4, 5), (6, 7), (8, 9)
HIPS, KNEES, ANKLES, TOES = (10, 11), (12, 13), (14, 15), (16, 17)
SIDES = (1.0, -1.0)
"""Left and right as signs of y."""


def upright(height: float, phase: float = 0.0, stride: float = 0.0, lean: float = 0.05) -> Floats:
    """Return the pose of a standing (`stride` 0) or walking person, (JOINTS, 3) metres.

    Args:
        height: of the person, metres.
        phase: of the gait, radians: 2 pi is a double step.
        stride: swing of the legs, radians.
        lean: of the trunk forward, radians.
    """
    pose = np.zeros((JOINTS, 3))
    pose[PELVIS] = 0, 0, 0.52 * height
    _set_trunk(pose, height, lean)
    for side in (0, 1):
        swing = phase + np.pi * side
        leg = stride * np.sin(swing)
        knee = 1.3 * stride * max(0.0, np.cos(swing)) + 0.05
        _set_leg(pose, side, height, leg, knee)
        arm = -0.8 * stride * np.sin(swing) + 0.6 * max(0.0, lean - 0.1)
        _set_arm(pose, side, height, arm, arm + 0.25 + 0.3 * stride)
    pose[:, 2] += 0.035 * height - pose[list(ANKLES), 2].min()
    return pose


def seated(height: float, seat: float, lean: float = -0.12, fidget: float = 0.0) -> Floats:
    """Return the pose of a person sitting `seat` metres high, hands on the knees.

    `lean` tilts the trunk forward (radians), `fidget` lifts the hands (metres).
    """
    pose = np.zeros((JOINTS, 3))
    pose[PELVIS] = -0.04, 0, seat + 0.06 * height
    _set_trunk(pose, height, lean)
    for side, sign in enumerate(SIDES):
        pose[KNEES[side]] = 0.235 * height, sign * 0.07 * height, seat + 0.05 * height
        pose[ANKLES[side]] = 0.24 * height, sign * 0.07 * height, 0.05
        pose[TOES[side]] = 0.33 * height, sign * 0.085 * height, 0.03
        pose[ELBOWS[side]] = pose[SHOULDERS[side]] + [0.03, sign * 0.03, -0.16 * height]
        pose[HANDS[side]] = pose[KNEES[side]] + [-0.05, 0, 0.07 + fidget * (1 + side)]
    return pose


def lying(height: float, bend: float = 0.1, turn: float = 0.0) -> Floats:
    """Return the pose of a person lying on the back.

    `bend` draws the knees up (0 … 1), `turn` moves the limbs to one side (metres).
    """
    pose = np.zeros((JOINTS, 3))
    pose[:, 2] = 0.09
    pose[CHEST, 0], pose[NECK, 0], pose[HEAD, 0] = 0.25 * height, 0.32 * height, 0.40 * height
    pose[HEAD, 2] = 0.15
    for side, sign in enumerate(SIDES):
        pose[SHOULDERS[side], :2] = 0.28 * height, sign * 0.105 * height
        pose[ELBOWS[side], :2] = 0.12 * height, sign * 0.14 * height
        pose[HANDS[side]] = 0.02 * height, sign * 0.06 * height + turn / 2, 0.17
        pose[HIPS[side], :2] = -0.01, sign * 0.055 * height
        pose[KNEES[side]] = (
            (-0.235 + 0.1 * bend) * height,
            sign * 0.06 * height + turn,
            0.09 + bend * (0.9 - 0.3 * side) * 0.25 * height,
        )
        pose[ANKLES[side], :2] = (-0.47 + 0.22 * bend) * height, sign * 0.06 * height + turn / 2
        pose[TOES[side]] = pose[ANKLES[side]] + [-0.02, sign * 0.03, 0.09]
    return pose


def fallen(height: float, curl: float = 0.5, reach: float = 0.0) -> Floats:
    """Return the pose of a person lying on the side after a fall.

    `curl` bends hips and knees (0 … 1), `reach` lifts the free arm (radians).
    """
    pose = lying(height, 0.0)
    pose[HEAD] += [0.0, 0.05, -0.03]
    for side, sign in enumerate(SIDES):
        pose[SHOULDERS[side]] = 0.28 * height, sign * 0.03, 0.14 + sign * 0.08
        pose[HIPS[side]] = 0, sign * 0.02, 0.12 + sign * 0.05
        pose[KNEES[side]] = (
            (-0.235 + 0.16 * curl) * height,
            (0.20 * curl + 0.05 * side) * height,
            0.09 + 0.06 * (1 - side),
        )
        pose[ANKLES[side]] = (-0.43 + 0.14 * curl) * height, (0.02 + 0.1 * side) * height, 0.07
        pose[TOES[side]] = pose[ANKLES[side]] + [-0.06, 0.08, 0.0]
    pose[ELBOWS[1]], pose[HANDS[1]] = (0.40 * height, 0.12, 0.07), (0.55 * height, 0.16, 0.06)
    lift = np.array([np.cos(reach), np.sin(reach)]) * 0.15 * height
    pose[ELBOWS[0]] = 0.2 * height, 0.13 * height, 0.16
    pose[HANDS[0]] = pose[ELBOWS[0]] + [0.04, *lift]
    pose[HANDS[0], 2] = max(pose[HANDS[0], 2], 0.05)
    return pose


def place_in_room(pose: Floats, position: Floats, heading: float, base: float = 0.0) -> Floats:
    """Transform a pose to the room: turn by `heading`, move to `position`, raise by `base`.

    Args:
        pose: (JOINTS, 3) metres in the person's own frame.
        position: (2,) metres on the floor.
        heading: radians from the x axis.
        base: metres above the floor.
    """
    cos, sin = np.cos(heading), np.sin(heading)
    world = pose.copy()
    world[:, 0] = position[0] + cos * pose[:, 0] - sin * pose[:, 1]
    world[:, 1] = position[1] + sin * pose[:, 0] + cos * pose[:, 1]
    world[:, 2] += base
    return world


def _set_trunk(pose: Floats, height: float, lean: float) -> None:
    along = np.array([np.sin(lean), 0, np.cos(lean)])
    pose[CHEST] = pose[PELVIS] + 0.25 * height * along
    pose[NECK] = pose[PELVIS] + 0.32 * height * along
    pose[HEAD] = pose[NECK] + 0.085 * height * np.array([np.sin(lean * 0.6), 0, np.cos(lean * 0.6)])
    for side, sign in enumerate(SIDES):
        across = np.array([0, sign, 0])
        pose[SHOULDERS[side]] = pose[PELVIS] + 0.285 * height * along + 0.105 * height * across
        pose[HIPS[side]] = pose[PELVIS] + 0.055 * height * across


def _set_leg(pose: Floats, side: int, height: float, swing: float, knee: float) -> None:
    bone = 0.245 * height
    pose[KNEES[side]] = pose[HIPS[side]] + bone * np.array([np.sin(swing), 0, -np.cos(swing)])
    shin = swing - knee
    pose[ANKLES[side]] = pose[KNEES[side]] + bone * np.array([np.sin(shin), 0, -np.cos(shin)])
    pose[TOES[side]] = pose[ANKLES[side]] + [0.085 * height, 0.008, -0.015 - 0.04 * knee]


def _set_arm(pose: Floats, side: int, height: float, upper: float, fore: float) -> None:
    out = 0.25 * SIDES[side]
    down = np.array([np.sin(upper), out, -np.cos(upper)])
    pose[ELBOWS[side]] = pose[SHOULDERS[side]] + 0.165 * height * down
    along = np.array([np.sin(fore), out / 3, -np.cos(fore)])
    pose[HANDS[side]] = pose[ELBOWS[side]] + 0.15 * height * along
