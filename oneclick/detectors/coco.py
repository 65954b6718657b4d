"""Class names of COCO: 80, as most detectors number them, and 91 numbers with gaps."""

from __future__ import annotations

_TEXT = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork,
knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake,
chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
hair drier, toothbrush
"""
NAMES = tuple(name.strip() for name in _TEXT.split(","))
_GAPS = frozenset((0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
NUMBERED_NAMES = tuple(
    "" if k in _GAPS else NAMES[k - sum(gap < k for gap in _GAPS)] for k in range(91)
)
"""By COCO's own number of a category, 1 … 90; empty where there is none."""
