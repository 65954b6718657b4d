"""Predictions that cameras send which run their model themselves."""
