"""The live tail where more comes than it tells."""

import asyncio
import json
import time

from arc_core.access import Caller
from arc_core.api import Call, Tails
from arc_core.filters import parse
from arc_core.store import migrate, open_database
from starlette.requests import Request

INSERT = (
    "INSERT INTO spans (TenantId, Timestamp, TraceId, SpanId, SpanName, ReceivedAt) SELECT 'default', now64(9), "
    "lower(hex(sipHash128(number, {name:String}))), lower(hex(sipHash64(number))), {name:String}, "
    "toDateTime({at_s:UInt32}, 'UTC') FROM numbers({count:UInt32})"
)


def test_who_is_far_behind_is_told_of_a_gap_and_then_of_what_comes_now(tmp_path):
    start_s = int(time.time())
    clock = [start_s]

    async def listen():
        async with open_database(tmp_path) as database:
            await migrate(database)
            caller = Caller("default", frozenset(["read"]))
            tails = Tails(database, asyncio.Event(), lambda *_: caller, lambda: clock[0] * 1_000_000_000)
            request = Request({"type": "http", "headers": []})
            answer = await tails.tail(Call(request, caller, {"filter": parse("")}))
            pieces = aiter(answer.body_iterator)
            assert await anext(pieces) == b": listening\n\n"
            await database.command(INSERT, name="burst", at_s=start_s + 1, count=2000)
            clock[0] += 100
            await database.command(INSERT, name="now", at_s=clock[0], count=3)
            heard = []
            while len(heard) < 504:
                heard.append(await anext(pieces))
            await answer.body_iterator.aclose()
            return heard

    heard = [piece.decode().splitlines() for piece in asyncio.run(listen())]
    names = [json.loads(data.removeprefix("data: ")).get("name") for kind, data, *_ in heard if kind == "event: span"]
    assert names == ["burst"] * 500 + ["now"] * 3
    assert heard[500][:2] == ["event: gap", 'data: {"seconds":99}']
