"""From a room and its people to pictures: drawing, occlusion, light, infra-red night, noise.

The truth of a frame comes out of the same masks that draw it. A person's box holds every pixel the
body would cover with no furniture, blanket or other person in front (an annotator draws it so),
cut off by the picture's edge and the doorway; a person of whom less than MIN_VISIBLE of these
pixels can be seen, or who covers less than MIN_PIXELS, is not in the truth of that frame. A
blanket hides nothing: the shape under it counts as seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.ward import backdrop, body, paint
from oneclick.ward.backdrop import Backdrop
from oneclick.ward.paint import Capsules, Frame, Picture, Sprite
from oneclick.ward.people import Person, Visit
from oneclick.ward.room import Colour, Room

Floats = NDArray[np.float64]

MIN_VISIBLE = 0.25
MIN_PIXELS = 60
BEHIND = 0.22
"""A body is hidden only by what is this much nearer, metres: chairs and mattresses are soft."""
NOISES = 7
"""Noise pictures that take turns, each at a random offset."""


@dataclass(frozen=True)
class Seen:
    """One person in one frame."""

    visit: int
    """Number of the visit."""
    box: tuple[float, float, float, float]
    """px, x1 y1 x2 y2, corners exclusive."""
    posture: str
    visible: float
    """Share of the body's pixels that nothing hides."""


@dataclass(frozen=True)
class Light:
    """What the camera's sensor makes of the scene."""

    night: bool
    noise: float
    """Standard deviation of a pixel, grey levels."""
    gain: float
    drift: float
    """Amplitude of slow changes of brightness, relative."""
    cloud: float
    """Seconds between steps of brightness; 0 for none."""

    @classmethod
    def draw(cls, rng: np.random.Generator, night: bool) -> Light:
        """Conditions of one recording."""
        if night:
            return cls(True, rng.uniform(6, 10), rng.uniform(0.85, 1.1), 0.01, 0.0)
        cloud = rng.uniform(12, 40) if rng.random() < 0.5 else 0.0
        return cls(
            False, rng.uniform(2, 4), rng.uniform(0.88, 1.14), rng.uniform(0.005, 0.03), cloud
        )


@dataclass(frozen=True, eq=False)
class Thing:
    """Something that stands on the floor for a while and is nobody."""

    shapes: Capsules
    start: float
    """Seconds of the recording."""
    stop: float

    @property
    def feet(self) -> Floats:
        """(JOINTS, 3) metres, as if its middle were a body's joints: for its place and shadow."""
        middle = self.shapes.ends.reshape(-1, 3).mean(0)
        return np.tile([middle[0], middle[1], 0.2], (body.JOINTS, 1))


@dataclass(frozen=True, eq=False)
class Shape:
    """What one person or thing covers of a frame."""

    window: tuple[slice, slice]
    """Rows and columns of the picture."""
    visible: NDArray[np.bool_]
    """Pixels of the window that show it."""


@dataclass(frozen=True, eq=False)
class _Body:
    """One person or thing in the frame that is being drawn."""

    visit: int
    """Things are counted after the visits."""
    joints: Floats
    posture: str
    sprite: Sprite


