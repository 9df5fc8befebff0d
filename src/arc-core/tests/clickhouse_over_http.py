"""ClickHouse's HTTP interface over chDB, as far as Arc Core's client uses it: no server can be installed for tests.

`python clickhouse_over_http.py FOLDER PORT` prints `ready PORT` and serves until it is killed. One statement at a time.
"""

import gzip
import json
import re
import struct
import sys
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from urllib.parse import parse_qsl, urlsplit

import chdb

LOCK = threading.Lock()
CODE = re.compile(r"Code: (\d+)")
INSERT = re.compile(r"\s*INSERT\s+INTO\s+.*?\s+FORMAT\s+(\w+)\s*\Z", re.IGNORECASE | re.DOTALL)
INSERT_AND_DATA = re.compile(rb"\s*INSERT INTO [^\n]+? FORMAT \w+\s*?\n")
NOT_SETTINGS = {"query", "database", "default_format", "wait_end_of_query", "client_protocol_version", "session_id",
                "compress", "enable_http_compression", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
                "role", "user", "password", "query_id"}  # fmt: skip
ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connection_to_engine = None

    def do_GET(self):
        self._answer(b"")

    def do_POST(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/form-data"):  # long parameters come as fields of a form
            form = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            fields = {
                part.get_param("name", header="content-disposition"): part.get_payload() for part in form.get_payload()
            }
            self._answer(b"", fields)
        else:
            self._answer(body)

    def _chunks(self):
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, body, fields=None):
        told = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)) | (fields or {})
        if self.path == "/ping":
            return self._send(200, b"Ok.\n")
        if "query" in told:
            sql, data = told["query"], body
        elif head := INSERT_AND_DATA.match(body):
            sql, data = head[0].decode(), body[head.end() :]
        else:
            sql, data = body.decode(), b""
        try:
            with LOCK:
                return self._send(200, self._run(sql, data, told))
        except RuntimeError as error:
            code = CODE.search(str(error))
            return self._send(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1"})

    def _run(self, sql, data, told):
        engine = self.connection_to_engine
        settings = {k: v for k, v in told.items() if k not in NOT_SETTINGS and not k.startswith("param_")}
        parameters = {k[len("param_") :]: v for k, v in told.items() if k.startswith("param_")}
        engine.query(f"USE `{told.get('database', 'default')}`")
        for name, value in settings.items():
            engine.query(f"SET {name} = '{value.translate(ESCAPES)}'")
        try:
            insert = INSERT.match(sql)
            if insert and data:
                with NamedTemporaryFile() as file:
                    file.write(data)
                    file.flush()
                    head = sql[: insert.start(1)].rpartition("FORMAT")[0]
                    engine.query(f"{head} FROM INFILE '{file.name}' FORMAT {insert[1]}")
                return b""
            if told.get("default_format") == "Native" and int(told.get("client_protocol_version", 0)):
                lines = engine.query(sql, "JSONCompactEachRowWithNamesAndTypes", params=parameters).bytes().splitlines()
                return native(*map(json.loads, lines))
            return engine.query(sql, told.get("default_format", "TabSeparated"), params=parameters).bytes()
        finally:
            for name in settings:
                engine.query(f"SET {name} = DEFAULT")

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def native(names, types, *rows):
    """One block as a server writes it for Go's client, which chDB has no way to ask for; of text and UInt32 only."""
    block = bytearray(b"\x01\x00\x02\xff\xff\xff\xff\x00")
    block += varint(len(names)) + varint(len(rows))
    for at, (name, kind) in enumerate(zip(names, types, strict=True)):
        block += counted(name) + counted(kind) + b"\x00"
        for row in rows:
            block += struct.pack("<I", row[at]) if kind == "UInt32" else counted(row[at])
    return bytes(block)


def counted(text):
    data = text.encode()
    return varint(len(data)) + data


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


if __name__ == "__main__":
    Handler.connection_to_engine = chdb.connect(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    print(f"ready {server.server_address[1]}", flush=True)
    server.serve_forever()
