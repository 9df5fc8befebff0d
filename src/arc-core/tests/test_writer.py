"""Group commit, over a stand-in for the database that can be told to refuse."""

import asyncio

import pytest
from arc_core.errors import OverCapacityError, StoreError
from arc_core.model import Batch
from arc_core.store import Writer

GOOD = Batch("otel_traces", b"good\n", 1)
LOG = Batch("otel_logs", b"log\n", 1)
BAD = Batch("otel_traces", b"bad\n", 1)


class Recorder:
    """Takes batches; refuses a group with `BAD` in it."""

    def __init__(self):
        self.inserts = []

    async def insert(self, _table, chunks, _form):
        await asyncio.sleep(0)
        self.inserts.append(list(chunks))
        if BAD.lines in chunks:
            raise StoreError("no")


def outcomes(*batches):
    """What each of `batches`, written at once, ended with; and the inserts that it took."""

    async def write_all():
        database = Recorder()
        writer = Writer(database)
        writes = [asyncio.ensure_future(writer.write(batch)) for batch in batches]
        await asyncio.sleep(0)
        writer.close()
        await writer.run()
        return await asyncio.gather(*writes, return_exceptions=True), database.inserts

    return asyncio.run(write_all())


def test_what_waits_goes_in_one_insert_a_table():
    ends, inserts = outcomes(GOOD, LOG, GOOD)

    assert ends == [None, None, None]
    assert inserts == [[b"good\n", b"good\n"], [b"log\n"]]


def test_a_bad_batch_fails_alone():
    ends, inserts = outcomes(GOOD, BAD, GOOD, LOG)

    assert [type(end) for end in ends] == [type(None), StoreError, type(None), type(None)]
    assert inserts[1:4] == [[b"good\n"], [b"bad\n"], [b"good\n"]]


def test_a_closed_writer_takes_no_more():
    async def write_late():
        writer = Writer(Recorder())
        writer.close()
        await writer.write(GOOD)

    with pytest.raises(OverCapacityError):
        asyncio.run(write_late())


def test_a_writer_that_is_given_up_does_not_stop_the_others():
    async def give_up():
        database = Recorder()
        writer = Writer(database)
        given_up, kept = (asyncio.ensure_future(writer.write(GOOD)) for _ in range(2))
        await asyncio.sleep(0)
        given_up.cancel()
        writer.close()
        await writer.run()
        await kept
        assert given_up.cancelled()

    asyncio.run(give_up())