class Studio:
    """Draws the frames of one recording, in order."""

    def __init__(
        self, room: Room, visits: list[Visit], light: Light, fps: float, rng: np.random.Generator
    ) -> None:
        self.room, self.visits, self.light, self.fps, self.rng = room, visits, light, fps, rng
        sunny = not light.night and bool(rng.random() < 0.5)
        self.backdrop = backdrop.render(room, np.random.default_rng(7), sunny)
        self.veil = _vignette(room, light)
        _expose(self.backdrop, light.night, self.veil)
        self.noise = _noise(rng, room, light)
        self.sway = rng.uniform(0.5, 1.2)
        self.things: list[Thing] = []

    def frames(self, count: int) -> Iterator[tuple[Frame, list[Seen]]]:
        """Pictures (height, width, 3) RGB with everybody in them, nearest last."""
        for number in range(count):
            yield self.frame(number / self.fps)

    def frame(self, t: float) -> tuple[Frame, list[Seen]]:
        """The picture at `t` seconds; the sensor's noise depends on the frames before."""
        picture, seen, _ = self.look(t)
        return picture, seen

    def look(self, t: float) -> tuple[Frame, list[Seen], dict[int, Shape]]:
        """`frame`, and what each visit and, counted after them, each thing covers of it."""
        canvas = self.backdrop.picture.copy()
        self._curtain(canvas, t)
        depth = self.backdrop.depth.copy()
        bodies = self._bodies(t)
        for one in bodies:
            self._shadow(canvas, one.joints)
        masks = [self._draw(canvas, depth, one.sprite) for one in bodies]
        found = [
            _seen(one, mask, depth)
            for one, mask in zip(bodies, masks, strict=True)
            if one.visit < len(self.visits)
        ]
        shapes = {
            one.visit: Shape(one.sprite.window, mask & ~_hidden(one.sprite, depth))
            for one, mask in zip(bodies, masks, strict=True)
        }
        return self._sensor(canvas, t), [seen for seen in found if seen is not None], shapes

    def _bodies(self, t: float) -> list[_Body]:
        """Everybody in the picture, the farthest first."""
        found: list[_Body] = []
        for number, visit in enumerate(self.visits):
            state = visit.at(t)
            if state is None:
                continue
            joints, posture, blanket = state
            shapes = flesh(visit.person, joints, blanket, self.room.palette.blanket)
            sprite = paint.paint(self._lit(shapes, joints[body.PELVIS]), self.room.camera)
            if sprite is not None:
                found.append(_Body(number, joints, posture, sprite))
        found += self._things(t)
        eye = self.room.camera.position
        return sorted(found, key=lambda one: -float(np.linalg.norm(one.joints[body.PELVIS] - eye)))

    def _things(self, t: float) -> Iterator[_Body]:
        for number, thing in enumerate(self.things, len(self.visits)):
            if thing.start <= t < thing.stop:
                lit = self._lit(thing.shapes, thing.feet[0])
                sprite = paint.paint(lit, self.room.camera)
                if sprite is not None:
                    yield _Body(number, thing.feet, "thing", sprite)

    def _lit(self, shapes: Capsules, at: Floats) -> Capsules:
        """Colours under this recording's light at a point of the room, (3,) metres."""
        pixel, depth = self.room.camera.project(at[None])
        x, y = np.clip(pixel[0], 0, np.array(self.veil.shape[1::-1]) - 1).astype(int)
        if self.light.night:
            grey = shapes.colours @ [0.45, 0.35, 0.2] * 0.62 + 82
            colours = np.repeat(grey[:, None], 3, 1) * _illuminator(depth)
        else:
            lamp = at[:2] - np.array(self.room.size) / 2
            colours = shapes.colours * 1.1 / (1 + 0.03 * float(lamp @ lamp))
        return Capsules(shapes.ends, shapes.radii, colours * float(self.veil[y, x]))

    def _draw(self, canvas: Frame, depth: Picture, sprite: Sprite) -> NDArray[np.bool_]:
        """Draw one body; its mask is cut off by the walls only."""
        before = depth[sprite.window]
        within = sprite.depth < self.backdrop.shell[sprite.window]
        front = within & (sprite.depth - BEHIND < before)
        paint.lay(canvas, sprite, front)
        solid = sprite.cover > 0.5
        # What stands in front of this body later hides it if nearer than the body itself.
        before[front & solid] = sprite.depth[front & solid] - BEHIND
        return np.asarray(solid & within)

    def _shadow(self, canvas: Frame, joints: Floats) -> None:
        """A soft dark patch on the floor under the body."""
        low = joints[[*body.ANKLES, body.PELVIS]]
        if low[:, 2].min() > 0.3:
            return
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * 0.3
        spots = joints[:, :2].mean(0) if joints[body.PELVIS, 2] < 0.3 else low[:2, :2].mean(0)
        size = 1.6 if joints[body.PELVIS, 2] < 0.3 else 1.0
        points, _ = self.room.camera.project(ring * size + [*spots, 0.0])
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

    def _curtain(self, canvas: Frame, t: float) -> None:
        """A curtain beside the window that moves in the draught from time to time."""
        place = self.room.window
        out = np.array([np.cos(place.heading), np.sin(place.heading)])
        along = np.abs(np.array([-out[1], out[0]]))
        breeze = 0.1 * max(0.0, np.sin(0.23 * self.sway * t + self.sway))
        folds = np.arange(7)
        reach = 0.5 + 0.05 * folds + breeze * np.sin(1.9 * self.sway * t + 0.6 * folds) * folds / 4
        base = place.at + 0.06 * out
        top = [[*(base + along * (0.5 + 0.05 * f)), 2.25] for f in folds]
        low = [[*(base + along * r + out * breeze), 0.4] for r in reach]
        ends = np.stack([top, low], 1)
        tone = 0.85 + 0.15 * (folds % 2)
        colours = np.array(self.room.palette.curtain) * tone[:, None]
        shapes = Capsules(ends, np.full((7, 2), 0.045), colours)
        sprite = paint.paint(self._lit(shapes, ends[0, 1]), self.room.camera)
        if sprite is not None:
            paint.lay(canvas, sprite, self.backdrop.wall[sprite.window])

    def _sensor(self, canvas: Frame, t: float) -> Frame:
        light = self.light
        gain = light.gain * (
            1 + light.drift * np.sin(0.4 * t) + 0.3 * light.drift * np.sin(2.1 * t)
        )
        if light.cloud:
            gain *= 1 - 0.06 / (1 + np.exp(-4 * np.sin(2 * np.pi * t / light.cloud) / 0.3))
        noise = self.noise[int(self.rng.integers(NOISES))]
        height, width = canvas.shape[:2]
        y, x = (int(self.rng.integers(side)) for side in (32, 32))
        part = noise[y : y + height, x : x + width]
        return np.asarray(cv2.add(cv2.convertScaleAbs(canvas, alpha=gain), part, dtype=cv2.CV_8U))


