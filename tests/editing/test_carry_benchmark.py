"""What one drawn box saves on real video: numbers that must not get worse."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not ((SHARED / "video").is_dir() and (SHARED / "mot").is_dir()),
    reason="../shared/data with real video is absent",
)


def test_a_carried_box_restores_people_on_a_street_with_fewer_boxes_than_lines_need():
    from tests.bench import carry, carry_clips

    setting = carry_clips.Setting(video="TUD-Campus", length=71, evidence="all")
    (case,) = carry_clips.clips(setting, 0)
    carried = carry.CarryAnnotator(case, carry.Calibration()).restore()
    line = carry.restore_by_line(case)
    assert min(carried.f1, line.f1) >= carry_clips.TARGET
    assert carried.people == 3
    assert carried.boxes <= 4
    assert carried.boxes < line.boxes


def test_the_fewest_key_boxes_are_never_more_than_an_annotator_draws():
    from tests.bench import carry, carry_clips

    setting = carry_clips.Setting(video="TUD-Campus", length=71, evidence="pictures")
    for seed in range(3):
        (case,) = carry_clips.clips(setting, seed)
        assert carry.fewest_keys(case) <= carry.restore_by_line(case).boxes
