"""A server that takes what LangSmith's client sends and counts the runs in it; prints its address, ends with its parent.

`GET /seen/count` is how many runs came so far, `GET /seen/last` the last that came, as text.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard

PARENT = int(sys.argv[1])
INFO = {
    "version": "0.10.0",
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
}
"""As LangSmith's servers answer."""
_UUID = 36


class Sink(BaseHTTPRequestHandler):
    """Takes anything."""

    protocol_version = "HTTP/1.1"
    count = 0
    last = b""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """What the client asks of its server, and what the bench asks of this one."""
        what = self.path.rpartition("/")[2]
        answers = {"info": json.dumps(INFO).encode(), "count": str(Sink.count).encode(), "last": Sink.last}
        self._answer(answers.get(what, b"{}"))

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self) -> None:
        """Runs in parts: `post.ID` for each, and `post.ID.inputs` and the like."""
        body = self._body()
        if self.headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        Sink.count += sum(part[_UUID : _UUID + 1] == b'"' for part in body.split(b'name="post.'))
        Sink.last = body
        self._answer(b"{}")

    def log_message(self, *_: object) -> None:
        """Nobody wants to know."""


def _end_with_parent() -> None:
    while os.getppid() == PARENT:
        time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
