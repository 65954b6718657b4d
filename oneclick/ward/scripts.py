"""What people do: scripts of walking, sitting, lying, bending, falling, coming and going.

Everything is decided before the first frame, so a moment can be drawn without the ones before it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import body, people
from oneclick.ward.people import Action, Person, Visit
from oneclick.ward.room import BED, REACH, Place, Room

Floats = NDArray[np.float64]

SEAT = 0.46
OUTSIDE = 1.5
"""Metres behind the doorway where a visit begins and ends."""


def cast(room: Room, seconds: float, rng: np.random.Generator, falls: bool = True) -> list[Visit]:
    """All visits of a recording: one or two residents, and a carer who comes and goes.

    Without `falls`, who would have fallen wanders about instead.
    """
    visits: list[Visit] = []
    bed_user = people.resident(room, rng, 0)
    visits += _Script(room, bed_user, rng, seconds, falls).live("bed")
    if rng.random() < 0.65:
        visits += _Script(room, people.resident(room, rng, 1), rng, seconds, falls).live("chair")
    if rng.random() < 0.8:
        visits += _Script(room, people.carer(room, rng), rng, seconds, falls).live("round")
    return [visit for visit in visits if visit.actions]


def on_the_floor(
    person: Person, spot: Floats, heading: float, curl: float, beat: float
) -> Callable[[float], Floats]:
    """The pose of somebody who fell at `spot`, (2,) metres; `beat` is the arm's restlessness."""

    def pose(t: float) -> Floats:
        reach = 0.5 + 0.4 * np.sin(beat * t) * (np.sin(0.37 * t) > 0.2)
        return body.placed(body.fallen(person.height, curl, reach), spot, heading)

    return pose


