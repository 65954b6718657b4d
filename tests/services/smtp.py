"""A mail server of this machine that keeps the messages it gets."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from tests.waits import HANG_SECONDS


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP with STARTTLS where there is a certificate, and AUTH PLAIN.

    Args:
        context: TLS; None offers none.
        is_wrapped: TLS is from the first byte on.
        password: that signs in; empty offers no AUTH.
    """

    daemon_threads, allow_reuse_address = True, True

    def __init__(
        self, context: ssl.SSLContext | None = None, is_wrapped: bool = False, password: str = ""
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context, self.is_wrapped, self.password = context, is_wrapped, password
        self.messages: list[tuple[str, Message]] = []
        """Recipient and message."""
        self.refused: set[str] = set()
        """Recipients that are not taken."""
        self.greeting = b"220 here\r\n"
        self.lines: list[tuple[bool, str]] = []
        """Whether it came encrypted, and each command."""

    @property
    def place(self) -> str:
        """Return its name and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def listen(self) -> Iterator[MailServer]:
        """Listen until the block is left."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join(HANG_SECONDS)

    def handle_error(self, *_: object) -> None:
        """Say nothing: peers that do not trust the certificate hang up."""


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        server, secure = self.server, False
        if server.is_wrapped:
            secure = self._encrypt()
        self.wfile.write(server.greeting)
        to = ""
        while line := self.rfile.readline(2000):
            text = line.decode().strip()
            server.lines.append((secure, text))
            verb = text.upper().partition(" ")[0]
            answer = "250 well"
            if verb == "EHLO":
                offers = ["STARTTLS"] if server.context and not secure else []
                offers += ["AUTH PLAIN"] if server.password else []
                lines = ["here", *offers]
                answer = "\r\n".join(f"250-{each}" for each in lines[:-1]) + "\r\n"
                answer = answer.lstrip() + f"250 {lines[-1]}"
            elif verb == "STARTTLS":
                self.wfile.write(b"220 go\r\n")
                secure = self._encrypt()
                continue
            elif verb == "AUTH":
                secret = base64.b64decode(text.split(" ")[2]).decode().split("\0")[2]
                is_right = secret == server.password
                answer = "235 in" if is_right else f"535 {secret} is\x1b wrong"
            elif verb == "RCPT":
                to = text.split("<")[1].rstrip(">")
                answer = "550 nobody of this name" if to in server.refused else "250 well"
            elif verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                content = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    content += part
                server.messages.append((to, message_from_bytes(content)))
            elif verb == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(f"{answer}\r\n".encode())

    def finish(self) -> None:
        """Close what is encrypted too: the server closes the bare connection alone."""
        super().finish()
        self.request.close()

    def _encrypt(self) -> bool:
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        return True
