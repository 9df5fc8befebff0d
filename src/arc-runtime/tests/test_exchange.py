"""An answer of Arc Core's comes whole and within its limit, or not at all."""

import http.client
import socket
import threading
from urllib.parse import urlsplit

import pytest
from arc_runtime.fixes import _exchange
from arc_testing import FixServer, SigningKey

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"


@pytest.fixture
def dribbling():
    """Starts a server that sends what it is given, and then byte after byte for as long as it is listened to."""
    ended, servers = threading.Event(), []

    def dribble(server, first, byte):
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            try:
                connection.sendall(first)
                while not ended.wait(0.02):
                    connection.sendall(byte)
            except OSError:
                return

    def start(first, byte):
        server = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=dribble, args=(server, first, byte))
        thread.start()
        servers.append((server, thread))
        return urlsplit(f"http://127.0.0.1:{server.getsockname()[1]}")

    yield start
    ended.set()
    for server, thread in servers:
        thread.join()
        server.close()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nx-a: ", HEAD])
def test_a_server_that_dribbles_is_left_at_the_limit(dribbling, first):
    url = dribbling(first, b"x")
    with pytest.raises(TimeoutError):
        _exchange.get(url, "/", {}, within_seconds=0.5, most=1_000_000)


def test_an_answer_is_had_from_a_server_that_closes_and_from_one_that_does_not():
    with FixServer(SigningKey()) as server:
        envelope = server.publish()
        url = urlsplit(server.url)
        answer = _exchange.get(url, "/api/v1/fixes/bundle?wait=0", {}, within_seconds=20, most=1_000_000)
        assert (answer.status, answer.body) == (200, envelope)
        known = {"if-none-match": str(answer.etag)}
        assert _exchange.get(url, "/api/v1/fixes/bundle?wait=0", known, within_seconds=20, most=1).status == 304
        asked = {"connection": "close"}
        closed = _exchange.get(url, "/api/v1/fixes/bundle?wait=0", asked, within_seconds=20, most=1_000_000)
        assert closed.body == envelope
        assert len(_exchange.get(url, "/api/v1/fixes/bundle?wait=0", {}, within_seconds=20, most=9).body) == 10
        assert _exchange.get(url, "/other", {}, within_seconds=20, most=9) == (404, b"", None)


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", b"", b"no HTTP\r\n\r\n"])
def test_an_answer_that_is_cut_short_is_an_error(said):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises((OSError, http.client.HTTPException)):
            _exchange.get(
                urlsplit(f"http://127.0.0.1:{server.getsockname()[1]}"), "/", {}, within_seconds=20, most=1_000_000
            )
        thread.join()