class _Script:
    """Writes the visits of one person from the first second to the last."""

    def __init__(
        self, room: Room, person: Person, rng: np.random.Generator, seconds: float, falls: bool
    ) -> None:
        self.room, self.person, self.rng, self.seconds = room, person, rng, seconds
        self.falls = falls
        self.now, self.at, self.heading = 0.0, room.hub, 0.0
        self.visits: list[Visit] = []

    def live(self, role: str) -> list[Visit]:
        """Bed and chair belong to one person each, so two never lie in one bed."""
        if role == "round" or self.rng.random() < 0.3:
            self.now = float(self.rng.uniform(0, min(12.0, self.seconds / 3)))
            self._enter()
        else:
            self._begin_inside(role)
        acts = {"bed": self._bed_user, "chair": self._chair_user, "round": self._carer}
        while self.now < self.seconds:
            acts[role]()
        return self.visits

    def _bed_user(self) -> None:
        act = self.rng.choice(5, p=[0.36, 0.2, 0.2, 0.16, 0.08])
        (self._rest_in_bed, self._look_out, self._wander, self._fall, self._go_out)[act]()

    def _chair_user(self) -> None:
        act = self.rng.choice(5, p=[0.38, 0.18, 0.22, 0.12, 0.1])
        (self._sit_in_chair, self._look_out, self._wander, self._fall, self._go_out)[act]()

    def _carer(self) -> None:
        act = self.rng.choice(4, p=[0.36, 0.2, 0.2, 0.24])
        (self._tend, self._look_out, self._wander, self._go_out)[act]()

    def _begin_inside(self, role: str) -> None:
        self.visits.append(Visit(self.person))
        if role == "bed":
            self.at, self.heading = self.room.bedside.at, self.room.bedside.heading
            self._lie(self._some(6, 18))
            self._get_up()
        else:
            self.at, self.heading = self.room.chair_front.at, self.room.chair_front.heading
            self._sit(self.room.chair, self._some(5, 14))
            self._stand(1.0, blend=1.2)

    # What people do

    def _rest_in_bed(self) -> None:
        self._walk(self.room.bedside.at)
        self._turn(self.room.bedside.heading + np.pi)
        self._sit(self._edge(), self._some(1.5, 4))
        self._lie(self._some(8, 22))
        self._get_up()

    def _get_up(self) -> None:
        self._sit(self._edge(), self._some(1.5, 4), blend=1.8)
        self.at, self.heading = self.room.bedside.at, self.room.bedside.heading + np.pi
        self._stand(self._some(0.5, 1.5), blend=1.3)

    def _sit_in_chair(self) -> None:
        self._walk(self.room.chair_front.at)
        self._turn(self.room.chair_front.heading)
        self._sit(self.room.chair, self._some(7, 20))
        self._stand(self._some(0.5, 1.5), blend=1.2)

    def _look_out(self) -> None:
        place = self.room.window
        self._walk(place.at + _along(place.heading) * REACH)
        self._turn(place.heading + np.pi)
        self._stand(self._some(2, 7))

    def _wander(self) -> None:
        for _ in range(20):
            low = np.array([0.32, 0.32]) * self.room.size
            goal = self.rng.uniform(low, np.array([0.88, 0.88]) * self.room.size)
            if self.room.clear(self.room.hub, goal) and np.hypot(*(goal - self.at)) > 0.8:
                self._walk(goal)
                break
        self._stand(self._some(0.8, 3))

    def _fall(self) -> None:
        if not self.falls:
            self._wander()
            return
        if self.rng.random() < 0.5:
            self._wander()
        curl, turn = self.rng.uniform(0.2, 0.9), self.rng.uniform(-0.6, 0.6)
        heading = self.heading + turn
        spot = self._floor_for_body(heading)
        stop = self.now + self._some(5, 14)
        beat = self.rng.uniform(0.6, 1.6)
        pose = on_the_floor(self.person, spot, heading, curl, beat)
        self._act(stop, "fallen", pose, blend=0.7)
        self.heading = heading
        self._stand(self._some(1, 2), blend=2.4)

    def _floor_for_body(self, heading: float) -> Floats:
        """Where the pelvis lands: far enough from the furniture for the whole body."""
        goal = self.at + _along(heading) * 0.3
        middle = np.array(self.room.size) / 2
        for pull in np.linspace(0, 1, 11):
            spot = goal + pull * (middle - goal)
            ends = [spot + _along(heading) * reach for reach in (-0.7, 0.0, 0.6)]
            if all(self.room.clear(spot, end) for end in ends):
                break
        return np.asarray(spot)

    def _tend(self) -> None:
        self._walk(self.room.bedside.at + self.rng.normal(0, 0.08, 2))
        self._turn(self.room.bedside.heading)
        self._stand(self._some(2, 6), lean=float(self.rng.uniform(0.5, 0.9)), blend=0.8)
        self._stand(self._some(0.5, 2), blend=0.8)

    def _enter(self) -> None:
        door = self.room.door
        self.visits.append(Visit(self.person))
        self.at = door.at - _along(door.heading) * OUTSIDE
        self.heading = door.heading
        self._walk(door.at + _along(door.heading) * REACH)

    def _go_out(self) -> None:
        door = self.room.door
        self._walk(door.at + _along(door.heading) * REACH)
        self._walk(door.at - _along(door.heading) * OUTSIDE, straight=True)
        self.now += self._some(3, 14)
        if self.now < self.seconds:
            self._enter()

    # How they do it

    def _some(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def _edge(self) -> Place:
        """The edge of the bed as a seat, facing away from it."""
        side = self.room.bedside
        out = side.heading + np.pi
        return Place(side.at - _along(out) * 0.55, out)

    def _act(
        self,
        stop: float,
        posture: str,
        pose: Callable[[float], Floats],
        blend: float = 0.0,
        blanket: float = 0.0,
    ) -> None:
        stop = max(stop, self.now + blend)
        self.visits[-1].actions.append(Action(self.now, stop, posture, pose, blend, blanket))
        self.now = stop

    def _walk(self, goal: Floats, straight: bool = False) -> None:
        corners = np.stack([self.at, goal]) if straight else self.room.route(self.at, goal)
        lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
        if lengths[-1] < 0.05:
            return
        way = _Way(corners, lengths, self.now, self.person, self.heading)
        self._act(self.now + way.seconds, "walking", way.pose, blend=0.25)
        self.at, self.heading = corners[-1], way.heading(self.now)

    def _turn(self, heading: float) -> None:
        """Turn on the spot, the short way round."""
        old, begin, at = self.heading, self.now, self.at
        by = (heading - old + np.pi) % (2 * np.pi) - np.pi
        seconds = 0.3 + abs(by) / 2.5

        def pose(t: float) -> Floats:
            share = np.clip((t - begin) / seconds, 0, 1)
            made = body.upright(self.person.height, 6 * t, 0.08, self.person.stoop)
            return body.placed(made, at, old + share * by)

        self._act(begin + seconds, "standing", pose, blend=0.2)
        self.heading = old + by

    def _stand(self, seconds: float, lean: float | None = None, blend: float = 0.4) -> None:
        at, heading, beat = self.at, self.heading, self.rng.uniform(0.8, 2.0)
        trunk = self.person.stoop if lean is None else lean

        def pose(t: float) -> Floats:
            sway = 0.03 * np.sin(beat * t)
            made = body.upright(self.person.height, beat * t, 0.05, trunk + sway)
            return body.placed(made, at, heading + sway)

        self._act(self.now + seconds + blend, "standing", pose, blend=blend)

    def _sit(self, seat: Place, seconds: float, blend: float = 1.2) -> None:
        lean, beat = self.rng.uniform(-0.2, 0.15), self.rng.uniform(0.4, 1.2)
        height = BED[2] if seat.at is not self.room.chair.at else SEAT

        def pose(t: float) -> Floats:
            moving = np.sin(0.31 * beat * t) > 0.55
            fidget = 0.06 * max(0.0, np.sin(5 * beat * t)) * moving
            made = body.seated(self.person.height, height, lean + fidget, fidget)
            return body.placed(made, seat.at, seat.heading)

        self._act(self.now + seconds + blend, "sitting", pose, blend=blend)
        self.heading = seat.heading

    def _lie(self, seconds: float) -> None:
        bed, rng = self.room.bed, self.rng
        bend, beat = rng.uniform(0, 0.5), rng.uniform(0.2, 0.5)
        turn = rng.uniform(-0.1, 0.1)
        covered = float(rng.choice([0.0, 0.5, 1.0], p=[0.2, 0.4, 0.4]))
        at = bed.at + _along(bed.heading) * (0.86 - 0.46 * self.person.height)

        def pose(t: float) -> Floats:
            restless = 0.08 * np.sin(4 * t) * (np.sin(beat * t) > 0.9)
            made = body.lying(self.person.height, bend + restless, turn + restless)
            return body.placed(made, at, bed.heading, BED[2])

        self._act(self.now + seconds + 2.0, "lying", pose, blend=2.0, blanket=covered)


class _Way:
    """Walking along a line of corners at the person's own speed."""

    def __init__(
        self, corners: Floats, lengths: Floats, start: float, person: Person, heading: float
    ) -> None:
        self.corners, self.lengths, self.start = corners, lengths, start
        self.person, self.before = person, heading
        self.seconds = float(lengths[-1]) / person.speed

    def where(self, t: float) -> Floats:
        along = np.clip((t - self.start) * self.person.speed, 0, self.lengths[-1])
        return np.array([np.interp(along, self.lengths, axis) for axis in self.corners.T])

    def heading(self, t: float) -> float:
        """Where the feet point: the way half a second around `t`, so corners are rounded."""
        ahead = self.where(t + 0.3) - self.where(t - 0.3)
        return float(np.arctan2(ahead[1], ahead[0])) if ahead.any() else self.before

    def pose(self, t: float) -> Floats:
        person = self.person
        stride = 0.24 + 0.17 * person.speed
        # A double step of a leg that swings by `stride` covers four times its sine over the leg.
        step = 4 * np.sin(stride) * 0.49 * person.height
        phase = 2 * np.pi * (t - self.start) * person.speed / step
        made = body.upright(person.height, phase, stride, person.stoop)
        return body.placed(made, self.where(t), self.heading(t))


def _along(heading: float) -> Floats:
    return np.array([np.cos(heading), np.sin(heading)])
