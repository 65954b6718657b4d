"""Inputs from the field, built from seeds: a function a case, each with its right value."""
