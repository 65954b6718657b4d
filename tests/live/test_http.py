"""HTTP cameras: Motion JPEG, with a login, and what is not let in."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import cv2

from oneclick import video
from oneclick.core.stream_addresses import Credentials
from tests.fakes import certificates, coded_pictures
from tests.live.cameras import numbers_of, read
from tests.waits import wait_until

SECRET = Credentials(user="nurse", password="p@:/ss%wörd")
FPS = 20


class _Camera(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        token = base64.b64encode(f"{SECRET.user}:{SECRET.password}".encode()).decode()
        if (
            self.path.startswith("/locked")
            and self.headers.get("authorization") != f"Basic {token}"
        ):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        if self.path == "/list":
            body = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for number in count():
                picture = coded_pictures.picture(number % 1024)[:, :, ::-1].copy()
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(1 / FPS)
        except OSError:
            pass


@contextmanager
def camera(certificate: Path | None = None) -> Iterator[str]:
    """Run a camera, over TLS where there is a certificate; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is done in the thread of the connection, not in the one that accepts.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_motion_jpeg_is_seen_and_recorded_by_the_clock_of_its_arrival(tmp_path: Path) -> None:
    with camera() as url, read(f"{url}/video", tmp_path) as watched:
        wait_until(lambda: len(watched.numbers) >= 20)
    (segment,) = tmp_path.glob("*.mkv")
    numbers = numbers_of(segment)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert set(watched.numbers) <= set(range(numbers[0], numbers[-1] + 2))
    assert abs(video.probe(segment).fps - FPS) < FPS / 2


def test_a_login_opens_a_camera_and_is_shown_nowhere() -> None:
    with camera() as url:
        with read(f"{url}/locked", credentials=SECRET) as watched:
            wait_until(lambda: watched.numbers)
        with read(f"{url}/locked?token=s3cret") as refused:
            wait_until(lambda: refused.saw("refused"))
    assert "401" in refused.statuses[1][1]
    assert "s3cret" not in repr(refused.statuses)


def test_over_tls_a_password_goes_only_to_whom_the_certificate_names(tmp_path: Path) -> None:
    own = certificates.create(tmp_path)
    with camera(own) as url:
        with read(f"{url}/locked", credentials=SECRET, authorities=str(own)) as watched:
            wait_until(lambda: watched.numbers, lambda: watched.statuses)
        with read(f"{url}/locked", credentials=SECRET) as stranger:
            wait_until(lambda: stranger.saw("refused"))
        wrong = url.replace("127.0.0.1", "localhost")
        with read(f"{wrong}/locked", credentials=SECRET, authorities=str(own)) as misnamed:
            wait_until(lambda: misnamed.saw("refused"))
    assert "certificate is not trusted" in stranger.statuses[1][1]
    assert "certificate is not trusted" in misnamed.statuses[1][1]


def test_a_webcam_that_is_not_there_is_said_in_one_line() -> None:
    with read("webcam:99") as watched:
        wait_until(lambda: len(watched.statuses) >= 2)
    assert not watched.pictures
    (message,) = {line for _, line in watched.statuses if line}
    assert message == "/dev/video99: No such file or directory"


def test_a_playlist_that_names_files_of_this_machine_is_no_stream() -> None:
    with camera() as url, read(f"{url}/list") as watched:
        wait_until(lambda: len(watched.statuses) >= 2)
    assert watched.statuses[1][0] == "connecting"
    assert not watched.numbers
