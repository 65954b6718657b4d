"""The behaviour of people: scripts of walking, sitting, lying, bending, falling, coming and going.

Everything is decided before the first frame, so a moment can be drawn without the ones before it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oneclick.ward import body, people
from oneclick.ward.people import Action, Person, Visit
from oneclick.ward.room import BED, REACH, Placement, WardRoom
from oneclick.ward.walking import WalkPath

Floats = NDArray[np.float64]

SEAT = 0.46
"""Height of the chair's seat, metres."""
OUTSIDE = 1.5
"""Distance behind the doorway where a visit begins and ends, metres."""


def write_visits(
    ward_room: WardRoom, seconds: float, rng: np.random.Generator, falls: bool = True
) -> list[Visit]:
    """Draw all visits of a recording: one or two residents, and a carer who comes and goes.

    Without `falls`, a person who would have fallen wanders about instead.
    """
    visits: list[Visit] = []

    def write(person: Person, role: str) -> list[Visit]:
        return _PersonScript(ward_room, person, rng, seconds, falls).write(role)

    visits += write(people.resident(ward_room, rng, 0), "bed")
    if rng.random() < 0.65:
        visits += write(people.resident(ward_room, rng, 1), "chair")
    if rng.random() < 0.8:
        visits += write(people.carer(ward_room, rng), "round")
    return [visit for visit in visits if visit.actions]


def on_the_floor(
    person: Person, spot: Floats, heading: float, curl: float, beat: float
) -> Callable[[float], Floats]:
    """Return the pose over time of a person who fell.

    Args:
        person: who fell.
        spot: (2,) metres.
        heading: from the feet to the head, radians.
        curl: of hips and knees, 0 … 1.
        beat: restlessness of the free arm, radians a second.
    """

    def pose(t: float) -> Floats:
        reach = 0.5 + 0.4 * np.sin(beat * t) * (np.sin(0.37 * t) > 0.2)
        return body.place_in_room(body.fallen(person.height, curl, reach), spot, heading)

    return pose


