"""A synthetic ward: rendered rooms with exact truth, planted faults, simulated annotators.

    shift = ward.Shift(camera="ward_a", seed=1, seconds=60)
    truth = ward.record(shift, shift.path(folder))

The demo, the tests and the benchmarks share it. Nothing in it is patient data.
"""

from oneclick.ward.record import Shift, frames, record
from oneclick.ward.truth import GroundTruth, load_truth, truth_path

__all__ = ["GroundTruth", "Shift", "frames", "load_truth", "record", "truth_path"]
