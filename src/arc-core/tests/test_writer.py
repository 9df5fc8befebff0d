"""Group commit, over a stand-in for the database that can be told to refuse; the real one is in the other files."""

import asyncio
import itertools
import json
from contextlib import suppress

import pytest
from arc_core.errors import OverCapacityError, RowsError, StoreError, TooLargeError
from arc_core.model import Batch
from arc_core.store import Writer

NUMBERS = itertools.count(1)


def batch(line=b"good\n", table="otel_traces", **told):
    """A batch that is like no other, unless it is told its id."""
    fields = {"stored": table, "form": "JSONEachRow", "rows": 1, "tenant": "default", "id": next(NUMBERS)} | told
    return Batch(table=table, chunks=[line], **fields)


class Recorder:
    """Takes lines; refuses `bad` ones, and everything while it is `away`. What it took it knows by id."""

    def __init__(self):
        self.inserts = []
        self.ids = set()
        self.away = False
        self.asked = []

    async def insert(self, _table, chunks, _form):
        await asyncio.sleep(0)
        self.inserts.append([bytes(chunk) for chunk in chunks])
        if self.away:
            raise StoreError("away")
        if b"bad\n" in chunks:
            raise RowsError("no")

    async def query(self, _sql, **parameters):
        ids = json.loads(parameters["ids"])
        self.asked += ids
        return b"".join(b'{"id":%d,"rows":1}\n' % one for one in ids if one in self.ids)

    async def command(self, _sql, **_parameters):
        pass


def written(*batches, database=None):
    """What each of `batches`, written at once, ended with; and the database."""

    async def write_all():
        recorder = database or Recorder()
        writer = Writer(recorder)
        writes = [asyncio.ensure_future(writer.write(one)) for one in batches]
        await asyncio.sleep(0)
        writer.close()
        await writer.run()
        return await asyncio.gather(*writes, return_exceptions=True), recorder

    return asyncio.run(write_all())


def test_what_waits_goes_in_one_insert_a_table():
    ends, database = written(batch(), batch(b"log\n", "otel_logs"), batch())

    assert ends == [None, None, None]
    assert sorted(database.inserts) == [[b"good\n", b"good\n"], [b"log\n"]]


def test_a_bad_batch_fails_alone():
    ends, _ = written(batch(), batch(b"bad\n"), batch(), batch(b"log\n", "otel_logs"))

    assert [type(end) for end in ends] == [type(None), RowsError, type(None), type(None)]


def test_what_the_engine_cannot_read_goes_in_as_rows():
    rows = batch(id=77)
    frames = batch(b"bad\n", "otlp_traces", stored="otel_traces", form="Protobuf", id=77, instead=lambda: rows)

    ends, database = written(frames)

    assert ends == [None]
    assert database.inserts == [[b"bad\n"], [b"good\n"]]


@pytest.mark.parametrize("error", [TooLargeError("rows"), OSError("no memory")])
def test_rows_that_cannot_be_made_fail_alone_and_the_writer_goes_on(error):
    def instead():
        raise error

    bad = batch(b"bad\n", "otlp_traces", stored="otel_traces", form="Protobuf", instead=instead)
    good = batch(b"good\n", "otlp_traces", stored="otel_traces", form="Protobuf")

    ends, _ = written(bad, good)

    assert isinstance(ends[0], TooLargeError if isinstance(error, TooLargeError) else StoreError)
    assert ends[1] is None


def test_what_nobody_foresaw_is_put_off_and_the_writer_goes_on():
    class Odd(Recorder):
        async def insert(self, table, chunks, form):
            if not self.inserts:
                self.inserts.append([])
                raise ZeroDivisionError
            await super().insert(table, chunks, form)

    async def send():
        database = Odd()
        writer = Writer(database)
        running = asyncio.ensure_future(writer.run())
        one = batch()
        with pytest.raises(StoreError):
            await writer.write(one)
        await writer.write(one)
        writer.close()
        await running
        assert database.inserts == [[], [b"good\n"]]

    asyncio.run(send())


def test_those_whose_end_is_not_known_are_asked_for_together():
    async def send():
        database = Recorder()
        writer = Writer(database)
        batches = [batch(id=number) for number in range(1000, 1005)]
        database.away = True
        running = asyncio.ensure_future(writer.run())
        await asyncio.gather(*map(writer.write, batches), return_exceptions=True)
        database.away, database.ids = False, {1001, 1003}
        await asyncio.gather(*map(writer.write, batches))
        writer.close()
        await running
        assert sorted(database.asked) == [1000, 1001, 1002, 1003, 1004]
        assert sum(len(one) for one in database.inserts[1:]) == 3

    asyncio.run(send())


def test_a_batch_that_comes_twice_is_stored_once():
    async def send():
        database = Recorder()
        writer = Writer(database)
        running = asyncio.ensure_future(writer.run())
        one = batch()
        await asyncio.gather(writer.write(one), writer.write(one))
        await writer.write(one)
        writer.close()
        await running
        assert database.inserts == [[b"good\n"]]

    asyncio.run(send())


def test_after_a_failure_the_database_is_asked_whether_it_has_it():
    async def send(has_it):
        database = Recorder()
        writer = Writer(database)
        running = asyncio.ensure_future(writer.run())
        one = batch(id=5)
        database.away = True
        with pytest.raises(StoreError):
            await writer.write(one)
        database.away = False
        database.ids = {5} if has_it else set()
        await writer.write(one)
        writer.close()
        await running
        assert database.asked == [5]
        return len(database.inserts)

    assert asyncio.run(send(has_it=True)) == 1
    assert asyncio.run(send(has_it=False)) == 2


def test_while_the_database_is_away_all_are_refused_at_once():
    database = Recorder()
    database.away = True

    ends, _ = written(batch(), batch(), batch(), database=database)

    assert [type(end) for end in ends] == [StoreError] * 3
    assert len(database.inserts) == 1


def test_a_closed_writer_takes_no_more():
    async def write_late():
        writer = Writer(Recorder())
        writer.close()
        await writer.write(batch())

    with pytest.raises(OverCapacityError):
        asyncio.run(write_late())


def test_a_writer_that_is_given_up_does_not_stop_the_others():
    async def give_up():
        database = Recorder()
        writer = Writer(database)
        given_up, kept = (asyncio.ensure_future(writer.write(batch())) for _ in range(2))
        await asyncio.sleep(0)
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        writer.close()
        await writer.run()
        await kept
        assert database.inserts == [[b"good\n"]]

    asyncio.run(give_up())
