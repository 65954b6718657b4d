"""Runs GStreamer's RTSP server of the system, `gstreamer_rtsp.py`: one that is not ours."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oneclick.core.stream_addresses import Credentials
from tests.waits import HANG_SECONDS

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gstreamer_rtsp.py")
SECRET = Credentials(user="nurse b", password="p@:/ss%wörd")
PARTS = "gi.require_version('GstRtspServer', '1.0'); gi.require_version('GstRtsp', '1.0')"


def skip_where_missing() -> None:
    """Skip where the system has no GStreamer."""
    command = [PYTHON, "-c", f"import gi; {PARTS}"]
    if not Path(PYTHON).exists() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("GStreamer's RTSP server is not installed: gir1.2-gst-rtsp-server-1.0")


@contextmanager
def server(codec: str, certificate: Path | None = None, pictures: str = "") -> Iterator[int]:
    """Run the server; yield its port.

    Args:
        codec: h264 or hevc.
        certificate: with which it speaks TLS alone.
        pictures: pattern of PNG files that it shows, or else a test picture.
    """
    command = [PYTHON, str(SERVER), codec, SECRET.user, SECRET.password]
    command += [str(certificate or ""), pictures]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        try:
            yield int(child.stdout.readline())
        finally:
            child.stdin.close()
            child.wait(HANG_SECONDS)
