"""A tiny server of fixes on a free loopback port: signed bundles, ETags and long polls, as Arc Core serves them."""

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from arc_semconv.bundle import PAYLOAD_TYPE, Bundle, canonical, pre_authentication, sealed

__all__ = ["FixServer", "SigningKey"]


class SigningKey:
    """An Ed25519 key."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._private = Ed25519PrivateKey.generate()
        self.public = base64.b64encode(self._private.public_key().public_bytes_raw()).decode()
        """Its public half, base64."""

    def seal(self, bundle: Bundle) -> tuple[bytes, str]:
        """The envelope of `bundle`, and its ETag."""
        signature = self._private.sign(pre_authentication(PAYLOAD_TYPE, canonical(bundle)))
        return sealed(bundle, [(self.public[:8], signature)])


class FixServer:
    """The server; a context manager."""

    def __init__(self, key: SigningKey, tenant: str = "t", env: str = "prod") -> None:
        self._key = key
        self._tenant = (tenant, env)
        self._changed = threading.Condition()
        self._served: tuple[bytes, str] | None = None
        self._version = 0
        self.asked: list[dict[str, str]] = []
        """Headers of each request, names in lower case."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.asked.append({name.lower(): value for name, value in self.headers.items()})
                parts = urlsplit(self.path)
                wait = float(parse_qs(parts.query).get("wait", ["0"])[0])
                found = (
                    server._wait(self.headers.get("if-none-match"), wait) if parts.path.endswith("/bundle") else None
                )
                status, body, etag = (404, b"", "") if found is None else found
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                if etag:
                    self.send_header("etag", etag)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing on the tests' stderr."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without a final slash."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def publish(self, *fixes: object, **more: Any) -> bytes:
        """Serve a new version with `fixes` from now on; its envelope."""
        self._version += 1
        tenant, env = self._tenant
        now = time.time()
        known = {"tenant": tenant, "env": env, "version": self._version, "created": now, "expires": now + 3600}
        return self.serve(*self._key.seal(Bundle(**{**known, "fixes": list(fixes), **more})))

    def serve(self, envelope: bytes, etag: str) -> bytes:
        """Serve `envelope` as it is from now on."""
        with self._changed:
            self._served = (envelope, etag)
            self._changed.notify_all()
        return envelope

    def _wait(self, known: str | None, seconds: float) -> tuple[int, bytes, str] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._served is not None and self._served[1] != known, min(seconds, 55))
            if self._served is None:
                return None
            envelope, etag = self._served
            return (304, b"", etag) if etag == known else (200, envelope, etag)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
