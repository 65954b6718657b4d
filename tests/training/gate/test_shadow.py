"""What the gate says of pieces of video in shadow."""

from __future__ import annotations

import numpy as np
import pytest

from oneclick.training.gate import GateOptions, shadow
from oneclick.training.gate.shadow import ShadowOptions
from oneclick.training.shadow.counts import ModelCounts, ShadowPiece

OPTIONS = ShadowOptions(hours=4, gate=GateOptions(draws=200))
"""24 pieces of ten minutes."""


def pieces(
    champion: float, candidate: float, count: int = 24, camera: str = "hall", seed: int = 0
) -> list[ShadowPiece]:
    """Return pieces whose flickers are drawn around two means; all else is equal."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.5, 1.5, count)
    return [
        ShadowPiece(
            key=f"{camera}|{k}",
            camera=camera,
            frames=6000,
            seconds=600.0,
            champion=ModelCounts(flickers=int(rng.poisson(champion * share[k])), gaps=3),
            candidate=ModelCounts(flickers=int(rng.poisson(candidate * share[k])), gaps=3),
        )
        for k in range(count)
    ]


CASES = {
    "nothing looked at": ([], "waits", "waits in shadow: 0 of 4 hours looked at"),
    "a few hours": (pieces(20, 20, 9), "waits", "waits in shadow: 1.5 of 4 hours looked at"),
    "the same model": (pieces(20, 20), "no worse", "4 hours looked at"),
    "steadier": (pieces(40, 10), "no worse", "no worse in shadow than old"),
    "flickers twice as often": (pieces(20, 40), "worse", "flickers an hour"),
    "may be worse": (pieces(20, 22.2, seed=5), "waits", "may be worse by more than 10%"),
    "one camera is worse": (
        [*pieces(20, 12, 40), *pieces(20, 40, 24, "ward")],
        "worse",
        "on ward",
    ),
    "a camera of an hour is too small": (
        [*pieces(20, 12, 40), *pieces(20, 40, 4, "ward")],
        "no worse",
        "7.3 hours",
    ),
    "one piece, however long": (
        [
            ShadowPiece(
                key="a",
                camera="hall",
                frames=1,
                seconds=40_000.0,
                champion=ModelCounts(flickers=9),
                candidate=ModelCounts(flickers=1),
            )
        ],
        "waits",
        "may be worse",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_candidate_waits_is_no_worse_or_is_worse_in_shadow(case: str) -> None:
    looked, state, text = CASES[case]
    evidence = shadow.judge_shadow(looked, "old", OPTIONS)
    assert evidence.state == state, evidence.reasons
    assert text in " ".join(evidence.reasons)


def test_rates_and_intervals_are_those_of_the_pieces() -> None:
    evidence = shadow.judge_shadow(pieces(20, 40), "old", OPTIONS)
    row = evidence.rows[0]
    flickers = [sum(getattr(p, side).flickers for p in pieces(20, 40)) for side in SIDES]
    assert (row.measure, row.camera, row.pieces, row.hours) == ("flickers", "", 24, 4.0)
    assert (row.champion, row.candidate) == (flickers[0] / 4, flickers[1] / 4)
    assert row.low is not None
    assert row.gain is not None
    assert row.high is not None
    assert row.low < row.gain < row.high < 0
    people = next(row for row in evidence.rows if row.measure == "people")
    review = next(row for row in evidence.rows if row.measure == "review")
    assert (people.word, review.word, review.champion) == ("not judged", "too small", None)


SIDES = ("champion", "candidate")


def test_pieces_of_the_same_ten_minutes_are_one_unit_of_evidence() -> None:
    halves = [
        ShadowPiece(
            key=piece.key,
            camera=piece.camera,
            frames=3000,
            seconds=300.0,
            champion=piece.champion,
            candidate=piece.candidate,
        )
        for piece in pieces(20, 20)
        for _ in range(2)
    ]
    assert {row.pieces for row in shadow.compare(halves, OPTIONS)} == {0, 24}


def test_equal_models_are_seldom_called_worse() -> None:
    states = [shadow.judge_shadow(pieces(20, 20, seed=k), "old", OPTIONS).state for k in range(20)]
    assert states.count("worse") <= 2
