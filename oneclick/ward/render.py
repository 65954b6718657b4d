"""From a room and its people to pictures: drawing, occlusion, light, infra-red night, noise.

The truth of a frame comes out of the same masks that draw it. A person's box holds every pixel the
body would cover with no furniture, blanket or other person in front (an annotator draws it so),
cut off by the picture's edge and the doorway; a person of whom less than MIN_VISIBLE of these
pixels can be seen, or who covers less than MIN_PIXELS, is not in the truth of that frame. A
blanket hides nothing: the shape under it counts as visible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward import backdrop, body, figure, imaging, paint
from oneclick.ward.imaging import ImagingConditions
from oneclick.ward.paint import Capsules, Frame, Picture, Sprite
from oneclick.ward.people import Visit
from oneclick.ward.room import WardRoom

Floats = NDArray[np.float64]

MIN_VISIBLE = 0.25
MIN_PIXELS = 60
BEHIND = 0.22
"""A body is hidden only by what is this much nearer, metres: chairs and mattresses are soft."""


@dataclass(frozen=True)
class VisiblePerson:
    """The truth about one person in one frame."""

    visit: int
    """Number of the visit."""
    box: tuple[float, float, float, float]
    """px, x1 y1 x2 y2, corners exclusive."""
    posture: str
    visible: float
    """Share of the body's pixels that nothing hides."""


@dataclass(frozen=True, eq=False)
class FloorObject:
    """An object that stands on the floor for a while and is no person."""

    shapes: Capsules
    start: float
    """Seconds of the recording."""
    stop: float

    @property
    def joints(self) -> Floats:
        """Return its middle near the floor in place of a body's joints, (JOINTS, 3) metres."""
        middle = self.shapes.ends.reshape(-1, 3).mean(0)
        return np.tile([middle[0], middle[1], 0.2], (body.JOINTS, 1))


@dataclass(frozen=True, eq=False)
class VisibleMask:
    """The visible pixels of one person or object in a frame."""

    window: tuple[slice, slice]
    """Rows and columns of the picture."""
    visible: NDArray[np.bool_]
    """Pixels of the window that show it."""


@dataclass(frozen=True, eq=False)
class _DrawnBody:
    """One person or object in the frame that is being drawn."""

    visit: int
    """Objects are counted after the visits."""
    joints: Floats
    posture: str
    sprite: Sprite

    def hidden(self, depth: Picture) -> NDArray[np.bool_]:
        """Return the pixels of the sprite's window where the finished picture is nearer."""
        return np.asarray(self.sprite.depth - BEHIND > depth[self.sprite.window] + 1e-4)

    def truth(self, mask: NDArray[np.bool_], depth: Picture) -> VisiblePerson | None:
        """Return the truth about a body in the finished picture, or None if hardly visible."""
        pixels = int(mask.sum())
        if pixels < MIN_PIXELS:
            return None
        visible = float((mask & ~self.hidden(depth)).sum()) / pixels
        if visible < MIN_VISIBLE:
            return None
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        x, y = self.sprite.x, self.sprite.y
        box = (
            float(columns[0]) + x,
            float(rows[0]) + y,
            float(columns[-1] + 1) + x,
            float(rows[-1] + 1) + y,
        )
        return VisiblePerson(self.visit, box, self.posture, visible)


