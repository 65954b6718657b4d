"""Inputs from the field, built from seeds: each case states its right value."""
