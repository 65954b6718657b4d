"""What every trigger must do."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from oneclick.testing import samples
from oneclick.triggers import base
from oneclick.triggers.base import Trigger

SCENES = tuple(samples.scenes())


class TriggerContract:
    """Tests of a trigger; set `trigger` to its class."""

    trigger: ClassVar[type[Trigger]]

    def test_its_class_is_a_trigger(self) -> None:
        """Check name, summary and parameters, as they are checked when a plug-in is loaded."""
        assert base.validate(self.trigger.name, self.trigger) is self.trigger

    @pytest.mark.parametrize("name", SCENES)
    def test_its_hits_are_whole_and_inside_the_scene(self, name: str) -> None:
        """Check that any scene gives Hits with frames, scores and boxes that can be."""
        scene = samples.scenes()[name]
        base.check_hits(self.trigger.name, self.trigger().find(scene), scene.length)

    @pytest.mark.parametrize("name", SCENES)
    def test_the_same_scene_gives_the_same_hits(self, name: str) -> None:
        """Check that there is no state, clock or chance: live and replay must agree."""
        trigger = self.trigger()
        first = trigger.find(samples.scenes()[name])
        assert trigger.find(samples.scenes()[name]) == first
        assert self.trigger().find(samples.scenes()[name]) == first

    def test_a_scene_is_not_changed(self) -> None:
        """Check that the arrays of a scene are only read: other triggers use them too."""
        scene, untouched = (samples.scenes()["a rival, labels and signals"] for _ in range(2))
        self.trigger().find(scene)
        for name in ("frames", "boxes", "scores", "classes"):
            pair = (getattr(each.detections, name) for each in (scene, untouched))
            assert np.array_equal(*pair)
        for name, values in untouched.signals.items():
            assert np.array_equal(scene.signals[name], values)