class FrameRenderer:
    """The renderer of one recording, whose frames are drawn in order."""

    def __init__(
        self,
        ward_room: WardRoom,
        visits: list[Visit],
        conditions: ImagingConditions,
        fps: float,
        rng: np.random.Generator,
    ) -> None:
        self.room, self.visits, self.conditions = ward_room, visits, conditions
        self.fps, self.rng = fps, rng
        sunny = not conditions.night and bool(rng.random() < 0.5)
        self.backdrop = backdrop.render(ward_room, np.random.default_rng(7), sunny)
        self.vignette = imaging.vignette(ward_room, conditions.night)
        imaging.expose(self.backdrop, conditions.night, self.vignette)
        self.noise = imaging.noise_pictures(rng, ward_room, conditions)
        self.sway = rng.uniform(0.5, 1.2)
        self.objects: list[FloorObject] = []

    def frames(self, count: int) -> Iterator[tuple[Frame, list[VisiblePerson]]]:
        """Yield pictures, (height, width, 3) uint8 RGB, and the people visible in them."""
        for number in range(count):
            yield self.frame(number / self.fps)

    def frame(self, t: float) -> tuple[Frame, list[VisiblePerson]]:
        """Draw the picture at `t` seconds; the sensor's noise depends on the frames before."""
        picture, people, _ = self.frame_with_masks(t)
        return picture, people

    def frame_with_masks(
        self, t: float
    ) -> tuple[Frame, list[VisiblePerson], dict[int, VisibleMask]]:
        """Draw a frame and the masks of all visits and, counted after them, of all objects."""
        canvas = self.backdrop.picture.copy()
        self.draw_curtain(canvas, t)
        depth = self.backdrop.depth.copy()
        bodies = self.bodies(t)
        for drawn_body in bodies:
            self.draw_shadow(canvas, drawn_body.joints)
        masks = [self.draw_body(canvas, depth, drawn_body.sprite) for drawn_body in bodies]
        people: list[VisiblePerson] = []
        visible_masks: dict[int, VisibleMask] = {}
        for drawn_body, mask in zip(bodies, masks, strict=True):
            visible = mask & ~drawn_body.hidden(depth)
            visible_masks[drawn_body.visit] = VisibleMask(drawn_body.sprite.window, visible)
            person = drawn_body.truth(mask, depth)
            if person is not None and person.visit < len(self.visits):
                people.append(person)
        return self.expose_sensor(canvas, t), people, visible_masks

    def bodies(self, t: float) -> list[_DrawnBody]:
        """Return all people and objects in the picture, the farthest first."""
        bodies: list[_DrawnBody] = []
        for number, visit in enumerate(self.visits):
            state = visit.state_at(t)
            if state is None:
                continue
            joints, posture, blanket = state
            shapes = figure.flesh(visit.person, joints, blanket, self.room.colours.blanket)
            sprite = paint.paint(self._lit(shapes, joints[body.PELVIS]), self.room.camera)
            if sprite is not None:
                bodies.append(_DrawnBody(number, joints, posture, sprite))
        for number, floor_object in enumerate(self.objects, len(self.visits)):
            if floor_object.start <= t < floor_object.stop:
                joints = floor_object.joints
                sprite = paint.paint(self._lit(floor_object.shapes, joints[0]), self.room.camera)
                if sprite is not None:
                    bodies.append(_DrawnBody(number, joints, "object", sprite))
        eye = self.room.camera.position

        def distance(drawn_body: _DrawnBody) -> float:
            return float(np.linalg.norm(drawn_body.joints[body.PELVIS] - eye))

        return sorted(bodies, key=distance, reverse=True)

    def _lit(self, shapes: Capsules, position: Floats) -> Capsules:
        """Return shapes with their colours under this recording's light at (3,) metres."""
        pixel, depth = self.room.camera.project(position[None])
        x, y = np.clip(pixel[0], 0, np.array(self.vignette.shape[1::-1]) - 1).astype(int)
        if self.conditions.night:
            grey = shapes.colours @ [0.45, 0.35, 0.2] * 0.62 + 82
            colours = np.repeat(grey[:, None], 3, 1) * imaging.illuminator(depth)
        else:
            lamp = position[:2] - np.array(self.room.size) / 2
            colours = shapes.colours * 1.1 / (1 + 0.03 * float(lamp @ lamp))
        return Capsules(shapes.ends, shapes.radii, colours * float(self.vignette[y, x]))

    def draw_body(self, canvas: Frame, depth: Picture, sprite: Sprite) -> NDArray[np.bool_]:
        """Draw one body and return its mask in the sprite's window, cut off by walls only."""
        nearest = depth[sprite.window]
        within = sprite.depth < self.backdrop.shell[sprite.window]
        front = within & (sprite.depth - BEHIND < nearest)
        paint.blend(canvas, sprite, front)
        solid = sprite.cover > 0.5
        # What stands in front of this body later hides it if nearer than the body itself.
        nearest[front & solid] = sprite.depth[front & solid] - BEHIND
        return np.asarray(solid & within)

    def draw_shadow(self, canvas: Frame, joints: Floats) -> None:
        """Draw a soft shadow on the floor under the body."""
        low = joints[[*body.ANKLES, body.PELVIS]]
        if low[:, 2].min() > 0.3:
            return
        lying = joints[body.PELVIS, 2] < 0.3
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * 0.3
        middle = joints[:, :2].mean(0) if lying else low[:2, :2].mean(0)
        points, _ = self.room.camera.project(ring * (1.6 if lying else 1.0) + [*middle, 0.0])
        x1, y1 = np.maximum(points.min(0) - 8, 0).astype(int)
        x2, y2 = np.minimum(points.max(0) + 8, [self.room.camera.width, self.room.camera.height])
        if x2 - x1 < 2 or y2 - y1 < 2:
            return
        patch = np.zeros((int(y2) - y1, int(x2) - x1), np.float32)
        cv2.fillConvexPoly(patch, np.round(points - [x1, y1]).astype(np.int32), 0.34)
        patch = np.asarray(cv2.blur(patch, (9, 9)))
        window = slice(y1, int(y2)), slice(x1, int(x2))
        dimmed = canvas[window] * (1 - patch * self.backdrop.floor[window])[..., None]
        canvas[window] = dimmed.astype(np.uint8)

    def draw_curtain(self, canvas: Frame, t: float) -> None:
        """Draw the curtain beside the window, which moves in the draught from time to time."""
        window = self.room.window
        along = np.abs(window.across)
        breeze = 0.1 * max(0.0, np.sin(0.23 * self.sway * t + self.sway))
        folds = np.arange(7)
        reach = 0.5 + 0.05 * folds + breeze * np.sin(1.9 * self.sway * t + 0.6 * folds) * folds / 4
        base = window.in_front(0.06)
        top = [[*(base + along * (0.5 + 0.05 * fold)), 2.25] for fold in folds]
        low = [[*(base + along * r + window.ahead * breeze), 0.4] for r in reach]
        ends = np.stack([top, low], 1)
        tone = 0.85 + 0.15 * (folds % 2)
        colours = np.array(self.room.colours.curtain) * tone[:, None]
        shapes = Capsules(ends, np.full((7, 2), 0.045), colours)
        sprite = paint.paint(self._lit(shapes, ends[0, 1]), self.room.camera)
        if sprite is not None:
            paint.blend(canvas, sprite, self.backdrop.wall[sprite.window])

    def expose_sensor(self, canvas: Frame, t: float) -> Frame:
        """Return the canvas with the brightness of this moment and the sensor's noise."""
        cloud, drift = self.conditions.cloud, self.conditions.drift
        gain = self.conditions.gain * (1 + drift * np.sin(0.4 * t) + 0.3 * drift * np.sin(2.1 * t))
        if cloud:
            gain *= 1 - 0.06 / (1 + np.exp(-4 * np.sin(2 * np.pi * t / cloud) / 0.3))
        noise = self.noise[int(self.rng.integers(imaging.NOISES))]
        height, width = canvas.shape[:2]
        y, x = self.rng.integers(imaging.NOISE_MARGIN), self.rng.integers(imaging.NOISE_MARGIN)
        part = noise[y : y + height, x : x + width]
        return np.asarray(cv2.add(cv2.convertScaleAbs(canvas, alpha=gain), part, dtype=cv2.CV_8U))
