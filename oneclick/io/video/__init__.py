"""Video in and out with PyAV: upright RGB frames, counted the same way everywhere.

Frame k is the k-th frame that decodes. `probe`, `frames`, `cut` and `extract` all count by the same
index (io/video/index.py), so a frame number found by one of them is good for the others.
"""

from oneclick.io.video.encode import cut, write
from oneclick.io.video.index import VideoInfo, probe
from oneclick.io.video.read import frames
from oneclick.io.video.stills import extract

__all__ = ["VideoInfo", "cut", "extract", "frames", "probe", "write"]
