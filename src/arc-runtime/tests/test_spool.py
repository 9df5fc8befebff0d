import os
import stat
import threading

import pytest
from arc_runtime.export._spool import Spool

MIB = 1024 * 1024


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "state" / "spool", "traces of http://core", MIB)


def payloads(spool):
    return [spool.read(path).payload for path in spool.waiting()]


def test_what_is_put_in_comes_out_in_order(spool):
    for number in range(5):
        spool.put(b"batch %d" % number, number)
    assert payloads(spool) == [b"batch %d" % number for number in range(5)]
    assert [spool.read(path).items for path in spool.waiting()] == [0, 1, 2, 3, 4]


def test_nobody_else_can_read_it(spool):
    path, _ = spool.put(b"batch", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.parent.chmod(0o755)
    spool.put(b"batch", 1)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_endpoint_or_key_has_a_folder_of_its_own(spool):
    other = Spool(spool.root, "traces of http://core with another key", MIB)
    spool.put(b"batch", 1)
    assert other.waiting() == []
    assert other.folder != spool.folder


def test_the_oldest_go_when_it_is_full_whichever_endpoint_they_are_for(tmp_path):
    first, second = Spool(tmp_path, "first", 4000), Spool(tmp_path, "second", 4000)
    assert first.put(b"x" * 1000, 7)[1] == 0
    lost = sum(second.put(bytes([number]) * 1000, 3)[1] for number in range(6))
    assert first.waiting() == []
    assert len(second.waiting()) == 3
    assert lost == 7 + 3 * 3
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 4000


def test_many_writers_stay_within_the_bound_together(tmp_path):
    def write(number):
        mine = Spool(tmp_path, str(number), 20_000)
        for _ in range(20):
            mine.put(b"x" * 1000, 1)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*.otlp")) <= 20_000


def test_a_batch_larger_than_the_spool_is_refused(tmp_path):
    with pytest.raises(OSError, match="larger than the whole spool"):
        Spool(tmp_path, "", 100).put(b"x" * 200, 1)


@pytest.mark.parametrize("damage", [b"", b"arc-sp", b"arc-spool 1 00000000\nother", b"\xff" * 100])
def test_a_damaged_file_is_skipped_and_removed(spool, damage):
    spool.put(b"first", 1)
    path, _ = spool.put(b"second", 1)
    path.write_bytes(damage)
    assert spool.read(path) is None
    assert payloads(spool) == [b"first"]


def test_a_truncated_file_is_skipped_and_removed(spool):
    path, _ = spool.put(b"a batch of some length", 1)
    os.truncate(path, path.stat().st_size - 3)
    assert spool.read(path) is None
    assert not path.exists()


def test_one_process_drains_at_a_time(spool):
    spool.put(b"batch", 1)
    with spool.draining() as first:
        with Spool(spool.root, "traces of http://core", MIB).draining() as second:
            assert (first, second) == (True, False)
    with spool.draining() as again:
        assert again


def test_a_folder_that_can_t_be_made_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Spool(tmp_path / "file", "", MIB).put(b"batch", 1)


def test_a_link_in_place_of_the_folder_is_not_followed(spool, tmp_path):
    spool.root.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    spool.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        spool.put(b"batch", 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []
