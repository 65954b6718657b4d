"""One direction of carrying a box: from the drawn frame on, one frame after another.

A Kalman filter whose control input is what the picture says about the motion, corrected by
detections, the template and the centre of what moves; afterwards the Rauch-Tung-Striebel smoother
takes into account what came later, which turns an occlusion into an interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oneclick.core import boxes as geometry
from oneclick.core.tracks import HUMAN, INTERPOLATED, RECOVERED
from oneclick.editing import carry_evidence, carry_pictures
from oneclick.editing.carry_background import Background, MovingMask
from oneclick.editing.carry_evidence import (
    CarryCandidates,
    CarryEvidence,
    CarryOptions,
    FloatArray,
    to_box,
    to_state,
)
from oneclick.editing.carry_pictures import PictureSource

# Noise of a frame of a tenth of a second, in box sides: centre x and y, width, height.
COAST_NOISE = np.array([0.12, 0.06, 0.02, 0.02])
FLOW_NOISE = np.array([0.04, 0.02, 0.015, 0.015])
# Errors of a measurement, in box sides.
DETECTION_ERROR = np.array([0.08, 0.05, 0.10, 0.06])
TEMPLATE_ERROR = np.array([0.10, 0.06])
MASS_ERROR = np.array([0.12, 0.25])
DRAWN_ERROR = 0.01

NOISE_SECONDS = 0.1
VELOCITY_SECONDS = 0.6
"""Time over which the velocity is averaged."""
YOUNG = 5
"""Frames after which the velocity is known well enough to doubt the flow."""
MIN_AGREEMENT = 0.25
MIN_CORRELATION = 0.5
MIN_MOVING = 0.2
"""Share of the box that differs from the background where somebody moves."""
TEMPLATE_REACH = 0.12, 0.6
"""Least and largest distance at which the look of the box is searched for, in box sides."""
MAX_TEMPLATE_COVER = 0.3
SEEN_CORRELATION = 0.8
"""Correlation from which on the picture shows the person although a label covers the box: a label
that takes in two people, or one of somebody behind, hides nobody."""
TEMPLATE_RATE = 0.1
MASS_RATE = 0.05
MIN_INSIDE = 0.35
"""Share of width and height that is left in the picture when somebody counts as gone."""
SAME_PERSON = 0.5
"""IoU with the first box of a labelled track from which on that track goes on with the person."""
HAZARD = {"detection": 0.02, "picture": 0.06, "nothing": 0.3}
"""Chance a second that the box leaves its person, by what supports it."""


@dataclass(frozen=True, kw_only=True)
class CarryStep:
    """The filter at one frame; states are centre x and y, width and height in px."""

    frame: int
    predicted: FloatArray
    predicted_variance: FloatArray
    state: FloatArray
    variance: FloatArray
    supported: bool
    """Whether a detection or the picture speaks for the box."""
    hidden: bool
    """Whether a labelled person covers the box."""
    origin: str
    survival: float
    """Probability that the box is still with its person."""


@dataclass(frozen=True)
class CarriedBox:
    """A carried box of one frame."""

    frame: int
    box: FloatArray
    """(4,) px, not cut off at the picture's edge."""
    score: float
    origin: str


