"""For all tests: threads that wait must not burn the processor the others need."""

import os

# OpenMP threads spin by default: on a busy machine torch is then several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
