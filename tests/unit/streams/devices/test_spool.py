import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from platestream.errors import ConfigError, IntegrityError, TransientError
from streams.devices.spool import Record, Spool, SpoolFull

NOW = datetime(2026, 3, 5, tzinfo=UTC)
MIB = 1024**2
WAIT_SECONDS = 20


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path, 64 * MIB)
    yield opened
    opened.close()


def record(value: bytes, collected_at: datetime | None = NOW) -> Record:
    return Record(topic="plate-reads", key=b"key", value=value, collected_at=collected_at)


def values(spool: Spool, after: int = 0) -> list[bytes]:
    return [found.value for found in spool.read(after=after, max_records=1000, max_bytes=100 * MIB)]


def ids(spool: Spool) -> list[int]:
    return [found.id for found in spool.read(after=0, max_records=1000, max_bytes=100 * MIB)]


def done(future: "Future[int]") -> int:
    return future.result(WAIT_SECONDS)


def test_first_in_first_out(spool: Spool) -> None:
    done(spool.put([record(b"1"), record(b"2")]))
    done(spool.put([record(b"3")]))
    assert values(spool) == [b"1", b"2", b"3"]
    assert values(spool, after=ids(spool)[0]) == [b"2", b"3"]
    assert len(spool) == 3


def test_many_at_once_keep_their_order_and_stay_together(spool: Spool) -> None:
    puts = [spool.put([record(b"%d-%d" % (n, m)) for m in range(3)]) for n in range(200)]
    assert [done(put) for put in puts] == [3] * 200
    assert values(spool) == [b"%d-%d" % (n, m) for n in range(200) for m in range(3)]


def test_reading_is_bounded_but_always_moves_on(spool: Spool) -> None:
    done(spool.put([record(b"x" * 100), record(b"y" * 100), record(b"z" * 100)]))
    for max_records, max_bytes, count in ((2, 1000, 2), (9, 250, 2), (9, 10, 1)):
        assert len(spool.read(after=0, max_records=max_records, max_bytes=max_bytes)) == count


def test_removed_records_are_gone_and_ids_never_come_back(spool: Spool) -> None:
    done(spool.put([record(b"1"), record(b"2")]))
    last = ids(spool)[-1]
    assert done(spool.remove(ids(spool))) == 2
    assert values(spool) == []
    done(spool.put([record(b"3")]))
    assert ids(spool) == [last + 1]
    assert len(spool) == 1


def test_what_was_put_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Spool(tmp_path, 64 * MIB)
    done(first.put([record(b"1")]))
    first.close()
    second = Spool(tmp_path, 64 * MIB)
    assert (values(second), len(second)) == ([b"1"], 1)
    second.close()


def test_a_full_spool_refuses_and_takes_again_when_drained(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2 * MIB)
    while True:
        try:
            done(spool.put([record(os.urandom(MIB // 4))]))
        except SpoolFull:
            break
    held = values(spool)
    assert 5 <= len(held) <= 8
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2 * 2 * MIB + MIB
    done(spool.remove(ids(spool)))
    done(spool.put([record(os.urandom(MIB))]))
    assert len(spool) == 1
    spool.close()


def test_a_message_without_room_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MIB)
    puts = [spool.put([record(b"small")]), spool.put([record(bytes(MIB))]), spool.put([record(b"other")])]
    assert done(puts[0]) == done(puts[2]) == 1
    with pytest.raises(SpoolFull):
        done(puts[1])
    assert values(spool) == [b"small", b"other"]
    spool.close()


@pytest.mark.rule("retention.sixty-days")
def test_bytes_leave_the_disk_with_the_records(spool: Spool, tmp_path: Path) -> None:
    done(spool.put([record(b"QXZ8120" + os.urandom(20_000)) for _ in range(50)]))
    assert "QXZ8120" in on_disk(tmp_path)
    done(spool.remove(ids(spool)))
    deadline = monotonic() + WAIT_SECONDS
    while "QXZ8120" in on_disk(tmp_path) or size_on_disk(tmp_path) >= 100_000:
        assert monotonic() < deadline, "the plate, or the space it took, is still in the spool's files"


def on_disk(folder: Path) -> str:
    return "".join(file.read_bytes().decode("latin-1") for file in folder.iterdir())


def size_on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


@pytest.mark.rule("retention.sixty-days")
def test_overdue_records_are_destroyed_unsent_and_heartbeats_stay(spool: Spool) -> None:
    fresh = NOW - timedelta(days=60)
    old = fresh - timedelta(milliseconds=1)
    done(spool.put([record(b"old", old), record(b"fresh", fresh), record(b"heartbeat", None)]))
    assert done(spool.remove_overdue(fresh)) == 1
    assert values(spool) == [b"fresh", b"heartbeat"]


def test_commits_are_flushed_and_deleted_bytes_overwritten(spool: Spool) -> None:
    connection = spool._connection  # the promises of the module rest on these
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "secure_delete": 1,
        "auto_vacuum": 2,
        "locking_mode": "exclusive",
    }
    assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_a_second_collector_is_refused(spool: Spool, tmp_path: Path) -> None:
    done(spool.put([record(b"1")]))
    with pytest.raises(ConfigError, match="another collector"):
        Spool(tmp_path, MIB)
    assert values(spool) == [b"1"]


def test_a_file_that_is_no_spool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spool.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(IntegrityError, match="damaged"):
        Spool(tmp_path, MIB)


def test_a_spool_of_another_layout_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "spool.sqlite")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(ConfigError, match="layout is 9"):
        Spool(tmp_path, MIB)


def test_a_place_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be created"):
        Spool(tmp_path / "file", MIB)


def test_a_disk_that_fails_is_said_and_nothing_is_half_written(spool: Spool) -> None:
    done(spool.put([record(b"1")]))
    spool._connection.execute("CREATE TEMP TRIGGER broken BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'x'); END")
    with pytest.raises(TransientError, match="cannot be written"):
        done(spool.put([record(b"2")]))
    spool._connection.execute("DROP TRIGGER broken")
    done(spool.put([record(b"3")]))
    assert (values(spool), len(spool)) == ([b"1", b"3"], 2)


def test_a_disk_without_room_is_full(spool: Spool) -> None:
    pages = spool._connection.execute("PRAGMA page_count").fetchone()[0]
    spool._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(SpoolFull, match="disk"):
        done(spool.put([record(bytes(MIB))]))
    assert len(spool) == 0


def test_arrivals_wake_the_reader(spool: Spool) -> None:
    spool.put([record(b"1")])
    started = monotonic()
    spool.wait_for_arrival(WAIT_SECONDS)
    assert monotonic() - started < WAIT_SECONDS / 2
    assert values(spool) == [b"1"]


def test_check_tells_when_the_writer_has_ended(tmp_path: Path) -> None:
    spool = Spool(tmp_path, MIB)
    spool.check()
    spool.close()
    with pytest.raises(IntegrityError):
        spool.check()