class CarryPass:
    """A box on its way through a clip in one direction.

    Args:
        evidence: measures of the clip.
        candidates: detections and labels by frame.
        pictures: all frames, or None.
        background: of the same pictures where the camera stands still, or None.
        options: parameters.
    """

    def __init__(
        self,
        evidence: CarryEvidence,
        candidates: CarryCandidates,
        pictures: PictureSource | None,
        background: Background | None,
        options: CarryOptions,
    ) -> None:
        self._candidates, self._options = candidates, options
        self._pictures, self._background = pictures, background
        self._limit = np.array([evidence.width, evidence.height], np.float64)
        self._fps = evidence.fps
        self._noise_scale = min(1.0, 1 / (NOISE_SECONDS * evidence.fps))
        self._template = np.zeros(carry_pictures.PATCH[::-1], np.float32)
        self._picture = np.zeros((1, 1), np.uint8)
        self._mask: MovingMask | None = None
        self._moves = False
        self._mass_offset: FloatArray | None = None
        self._velocity = np.zeros(2)
        self._steps: list[CarryStep] = []

    def run(
        self, frame: int, box: FloatArray, stop: int, velocity: FloatArray | None = None
    ) -> list[CarriedBox]:
        """Follow a box from `frame` to before `stop`, which lies before or after it.

        Returns:
            Boxes in order of the way, the given one first, until the person is gone or lost.
        """
        self._begin(frame, box, velocity)
        direction = 1 if stop > frame else -1
        patience = self._options.bridge_seconds * self._fps
        waiting = 0
        for following in range(frame + direction, stop, direction):
            step = self._advance(following)
            if self._is_outside(step.state) or self._is_labelled(step):
                break
            self._steps.append(step)
            waiting = 0 if step.supported else waiting + 1
            if waiting > patience:
                break
        while not self._steps[-1].supported:
            self._steps.pop()
        return self._smooth()

    def _begin(self, frame: int, box: FloatArray, velocity: FloatArray | None) -> None:
        state = to_state(box)
        variance = (DRAWN_ERROR * np.tile(state[2:], 2)) ** 2
        self._velocity = np.zeros(2) if velocity is None else velocity.copy()
        self._age = 0 if velocity is None else YOUNG
        self._steps = [
            CarryStep(
                frame=frame,
                predicted=state,
                predicted_variance=variance,
                state=state,
                variance=variance,
                supported=True,
                hidden=False,
                origin=HUMAN,
                survival=1.0,
            )
        ]
        if self._pictures is not None:
            self._picture = self._pictures[frame]
            self._template = carry_pictures.cut_patch(self._picture, box)
            shift = self._look_for_motion(box, self._candidates.labels_at(frame))
            self._mass_offset = shift / state[2:] if self._moves else None

    def _look_for_motion(self, box: FloatArray, labels: FloatArray) -> FloatArray:
        """Compare the picture with the background; return the shift to the centre of mass."""
        if self._background is None:
            return np.zeros(2)
        size = box[2:] - box[:2]
        area = box + np.concatenate([-size, size])
        self._mask = self._background.moving(self._picture, area)
        shift, share = self._mask.mass(box, labels)
        self._moves = share > MIN_MOVING
        return shift

    def _advance(self, frame: int) -> CarryStep:
        last, labels = self._steps[-1], self._candidates.labels_at(frame)
        coast = to_box(last.state + np.append(self._velocity, [0, 0]))
        cover = float(carry_evidence.covers(coast[None], labels)[0])
        picture = None if self._pictures is None else self._pictures[frame]
        if cover >= MAX_TEMPLATE_COVER and picture is not None and self._is_seen(picture, coast):
            cover = 0.0
        hidden = cover > self._options.hidden_cover
        predicted, noise = self._predict(picture, hidden or last.hidden)
        state, variance = predicted, last.variance + noise**2
        predicted_variance = variance
        measured, probability = self._candidates.measure(frame, predicted, variance)
        if probability > 0:
            error = (DETECTION_ERROR * np.tile(predicted[2:], 2)) ** 2 / probability
            state, variance = _correct(state, variance, measured - state, error)
        support = "detection" if probability > 0.5 else "nothing"
        if picture is not None:
            self._picture = picture
            looks = not hidden and support == "nothing"
            state, variance, is_visible = self._look(state, variance, labels, cover, looks)
            if is_visible:
                support = "picture"
        supported = support != "nothing"
        if supported and not hidden:
            self._learn(last, state)
        return CarryStep(
            frame=frame,
            predicted=predicted,
            predicted_variance=predicted_variance,
            state=state,
            variance=variance,
            supported=supported,
            hidden=hidden,
            origin=RECOVERED if support == "detection" else INTERPOLATED,
            survival=last.survival * float(np.exp(-HAZARD[support] / self._fps)),
        )

    def _is_seen(self, picture: carry_pictures.Picture, box: FloatArray) -> bool:
        """Check whether a picture clearly shows the person near a box."""
        if not self._options.use_template:
            return False
        reach = TEMPLATE_REACH[0] * (box[2:] - box[:2])
        _, correlation = carry_pictures.find_template(picture, box, self._template, reach)
        return correlation > SEEN_CORRELATION

    def _predict(
        self, picture: carry_pictures.Picture | None, hidden: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the state of the next frame and its noise, `(4,)` px each."""
        last = self._steps[-1]
        sides = np.tile(last.state[2:], 2) * self._noise_scale
        control = np.append(self._velocity, [0.0, 0.0])
        if picture is None or hidden or not self._options.use_flow:
            return last.state + control, COAST_NOISE * sides
        motion = carry_pictures.measure_motion(
            self._picture,
            picture,
            to_box(last.state),
            self._velocity,
            self._mask.at if self._mask and self._moves else None,
            self._candidates.labels_at(last.frame),
        )
        allowed = self._options.flow_gate * max(sides[0], 0.35 * sides[1])
        change = motion.shift - self._velocity
        is_young = self._age < YOUNG
        if motion.agreement <= MIN_AGREEMENT or not (is_young or np.hypot(*change) < allowed):
            return last.state + control, COAST_NOISE * sides
        control[:2] += (1.0 if is_young else self._options.flow_share) * change
        control[2:] = last.state[2:] * np.expm1(0.5 * motion.log_scale)
        return last.state + control, FLOW_NOISE * sides

    def _look(
        self,
        state: FloatArray,
        variance: FloatArray,
        labels: FloatArray,
        cover: float,
        is_needed: bool,
    ) -> tuple[FloatArray, FloatArray, bool]:
        """Correct a state by the picture if needed, and tell whether it shows the person."""
        sides, is_visible = state[2:], False
        if is_needed and self._options.use_template and cover < MAX_TEMPLATE_COVER:
            low, high = (share * sides for share in TEMPLATE_REACH)
            reach = np.clip(2 * np.sqrt(variance[:2]), low, high)
            shift, correlation = carry_pictures.find_template(
                self._picture, to_box(state), self._template, reach
            )
            if correlation > MIN_CORRELATION:
                error = (TEMPLATE_ERROR * sides) ** 2 / (correlation - 0.4)
                state, variance = _correct(state, variance, shift, error)
                is_visible = True
        shift = self._look_for_motion(to_box(state), labels)
        if not self._moves:
            return state, variance, is_visible
        # A part of somebody looks like the background: what counts is how the centre moved.
        offset = shift / sides
        if self._mass_offset is None:
            self._mass_offset = offset
        if is_needed:
            shift = shift - self._mass_offset * sides
            state, variance = _correct(state, variance, shift, (MASS_ERROR * sides) ** 2)
            is_visible = True
        self._mass_offset = self._mass_offset + MASS_RATE * (offset - self._mass_offset)
        return state, variance, is_visible

    def _learn(self, last: CarryStep, state: FloatArray) -> None:
        """Take velocity and look from a frame that shows the person."""
        if self._pictures is not None:
            patch = carry_pictures.cut_patch(self._picture, to_box(state))
            self._template = (1 - TEMPLATE_RATE) * self._template + TEMPLATE_RATE * patch
        self._age += 1
        rate = max(1 / (self._age + 1), 1 - np.exp(-1 / (VELOCITY_SECONDS * self._fps)))
        self._velocity = self._velocity + rate * ((state - last.state)[:2] - self._velocity)

    def _is_outside(self, state: FloatArray) -> bool:
        box = to_box(state)
        inside = np.minimum(box[2:], self._limit) - np.maximum(box[:2], 0)
        return bool((inside / np.maximum(state[2:], 1)).min() < MIN_INSIDE)

    def _is_labelled(self, step: CarryStep) -> bool:
        """Check whether labels take the person over: they begin where the box is going."""
        labels = self._candidates.beginning_at(step.frame, self._steps[-1].frame)
        return bool((geometry.iou(to_box(step.state)[None], labels) >= SAME_PERSON).any())

    def _smooth(self) -> list[CarriedBox]:
        """Return all boxes, with what came later taken into account."""
        states = [step.state for step in self._steps]
        variances = [step.variance for step in self._steps]
        for k in range(len(states) - 2, -1, -1):
            after = self._steps[k + 1]
            gain = variances[k] / after.predicted_variance
            states[k] = states[k] + gain * (states[k + 1] - after.predicted)
            variances[k] = variances[k] + gain**2 * (variances[k + 1] - after.predicted_variance)
        boxes = []
        for step, state, variance in zip(self._steps, states, variances, strict=True):
            spread = float((np.sqrt(variance) / np.tile(state[2:], 2)).max())
            score = step.survival * float(np.exp(-2 * max(spread - 0.1, 0)))
            boxes.append(CarriedBox(step.frame, to_box(state), score, step.origin))
        return boxes


def _correct(
    state: FloatArray, variance: FloatArray, innovation: FloatArray, error: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a state and its variance after a measurement of its first components."""
    state, variance, count = state.copy(), variance.copy(), len(innovation)
    gain = variance[:count] / (variance[:count] + error)
    state[:count] += gain * innovation
    variance[:count] *= 1 - gain
    return state, variance
