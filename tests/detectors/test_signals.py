"""Pictures that something is wrong with, and what triggers make of their Signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import cv2
import numpy as np
import pytest

from oneclick import triggers, ward
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.detectors.base import Frame
from oneclick.detectors.signals import SignalMeter
from oneclick.triggers.scene import Scene
from tests.fakes import arrays

FPS, LENGTH = 10.0, 200
SPAN = Span(100, 160)
PICTURE = ("dark", "blurred", "covered", "frozen", "moved", "unseen_motion", "novelty")


@cache
def room() -> Frame:
    """The empty picture of a camera."""
    return next(ward.frames(ward.Shift(camera=3, seed=3, seconds=0.1)))[0]


@cache
def ordinary_film() -> tuple[Frame, ...]:
    """Draw someone in grey who walks through the room."""
    r, frames = np.random.default_rng(0), []
    for k in range(LENGTH):
        picture = room().copy()
        x = 30 + 2 * k
        picture[100:220, x : x + 45] = 90 + 40 * np.sin(np.arange(45) / 3)[None, :, None]
        frames.append(np.clip(picture + r.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8))
    return tuple(frames)


@pytest.fixture(scope="module", autouse=True)
def films_end() -> Iterator[None]:
    """Let go of the film, which holds 83 MB."""
    yield
    ordinary_film.cache_clear()


def film(fault: Callable[[Frame, int], Frame] | None = None) -> list[Frame]:
    """Return that film; the fault comes on top in SPAN."""
    frames = enumerate(ordinary_film())
    return [fault(frame, k) if fault and k in SPAN else frame for k, frame in frames]


def walker(always: bool = True) -> Detections:
    """The box around them; or nobody in SPAN."""
    frames = [k for k in range(LENGTH) if always or k not in SPAN]
    sides = [[30 + 2 * k, 100, 75 + 2 * k, 220] for k in frames]
    n = len(frames)
    return arrays.detections(
        frames=frames, boxes=sides, scores=[0.9] * n, classes=[0] * n, length=LENGTH, fps=FPS
    )


def hits(frames: list[Frame], boxes: Detections) -> list[Hit]:
    meter = SignalMeter(FPS)
    for frame in frames:
        meter.add_frame(frame)
    scene = Scene(
        detections=boxes, threshold=0.5, width=480, height=288, signals=meter.signals(boxes)
    )
    return triggers.scan(scene, triggers.make(PICTURE))


def covered(frame: Frame, k: int) -> Frame:
    cloth = np.full_like(frame, 70)
    cloth[:, :20] = frame[:, :20]
    return np.asarray(cv2.GaussianBlur(cloth, (0, 0), 9), np.uint8)


def still() -> Callable[[Frame, int], Frame]:
    buffer: list[Frame] = []

    def repeat(frame: Frame, k: int) -> Frame:
        buffer.append(frame)
        return buffer[0]

    return repeat


FAULTS: dict[str, Callable[[Frame, int], Frame]] = {
    "dark": lambda frame, k: (frame * 0.04).astype(np.uint8),
    "blurred": lambda frame, k: np.asarray(cv2.GaussianBlur(frame, (0, 0), 3), np.uint8),
    "covered": covered,
    "frozen": still(),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_picture_that_went_wrong_is_found_and_called_by_its_name(name: str) -> None:
    hits_found = [
        hit for hit in hits(film(FAULTS[name]), walker()) if hit.trigger != "unseen_motion"
    ]
    assert [hit.trigger for hit in hits_found] == [name]
    (hit,) = hits_found
    assert abs(hit.span.start - SPAN.start) <= 1
    assert abs(hit.span.stop - SPAN.stop) <= 1
    assert hit.boxes == ()
    assert "6.0 s" in hit.why or "5.9 s" in hit.why


@pytest.mark.parametrize("light", [0.5, 0.3])
def test_less_light_is_no_blur_but_hides_none(light: float) -> None:
    def dimmed(frame: Frame, k: int) -> Frame:
        return (frame * light).astype(np.uint8)

    def dimmed_and_blurred(frame: Frame, k: int) -> Frame:
        return dimmed(FAULTS["blurred"](frame, k), k)

    for fault, names in ((dimmed, []), (dimmed_and_blurred, ["blurred"])):
        triggers_hit = [hit.trigger for hit in hits(film(fault), walker())]
        assert [name for name in triggers_hit if name == "blurred"] == names


def test_a_picture_too_thin_to_measure_a_shift_has_none() -> None:
    meter = SignalMeter(FPS)
    for frame in ordinary_film()[:3]:
        meter.add_frame(np.asarray(cv2.resize(frame, (2000, 2)), np.uint8))
    assert meter.signals(Detections.empty(3, FPS))["shift"].tolist() == [0, 0, 0]


def test_nothing_is_wrong_with_an_ordinary_picture() -> None:
    assert hits(film(), walker()) == []


def test_a_knocked_camera_is_found() -> None:
    def turned(frame: Frame, k: int) -> Frame:
        return np.roll(frame, (4, 36), (0, 1))

    hits_found = hits(film(turned), walker())
    first, second = [hit.span.start for hit in hits_found if hit.trigger == "moved"]
    assert abs(first - SPAN.start) <= 1
    assert abs(second - SPAN.stop) <= 1


def test_someone_who_moves_and_has_no_box_is_found() -> None:
    hits_found = hits(film(), walker(always=False))
    assert [hit.trigger for hit in hits_found] == ["unseen_motion"]
    assert len(hits_found[0].span) > 0.8 * len(SPAN)
    assert hits_found[0].span.start >= SPAN.start - 1


def test_a_lamp_is_no_motion() -> None:
    def lit(frame: Frame, k: int) -> Frame:
        return np.clip(frame.astype(np.int16) + 35, 0, 255).astype(np.uint8)

    assert [hit for hit in hits(film(lit), walker()) if hit.trigger == "unseen_motion"] == []


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_a_video_of_next_to_no_frames_has_signals_of_its_length(frames: int) -> None:
    meter = SignalMeter(FPS)
    for _ in range(frames):
        meter.add_frame(room())
    signals = meter.signals(Detections.empty(frames, FPS))
    assert set(signals) == {"brightness", "detail", "change", "shift", "stir"}
    assert {len(values) for values in signals.values()} == {frames}
    assert all(np.isfinite(values).all() for values in signals.values())


@pytest.mark.parametrize("name", PICTURE)
def test_without_its_signal_a_trigger_finds_nothing(name: str) -> None:
    (trigger,) = triggers.make([name])
    assert trigger.find(Scene(detections=walker(), threshold=0.5, width=480, height=288)) == []


def test_what_is_strange_to_any_model_of_novelty_is_found() -> None:
    autoencoder, other = np.zeros(LENGTH, np.float32), np.zeros(LENGTH, np.float32)
    autoencoder[50:60], other[120:122], other[150:170] = 1.2, 3.0, 1.6
    signals = {"novelty-autoencoder": autoencoder, "novelty-gan": other}
    (trigger,) = triggers.make(["novelty"])
    hits_found = trigger.find(
        Scene(detections=walker(), threshold=0.5, width=480, height=288, signals=signals)
    )
    assert [hit.span for hit in hits_found] == [Span(50, 60), Span(150, 170)]
    assert [hit.score for hit in hits_found] == [
        pytest.approx(1 - 1 / 2.4, abs=1e-3),
        pytest.approx(1 - 1 / 3.2, abs=1e-3),
    ]


def test_what_is_new_is_paid_from_another_share_than_errors() -> None:
    registry = triggers.registry()
    novel = {name for name in PICTURE if triggers.novel(registry[name])}
    assert novel == set(PICTURE) - {"unseen_motion"}
    assert not any(triggers.novel(registry[name]) for name in set(registry) - set(PICTURE))
