"""Live cameras: what models see while it happens, and the lamps of the triggers.

One process runs many cameras, each with threads of its own; they share the models alone. Nothing is
shared with other processes but files: a ring of the last minutes, recorded segments, and a state.
"""
