"""A real Arc Core in a process of its own, on free loopback ports."""

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, NamedTuple

__all__ = ["RunningCore", "running_core"]


class RunningCore(NamedTuple):
    """One that is up."""

    process: subprocess.Popen[str]
    url: str
    """HTTP: OTLP, the API and the workbench."""
    grpc: str
    """`host:port` of OTLP over gRPC."""
    data: Path

    def get(self, path: str, **headers: str) -> Any:
        """The JSON that GET `path` answers; None for 404."""
        # http.client knows no proxies: the way to 127.0.0.1 must not lead through one.
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        assert response.status == HTTPStatus.OK, f"{path}: {response.status} {body!r}"
        return json.loads(body)

    def traces(self, service: str) -> list[dict[str, Any]]:
        """The finished traces of `service`, newest first, each with its spans."""
        page = self.get(f"/api/v1/traces?service={service}")
        done = [trace for trace in page["traces"] if trace["status"] != "running"]
        return [self.get(f"/api/v1/traces/{trace['trace_id']}") for trace in done]


@contextmanager
def running_core(data: Path, *options: str, stderr: IO[bytes] | None = None) -> Iterator[RunningCore]:
    """Arc Core over the folder `data`, ended with the block; `options` are those of `arc core`.

    What it says on stderr goes to the test's own, or to the file `stderr`.
    """
    command = [sys.executable, "-m", "arc_core", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(data)]
    # By the end of stdin it ends with the tests, however they end; and it is none that `arc` finds by itself.
    command += ["--end-with-stdin", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http=(\S+) grpc=(\S+)", line)
            assert found, f"Arc Core did not start: {line!r}"
            yield RunningCore(process, found[1], found[2], data)
        finally:
            process.terminate()
            process.wait(20)
