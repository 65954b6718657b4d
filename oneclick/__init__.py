"""oneclick: a data engine for video in healthcare."""

__version__ = "0.2.0"
