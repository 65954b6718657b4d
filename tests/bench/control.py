"""What control clips say of hours of video, against what is true of them.

    uv run python -m tests.bench.control [--hours 1] [--faults 500] [--seeds 10] [--draws 100]

Every seed is a stream of its own (tests/bench/long_stream.py, without a rival) with other planted
faults, so many that the model is about as often wrong as a real one. A tenth of the selected clips
is drawn at random and reviewed; the estimates of the error rate, of the recall of the triggers and
of the share of errors found are held against the truth with their 95% intervals. Then the control
clips alone are drawn again `--draws` times from each stream, to see how often these cover it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import fields

import numpy as np

from oneclick.core.clips import ChosenBy
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.core.statistics import RatioEstimate
from oneclick.core.tracks import Tracks
from oneclick.triggers import hit_evaluation
from oneclick.triggers.hit_evaluation import HitEvaluation
from oneclick.triggers.selection import control, select
from oneclick.triggers.selection.control import ControlClip, ControlEstimates
from oneclick.triggers.selection.select import CandidateVideo, SelectedSpan, SelectionOptions
from tests.bench import long_stream
from tests.bench.long_stream import Stream

NAMES = [field.name for field in fields(ControlEstimates)]
ENOUGH = 0.9
"""Share of the seeds in which the interval must hold the truth."""


class Exam:
    """One stream, all of whose truth is known."""

    def __init__(self, stream: Stream, truth: Tracks, budget: float) -> None:
        self.stream, self.truth, self.budget = stream, truth, budget
        self.starts = np.array([hit.span.start for hit in stream.hits])
        self.longest = max(len(hit.span) for hit in stream.hits)
        self.whole = self.review(Span(0, truth.length))

    def review(self, span: Span) -> HitEvaluation:
        """What a reviewer of these frames finds."""
        hits = [part for hit in self._near(span) if (part := hit.cut(span))]
        return hit_evaluation.evaluate_hits(
            hits, self.stream.scene.confident.cut(span), self.truth.cut(span).detections
        )

    def choose(self, seed: int) -> list[SelectedSpan]:
        """Clips for a budget, a tenth of them control."""
        options = SelectionOptions(budget=self.budget, min_clips=0, seed=seed)
        return select.select([self._candidate(self.stream.hits)], options)

    def draw(self, clips: int, seed: int) -> list[SelectedSpan]:
        """Control clips only."""
        options = SelectionOptions(min_clips=clips, budget=0, control=1, seed=seed)
        return select.select([self._candidate([])], options)

    def estimate(self, selection: list[SelectedSpan], reviewed_errors: int) -> ControlEstimates:
        """What the control clips among them say, where triggers found `seen` errors."""
        control_clips = [
            ControlClip(span.stands_for, len(span.span) / self.truth.fps, self.review(span.span))
            for span in selection
            if span.chosen_by is ChosenBy.CONTROL
        ]
        return control.estimate(control_clips, reviewed_errors)

    def seen(self, selection: list[SelectedSpan]) -> int:
        """Errors in the clips that triggers chose."""
        spans = [span.span for span in selection if span.chosen_by is ChosenBy.TRIGGER]
        return sum(self.review(span).errors for span in spans)

    def true(self, reviewed_errors: int) -> ControlEstimates:
        """The same shares of the whole stream."""
        all_ = self.whole
        shares = (
            all_.errors / all_.objects,
            all_.flagged_errors / all_.errors,
            reviewed_errors / all_.errors,
        )
        return ControlEstimates(*(RatioEstimate(share, share, share, 0) for share in shares))

    def _near(self, span: Span) -> list[Hit]:
        first, stop = np.searchsorted(self.starts, [span.start - self.longest, span.stop])
        return self.stream.hits[first:stop]

    def _candidate(self, hits: list[Hit]) -> CandidateVideo:
        length = self.truth.length
        return CandidateVideo(
            video="ward",
            length=length,
            fps=self.truth.fps,
            hits=hits,
            parts=(SplitPart(Span(0, length), "train"),),
        )


def covers(estimate: RatioEstimate | None, true: RatioEstimate) -> bool:
    """Whether an interval holds the truth; none at all does not."""
    return estimate is not None and estimate.low <= true.value <= estimate.high


def main() -> int:
    """Print truth and estimates; exit 1 if an interval is wrong in more than one seed of ten."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--budget", type=float, default=0.2)
    args = parser.parse_args()
    short, width, height = long_stream.film()
    truth = long_stream.for_hours(short, args.hours)
    right: dict[str, list[bool]] = defaultdict(list)
    again: dict[str, list[bool]] = defaultdict(list)
    for seed in range(args.seeds):
        stream = long_stream.stream(truth, (width, height), args.faults, seed, rival=False)
        exam = Exam(stream, truth, args.budget)
        selection = exam.choose(seed)
        reviewed_errors = exam.seen(selection)
        estimates, true = exam.estimate(selection, reviewed_errors), exam.true(reviewed_errors)
        clips = sum(span.chosen_by is ChosenBy.CONTROL for span in selection)
        print(f"seed {seed}: {len(selection)} clips, {clips} of them control")
        for name in NAMES:
            ratio, true_value = getattr(estimates, name), getattr(true, name)
            right[name].append(covers(ratio, true_value))
            text = f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})" if ratio else "none"
            print(f"  {name:<11} true {true_value.value:.3f}, estimated {text}")
        for draw in range(args.draws):
            redrawn = exam.estimate(exam.draw(clips, 1000 + draw), reviewed_errors)
            for name in NAMES:
                again[name].append(covers(getattr(redrawn, name), getattr(true, name)))
    for name in NAMES:
        more = (
            f"; drawn again {np.mean(again[name]):.3f} of {len(again[name])}" if again[name] else ""
        )
        print(f"{name}: covered in {sum(right[name])} of {len(right[name])} seeds{more}")
    return int(any(np.mean(right[name]) < ENOUGH for name in NAMES))


if __name__ == "__main__":
    raise SystemExit(main())