class _PersonScript:
    """The script of one person, from the first second of the recording to the last."""

    def __init__(
        self,
        ward_room: WardRoom,
        person: Person,
        rng: np.random.Generator,
        seconds: float,
        falls: bool,
    ) -> None:
        self.room, self.person, self.rng = ward_room, person, rng
        self.seconds, self.falls = seconds, falls
        self.time, self.position, self.heading = 0.0, ward_room.hub, 0.0
        self.visits: list[Visit] = []

    def write(self, role: str) -> list[Visit]:
        """Return the visits of a bed user, a chair user, or a carer on a round.

        Bed and chair belong to one person each, so two never lie in one bed.
        """
        if role == "round" or self.rng.random() < 0.3:
            self.time = float(self.rng.uniform(0, min(12.0, self.seconds / 3)))
            self.enter()
        else:
            self.begin_inside(role)
        actions, shares = {
            "bed": (
                (self.rest_in_bed, self.look_out, self.wander, self.fall, self.leave),
                (0.36, 0.2, 0.2, 0.16, 0.08),
            ),
            "chair": (
                (self.rest_in_chair, self.look_out, self.wander, self.fall, self.leave),
                (0.38, 0.18, 0.22, 0.12, 0.1),
            ),
            "round": (
                (self.tend, self.look_out, self.wander, self.leave),
                (0.36, 0.2, 0.2, 0.24),
            ),
        }[role]
        while self.time < self.seconds:
            actions[self.rng.choice(len(actions), p=shares)]()
        return self.visits

    def begin_inside(self, role: str) -> None:
        """Begin the recording in bed or in the chair."""
        self.visits.append(Visit(self.person))
        if role == "bed":
            self.position, self.heading = self.room.bedside.position, self.room.bedside.heading
            self.lie(self._seconds(6, 18))
            self.get_up()
        else:
            front = self.room.chair_front
            self.position, self.heading = front.position, front.heading
            self.sit(self.room.chair, self._seconds(5, 14))
            self.stand(1.0, blend=1.2)

    # Activities

    def rest_in_bed(self) -> None:
        self.walk(self.room.bedside.position)
        self.turn(self.room.bedside.heading + np.pi)
        self.sit(self._bed_edge(), self._seconds(1.5, 4))
        self.lie(self._seconds(8, 22))
        self.get_up()

    def get_up(self) -> None:
        self.sit(self._bed_edge(), self._seconds(1.5, 4), blend=1.8)
        self.position = self.room.bedside.position
        self.heading = self.room.bedside.heading + np.pi
        self.stand(self._seconds(0.5, 1.5), blend=1.3)

    def rest_in_chair(self) -> None:
        self.walk(self.room.chair_front.position)
        self.turn(self.room.chair_front.heading)
        self.sit(self.room.chair, self._seconds(7, 20))
        self.stand(self._seconds(0.5, 1.5), blend=1.2)

    def look_out(self) -> None:
        self.walk(self.room.window.in_front(REACH))
        self.turn(self.room.window.heading + np.pi)
        self.stand(self._seconds(2, 7))

    def wander(self) -> None:
        for _ in range(20):
            low = np.array([0.32, 0.32]) * self.room.size
            goal = self.rng.uniform(low, np.array([0.88, 0.88]) * self.room.size)
            if self.room.clear(self.room.hub, goal) and np.hypot(*(goal - self.position)) > 0.8:
                self.walk(goal)
                break
        self.stand(self._seconds(0.8, 3))

    def fall(self) -> None:
        """Add a fall, a while on the floor and getting up; wander if `falls` is false."""
        if not self.falls:
            self.wander()
            return
        if self.rng.random() < 0.5:
            self.wander()
        curl, turn = self.rng.uniform(0.2, 0.9), self.rng.uniform(-0.6, 0.6)
        heading = self.heading + turn
        spot = self.landing_spot(heading)
        stop = self.time + self._seconds(5, 14)
        beat = self.rng.uniform(0.6, 1.6)
        pose = on_the_floor(self.person, spot, heading, curl, beat)
        self._act(stop, "fallen", pose, blend=0.7)
        self.heading = heading
        self.stand(self._seconds(1, 2), blend=2.4)

    def landing_spot(self, heading: float) -> Floats:
        """Return where the pelvis lands, (2,) metres, with floor for the whole body."""
        goal = Placement(self.position, heading).in_front(0.3)
        middle = np.array(self.room.size) / 2
        for pull in np.linspace(0, 1, 11):
            spot = goal + pull * (middle - goal)
            ends = [Placement(spot, heading).in_front(reach) for reach in (-0.7, 0.0, 0.6)]
            if all(self.room.clear(spot, end) for end in ends):
                break
        return np.asarray(spot)

    def tend(self) -> None:
        """Add a visit to the bedside, bent over the bed."""
        self.walk(self.room.bedside.position + self.rng.normal(0, 0.08, 2))
        self.turn(self.room.bedside.heading)
        self.stand(self._seconds(2, 6), lean=float(self.rng.uniform(0.5, 0.9)), blend=0.8)
        self.stand(self._seconds(0.5, 2), blend=0.8)

    def enter(self) -> None:
        door = self.room.door
        self.visits.append(Visit(self.person))
        self.position, self.heading = door.in_front(-OUTSIDE), door.heading
        self.walk(door.in_front(REACH))

    def leave(self) -> None:
        """Go out through the door and come back after a while, as a new visit."""
        door = self.room.door
        self.walk(door.in_front(REACH))
        self.walk(door.in_front(-OUTSIDE), straight=True)
        self.time += self._seconds(3, 14)
        if self.time < self.seconds:
            self.enter()

    # Movements

    def walk(self, goal: Floats, straight: bool = False) -> None:
        """Walk to (2,) metres, around the furniture unless `straight`."""
        corners = np.stack([self.position, goal])
        if not straight:
            corners = self.room.route(self.position, goal)
        path = WalkPath(corners, self.time, self.person, self.heading)
        if path.length < 0.05:
            return
        self._act(self.time + path.seconds, "walking", path.pose, blend=0.25)
        self.position, self.heading = corners[-1], path.heading(self.time)

    def turn(self, heading: float) -> None:
        """Turn on the spot, the short way round."""
        old, begin, position = self.heading, self.time, self.position
        angle = (heading - old + np.pi) % (2 * np.pi) - np.pi
        seconds = 0.3 + abs(angle) / 2.5

        def pose(t: float) -> Floats:
            share = np.clip((t - begin) / seconds, 0, 1)
            standing = body.upright(self.person.height, 6 * t, 0.08, self.person.stoop)
            return body.place_in_room(standing, position, old + share * angle)

        self._act(begin + seconds, "standing", pose, blend=0.2)
        self.heading = old + angle

    def stand(self, seconds: float, lean: float | None = None, blend: float = 0.4) -> None:
        position, heading, beat = self.position, self.heading, self.rng.uniform(0.8, 2.0)
        trunk = self.person.stoop if lean is None else lean

        def pose(t: float) -> Floats:
            sway = 0.03 * np.sin(beat * t)
            standing = body.upright(self.person.height, beat * t, 0.05, trunk + sway)
            return body.place_in_room(standing, position, heading + sway)

        self._act(self.time + seconds + blend, "standing", pose, blend=blend)

    def sit(self, seat: Placement, seconds: float, blend: float = 1.2) -> None:
        lean, beat = self.rng.uniform(-0.2, 0.15), self.rng.uniform(0.4, 1.2)
        height = BED[2] if seat.position is not self.room.chair.position else SEAT

        def pose(t: float) -> Floats:
            moving = np.sin(0.31 * beat * t) > 0.55
            fidget = 0.06 * max(0.0, np.sin(5 * beat * t)) * moving
            sitting = body.seated(self.person.height, height, lean + fidget, fidget)
            return body.place_in_room(sitting, seat.position, seat.heading)

        self._act(self.time + seconds + blend, "sitting", pose, blend=blend)
        self.heading = seat.heading

    def lie(self, seconds: float) -> None:
        bed, rng = self.room.bed, self.rng
        bend, beat = rng.uniform(0, 0.5), rng.uniform(0.2, 0.5)
        turn = rng.uniform(-0.1, 0.1)
        blanket = float(rng.choice([0.0, 0.5, 1.0], p=[0.2, 0.4, 0.4]))
        pelvis = bed.in_front(0.86 - 0.46 * self.person.height)

        def pose(t: float) -> Floats:
            restless = 0.08 * np.sin(4 * t) * (np.sin(beat * t) > 0.9)
            lying = body.lying(self.person.height, bend + restless, turn + restless)
            return body.place_in_room(lying, pelvis, bed.heading, BED[2])

        self._act(self.time + seconds + 2.0, "lying", pose, blend=2.0, blanket=blanket)

    def _seconds(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def _bed_edge(self) -> Placement:
        """Return the edge of the bed as a seat, facing away from it."""
        outwards = Placement(self.room.bedside.position, self.room.bedside.heading + np.pi)
        return Placement(outwards.in_front(-0.55), outwards.heading)

    def _act(
        self,
        stop: float,
        posture: str,
        pose: Callable[[float], Floats],
        blend: float = 0.0,
        blanket: float = 0.0,
    ) -> None:
        stop = max(stop, self.time + blend)
        self.visits[-1].actions.append(
            Action(
                start=self.time,
                stop=stop,
                posture=posture,
                pose=pose,
                blend=blend,
                blanket=blanket,
            )
        )
        self.time = stop
