"""The nouns of the engine. Numpy only: no file, clock, network or logger below this line."""
