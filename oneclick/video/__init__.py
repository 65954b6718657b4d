"""Video in and out with PyAV: upright RGB frames, counted the same way everywhere.

Frame k is the k-th frame that decodes. `probe`, `frames`, `cut` and `extract` all count by the same
index (video/index.py), so a frame number from one of them holds for the others.
"""

from oneclick.video.ahead import read_ahead
from oneclick.video.encode import cut, write
from oneclick.video.frame_index import VideoInfo
from oneclick.video.index import keep_index, probe
from oneclick.video.read import frames
from oneclick.video.stills import extract

__all__ = [
    "VideoInfo",
    "cut",
    "extract",
    "frames",
    "keep_index",
    "probe",
    "read_ahead",
    "write",
]
