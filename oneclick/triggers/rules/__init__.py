"""Triggers, one kind of trouble a file."""
