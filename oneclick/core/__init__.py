"""Domain types and pure functions. Numpy only: no file, clock, network or logger."""
