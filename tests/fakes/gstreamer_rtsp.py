"""GStreamer's RTSP server; run by the Python of the system, which has `gi`.

    /usr/bin/python3 gstreamer_rtsp.py h264|hevc USER PASSWORD [CERTIFICATE [PICTURES]]

With a certificate, a PEM file with its key, it speaks TLS alone. It shows a test picture, or the
PNG files of a pattern such as /tmp/%05d.png, ten a second, over and over. Prints the port that it
listens on; ends with its standard input.
"""

import sys
import threading

import gi  # of the system

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay",
    "hevc": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h265parse ! "
    "rtph265pay config-interval=-1",
}
TEST_PICTURE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=96,framerate=20/1"
)
FILES = (
    'multifilesrc location="{}" loop=true caps="image/png,framerate=10/1" ! pngdec ! '
    "videoconvert ! video/x-raw,format=I420"
)


def main(codec: str, user: str, password: str, certificate: str = "", pictures: str = "") -> None:
    """Serve until standard input ends."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    source = FILES.format(pictures) if pictures else TEST_PICTURE
    factory.set_launch(f"( {source} ! {ENCODERS[codec]} name=pay0 pt=96 )")
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    server.set_auth(auth)
    server.get_mount_points().add_factory("/stream", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
