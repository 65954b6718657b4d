"""Triggers, one file per kind of error."""
