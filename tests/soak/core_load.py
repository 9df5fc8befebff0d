"""What the parts of the soak send to Arc Core, and what they ask of it afterwards."""

import gzip
import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
_TRACE, _SPAN = b"\xa1" * 16, b"\xb2" * 6
_WORDS = ("loan", "agent", "credit", "score", "income", "applicant", "policy", "decides", "before", "again", "late")


class Body(NamedTuple):
    """A request that is like no other."""

    trace_id: bytes
    spans: int
    data: bytes


class Maker:
    """Makes requests of one trace each, by new ids in bytes made beforehand."""

    def __init__(self, sizes: tuple[int, ...], *, start_ns: int | None = None) -> None:
        self._templates = [(size, _request(size, start_ns or time.time_ns())) for size in sizes]
        self._chance = random.Random(7)  # noqa: S311 - sizes, no secret

    def body(self) -> Body:
        size, template = self._chance.choice(self._templates)
        trace_id = os.urandom(16)
        return Body(trace_id, size, template.replace(_TRACE, trace_id).replace(_SPAN, os.urandom(6)))


def _request(spans: int, start_ns: int) -> bytes:
    """About 20 attributes a span; a quarter are model calls, every fourth of those with messages."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    of_resource.resource.attributes.extend([_pair("service.name", "soak"), _pair("service.version", "1.2.3")])
    of_scope = of_resource.scope_spans.add()
    chance = random.Random(spans)  # noqa: S311
    for n in range(spans):
        kind = ("job" if n == 0 else "run", "tool", "llm", "other")[n % 4]
        span = of_scope.spans.add(trace_id=_TRACE, span_id=_SPAN + n.to_bytes(2, "big"), name=f"agent.{kind}")
        span.parent_span_id = _SPAN + b"\0\0" if n else b""
        span.start_time_unix_nano = start_ns + n * 10**6
        span.end_time_unix_nano = span.start_time_unix_nano + chance.randrange(10**6, 10**9)
        told = {"arc.span.kind": kind, "gen_ai.agent.name": f"agent-{n % 9}", "gen_ai.conversation.id": f"c-{n}"}
        told |= {f"app.attribute.{at}": " ".join(chance.choices(_WORDS, k=4)) for at in range(16)}
        if kind == "llm":
            told |= {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1"}
            if n % 16 == 2:
                text = " ".join(chance.choices(_WORDS, k=300))
                told["gen_ai.input.messages"] = json.dumps([{"role": "user", "parts": [{"content": text}]}])
        span.attributes.extend(_pair(*one) for one in told.items())
    return made.SerializeToString()


def _pair(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


class Ledger:
    """What was sent, what was acknowledged, and how the rest was put off; several threads write it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent: dict[bytes, int] = {}
        self.acknowledged: dict[bytes, int] = {}
        self.put_off: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        """Answers that are neither an acknowledgement nor retryable with a hint."""

    def sends(self, body: Body) -> None:
        with self._lock:
            self.sent[body.trace_id] = body.spans

    def answered(self, body: Body, answer: str) -> bool:
        """Note the answer to `body`; True when it is acknowledged."""
        with self._lock:
            if answer == "ok":
                self.acknowledged[body.trace_id] = body.spans
            elif answer.startswith("later"):
                self.put_off[answer] += 1
            else:
                self.wrong[answer] += 1
        return answer == "ok"


class Sender:
    """One connection to Arc Core; answers are `ok`, `later ...` for what OTLP lets a client repeat, or else."""

    def __init__(self, url: str, grpc_address: str, *, by_grpc: bool) -> None:
        self._url, self._grpc, self._by_grpc = url.removeprefix("http://"), grpc_address, by_grpc
        self._connection: Any = None

    def send(self, body: Body) -> str:
        try:
            return self._over_grpc(body) if self._by_grpc else self._over_http(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"later: {type(error).__name__}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _over_grpc(self, body: Body) -> str:
        if self._connection is None:
            self._connection = grpc.insecure_channel(self._grpc, [("grpc.use_local_subchannel_pool", 1)])
        try:
            call = self._connection.unary_unary(EXPORT)
            call(body.data, timeout=60, compression=grpc.Compression.Gzip)
        except grpc.RpcError as error:
            self.close()
            return said(error)
        return "ok"

    def _over_http(self, body: Body) -> str:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._url, timeout=60)
        self._connection.request("POST", "/v1/traces", gzip.compress(body.data, 1), PROTOBUF)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status == http.client.OK:
            return "ok"
        retryable = answer.status in (429, 502, 503, 504) and answer.getheader("retry-after")
        return f"later: {answer.status}" if retryable else f"status {answer.status}"


def said(error: Any) -> str:
    """What a failed call says: a refusal that may be repeated has a hint, a connection that breaks has none."""
    trailers = dict(error.trailing_metadata() or ())
    hint = trailers.get("google.rpc.retryinfo-bin")
    if hint is not None and RetryInfo.FromString(hint).retry_delay.seconds:
        return f"later: {error.code().name}"
    broken = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    return f"later: {error.code().name} of the connection" if broken else f"status {error.code().name}"


def resident_mib(pid: int, what: str = "VmRSS") -> float:
    """Memory of a process; `VmHWM` for the most it ever had."""
    found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert found is not None
    return int(found[1]) / 1024


def stored(data: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of `sql` over the store in `data`, which no Arc Core has open: chDB opens one folder a process."""
    code = (
        "import sys, chdb; c = chdb.connect(sys.argv[1]);"
        " c.query('SET output_format_json_quote_64bit_integers = 0');"
        " sys.stdout.write(c.query(sys.argv[2], 'JSONEachRow').bytes().decode())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(data / "clickhouse"), sql]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def traces_in(data: Path) -> dict[bytes, tuple[int, int]]:
    """Spans of each trace in the store, and how many of them are different."""
    rows = stored(data, "SELECT TraceId AS t, count() AS n, uniqExact(SpanId) AS u FROM arc.spans GROUP BY t")
    return {bytes.fromhex(row["t"]): (row["n"], row["u"]) for row in rows}