def flesh(person: Person, joints: Floats, blanket: float, cover: Colour) -> Capsules:
    """Capsules around the joints; with a blanket, the covered part takes its colour and bulk."""
    height, girth = person.height, person.girth
    rows: list[paint.Row] = []

    def rod(a: int, b: int, ra: float, rb: float, colour: Colour) -> None:
        size = height * girth
        rows.append((joints[a], joints[b], ra * size, rb * size, colour))

    legs = cover if blanket >= 0.5 else person.legs
    top = cover if blanket >= 1 else person.top
    thick = 1.25 if blanket else 1.0
    for side in (0, 1):
        hip, knee, ankle = body.HIPS[side], body.KNEES[side], body.ANKLES[side]
        bare = person.skin if person.gown and not blanket else legs
        rod(hip, knee, 0.056 * thick, 0.04 * thick, legs)
        rod(knee, ankle, 0.036 * thick, 0.026 * thick, bare)
        shoe: Colour = cover if blanket >= 0.5 else (58.0, 54.0, 56.0)
        rod(ankle, body.TOES[side], 0.026 * thick, 0.02, shoe)
        rod(body.SHOULDERS[side], hip, 0.048, 0.056 * thick, top)
        shoulder, elbow = body.SHOULDERS[side], body.ELBOWS[side]
        rod(shoulder, elbow, 0.034, 0.027, person.top)
        rod(elbow, body.HANDS[side], 0.025, 0.02, person.skin if person.gown else person.top)
        rod(body.HANDS[side], body.HANDS[side], 0.025, 0.025, person.skin)
    rod(body.CHEST, body.PELVIS, 0.092, 0.084 * thick, top)
    rod(*body.SHOULDERS, 0.036, 0.036, person.top)
    rod(body.NECK, body.HEAD, 0.032, 0.03, person.skin)
    knees = joints[list(body.KNEES)].mean(0)
    if person.gown or blanket >= 0.5:
        skirt = (joints[body.PELVIS], knees, 0.085 * height * girth, 0.085 * height * girth, legs)
        rows.append(skirt)
    rows += _head(person, joints)
    return paint.capsules(rows)


