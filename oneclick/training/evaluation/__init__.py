"""Measure a detector against ground truth: matching, average precision, slices, errors."""
