"""An HTTP server on a loopback port, run as a process of its own: says yes, or never answers."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event


class Yes(BaseHTTPRequestHandler):
    """Reads what is posted and says 200."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one request."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class Silence(Yes):
    """Accepts a connection and never says a word."""

    def do_POST(self) -> None:
        """Wait for good."""
        Event().wait()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silence if "--hang" in sys.argv else Yes)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