def _head(person: Person, joints: Floats) -> list[paint.Row]:
    """A ball of hair and, a little before and below it, one of skin."""
    head, up = joints[body.HEAD], joints[body.HEAD] - joints[body.NECK]
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    across = joints[body.SHOULDERS[0]] - joints[body.SHOULDERS[1]]
    ahead = np.cross(across, up)
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-6)
    size = 0.062 * person.height
    hair = head - 0.018 * ahead + 0.016 * up
    face = head + 0.028 * ahead - 0.012 * up
    return [
        (hair, hair - 0.02 * up, size, size * 0.9, person.hair),
        (face, face - 0.03 * up, size * 0.86, size * 0.7, person.skin),
    ]


def _seen(one: _Body, mask: NDArray[np.bool_], depth: Picture) -> Seen | None:
    """The truth about one body once everything is drawn."""
    sprite = one.sprite
    pixels = int(mask.sum())
    if pixels < MIN_PIXELS:
        return None
    visible = float((mask & ~_hidden(sprite, depth)).sum()) / pixels
    if visible < MIN_VISIBLE:
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    x1, y1, x2, y2 = (float(value) for value in box)
    box_here = (x1 + sprite.x, y1 + sprite.y, x2 + sprite.x, y2 + sprite.y)
    return Seen(one.visit, box_here, one.posture, visible)


def _hidden(sprite: Sprite, depth: Picture) -> NDArray[np.bool_]:
    """Pixels of the sprite's window where something else is nearer, once everything is drawn."""
    return np.asarray(sprite.depth - BEHIND > depth[sprite.window] + 1e-4)


def _illuminator(depth: Floats) -> Floats:
    """Infra-red lamps sit beside the lens: what is far is dark."""
    return np.clip(1.15 * (2.6 / np.maximum(depth, 0.5)) ** 0.8, 0.3, 1.25)


def _expose(backdrop: Backdrop, night: bool, veil: Picture) -> None:
    """Bring the empty room under this recording's light."""
    picture = backdrop.picture.astype(np.float64)
    if night:
        grey = picture @ [0.45, 0.35, 0.2] * 0.74 + 12
        lamp = _illuminator(np.minimum(backdrop.depth, 9.0).astype(np.float64))
        picture = np.repeat((grey * lamp)[..., None], 3, 2)
    backdrop.picture[:] = np.clip(picture * veil[..., None], 0, 255)


def _vignette(room: Room, light: Light) -> Picture:
    """(height, width) brightness, less towards the corners."""
    camera = room.camera
    x = (np.arange(camera.width) + 0.5) / camera.width - 0.5
    y = (np.arange(camera.height) + 0.5) / camera.height - 0.5
    radius = x[None] ** 2 + y[:, None] ** 2
    strength = 1.1 if light.night else 0.35
    return np.asarray(1 - strength * radius, np.float32)


def _noise(rng: np.random.Generator, room: Room, light: Light) -> list[NDArray[np.int16]]:
    """Pictures of noise, a little larger than the frame; at night all colours shake together."""
    height, width = room.camera.height + 32, room.camera.width + 32
    made = []
    for _ in range(NOISES):
        grain = rng.normal(0, light.noise, (height, width, 1 if light.night else 3))
        # Cameras smooth their noise, so neighbours are alike.
        soft = cv2.GaussianBlur(grain.astype(np.float32), (3, 3), 0.6)
        soft = soft.reshape(height, width, -1) * 1.4
        whole = np.broadcast_to(np.round(soft), (height, width, 3))
        made.append(np.ascontiguousarray(whole, np.int16))
    return made
