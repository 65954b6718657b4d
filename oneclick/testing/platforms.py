"""What every review platform must do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import pytest

from oneclick.core.clips import Clip
from oneclick.core.labels import LabelSet
from oneclick.core.review import Verdict
from oneclick.platforms.base import Platform
from oneclick.testing import samples


class Reviewers(Protocol):
    """People who review on a platform, in whatever way it has for that."""

    platform: Platform

    def pending(self) -> list[str]:
        """Return the ids of the clips that wait for a verdict, sorted."""

    def give(self, verdict: Verdict) -> None:
        """Decide about a clip; what was decided already stays."""


class PlatformContract:
    """Tests of a review platform; override the fixture `reviewers`."""

    can_draw: ClassVar[bool] = True
    """Whether people can correct boxes there, and not only accept or reject them."""

    @pytest.fixture
    def reviewers(self, tmp_path: Path) -> Reviewers:
        """Return people who review on an empty platform."""
        raise pytest.UsageError("override the fixture `reviewers` of PlatformContract")

    @pytest.fixture
    def clip_file(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
        """Return a real clip.mp4 and its sha256."""
        path = tmp_path_factory.mktemp("film") / "clip.mp4"
        return path, samples.film(path)

    def offer(
        self, reviewers: Reviewers, clip_file: tuple[Path, str], number: int
    ) -> tuple[Clip, LabelSet]:
        """Return a clip with labels; override it where a platform needs the file in its place."""
        clip = replace(samples.clip(number), digest=clip_file[1])
        return clip, samples.auto_labels(clip)

    def send(self, reviewers: Reviewers, clip_file: tuple[Path, str], count: int = 1) -> list[str]:
        """Send some clips; return those that wait."""
        offers = [self.offer(reviewers, clip_file, number) for number in range(count)]
        assert [sent.error for sent in reviewers.platform.send(offers)] == [None] * count
        return reviewers.pending()

    def collect(self, reviewers: Reviewers) -> list[Verdict]:
        """Return the verdicts that are there."""
        reviewers.platform.fetch([samples.clip(number).id for number in range(2)])
        return list(reviewers.platform.collect())

    def test_a_clip_sent_twice_waits_once(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that sending is idempotent."""
        assert self.send(reviewers, clip_file, 2) == self.send(reviewers, clip_file, 2)
        assert len(reviewers.pending()) == 2

    def test_a_verdict_comes_back_with_its_corrected_tracks(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that what people drew, who did it and how long it took arrives."""
        if not self.can_draw:
            pytest.skip("no boxes can be drawn on this platform")
        (name,) = self.send(reviewers, clip_file)
        tracks = (samples.track(1, 2.0, "h"), samples.track(2, 5.0, "h"))
        reviewers.give(
            Verdict(
                clip=name,
                decision="accept",
                by="annotator-1",
                at=samples.NOON,
                tracks=tracks,
                seconds=12,
                edits=20,
            )
        )
        (verdict,) = self.collect(reviewers)
        assert (verdict.decision, verdict.by) == ("accept", "annotator-1")
        assert verdict.at.utcoffset() == samples.NOON.utcoffset()
        assert (verdict.seconds, verdict.edits) == (12, 20)
        assert verdict.tracks is not None
        origins = [(track.id, track.origins) for track in verdict.tracks]
        assert origins == [(1, "h" * 10), (2, "h" * 10)]
        np.testing.assert_allclose(verdict.tracks[0].boxes, tracks[0].boxes, atol=0.01)

    def test_labels_accepted_as_they_are_come_back_as_they_were_sent(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that an acceptance without a correction has no tracks and no edits."""
        (name,) = self.send(reviewers, clip_file)
        reviewers.give(_verdict(name, "accept"))
        (verdict,) = self.collect(reviewers)
        assert (verdict.tracks, verdict.edits) == (None, 0)

    def test_a_verdict_is_offered_until_it_is_done_and_never_after(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that a verdict is neither lost nor given twice."""
        (name,) = self.send(reviewers, clip_file)
        reviewers.give(_verdict(name, "reject", "too dark"))
        (first,), (again,) = self.collect(reviewers), self.collect(reviewers)
        assert first.reason == again.reason == "too dark"
        assert (first.by, first.at) == (again.by, again.at)
        reviewers.platform.acknowledge(first)
        reviewers.platform.acknowledge(first)
        assert list(reviewers.platform.collect()) == []
        assert self.send(reviewers, clip_file) == []

    def test_the_first_verdict_of_a_clip_stays(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that nobody overwrites another's decision."""
        (name,) = self.send(reviewers, clip_file)
        reviewers.give(_verdict(name, "reject", "no"))
        reviewers.give(_verdict(name, "accept", by="policy:accept-auto"))
        assert [verdict.decision for verdict in self.collect(reviewers)] == ["reject"]

    def test_an_erased_clip_waits_for_no_verdict(
        self, reviewers: Reviewers, clip_file: tuple[Path, str]
    ) -> None:
        """Check that erasing names what it deleted, and can be repeated."""
        first, second = self.send(reviewers, clip_file, 2)
        assert reviewers.platform.erase(first).deleted
        assert reviewers.pending() == [second]
        again = reviewers.platform.erase(first)
        assert (again.deleted, bool(again.checked)) == ((), True)

    def test_setting_up_twice_changes_nothing(self, reviewers: Reviewers) -> None:
        """Check that `setup` is idempotent, and that `check` says the same as its last line."""
        reviewers.platform.setup()
        assert reviewers.platform.setup() == reviewers.platform.setup()
        assert reviewers.platform.check() in reviewers.platform.setup()


def _verdict(clip: str, decision: str, reason: str = "", by: str = "annotator-1") -> Verdict:
    return Verdict(
        clip=clip,
        decision=decision,  # type: ignore[arg-type]
        by=by,
        at=samples.NOON,
        reason=reason,
    )
