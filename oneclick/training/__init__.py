"""Train detectors with torch, measure them, and decide which one goes into service."""
