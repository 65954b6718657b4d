"""Candidate beside champion in shadow: both look at the newest video, and only one of them serves.

`counts` says what two models did in one piece of video, `evidence` keeps that on disk, `look` is
the pass over the video, and `trials` decides about the candidate that waits.
"""
