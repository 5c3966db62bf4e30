"""Records in segment files, counted by the heads of their batches."""

import struct
from pathlib import Path

import pytest

from sinks.retention.segments import count_records_before, count_records_below


def batch(first: int, records: int) -> bytes:
    """A batch as Kafka writes it (magic 2), its records left to chance, made at 0 and appended at 1000 + `first`."""
    body = struct.pack(">ibIhiqqqhi", 0, 2, 0, 0, records - 1, 0, 1000 + first, -1, -1, -1) + struct.pack(">i", records)
    body += b"some records"
    return struct.pack(">qi", first, len(body)) + body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = tmp_path / "plate-reads-0"
    log.mkdir()
    (log / "00000000000000000000.log").write_bytes(batch(0, 5) + batch(5, 1))
    (log / "00000000000000000006.log").write_bytes(batch(6, 10) + batch(20, 2) + bytes(4096))
    (log / "00000000000000000006.index").write_bytes(batch(0, 100))
    return tmp_path


@pytest.mark.parametrize(("mark", "count"), [(0, 0), (1, 1), (5, 5), (6, 6), (10, 10), (16, 16), (20, 16), (100, 18)])
def test_records_below_a_mark_are_counted_in_all_segments(folder: Path, mark: int, count: int) -> None:
    assert count_records_below(folder, {("plate-reads", 0): mark}) == count


@pytest.mark.parametrize(("at_ms", "count"), [(0, 0), (1000, 0), (1001, 5), (1006, 6), (1007, 16), (1021, 18)])
def test_records_before_a_time_are_counted_by_their_batches(folder: Path, at_ms: int, count: int) -> None:
    assert count_records_before(folder, [("plate-reads", 0)], at_ms) == count


def test_files_and_folders_on_their_way_to_deletion_count(folder: Path) -> None:
    log = folder / "plate-reads-0"
    (log / "00000000000000000000.log").rename(log / "00000000000000000000.log.deleted")
    log.rename(folder / "plate-reads-0.0123abcd-delete")
    assert count_records_below(folder, {("plate-reads", 0): 100}) == 18


def test_other_partitions_and_topics_do_not_count(folder: Path) -> None:
    assert count_records_below(folder, {("plate-reads", 1): 100, ("reads", 0): 100}) == 0


def test_a_batch_cut_short_at_the_end_is_passed_over(folder: Path) -> None:
    with (folder / "plate-reads-0" / "00000000000000000006.log").open("r+b") as file:
        file.truncate(30)
    assert count_records_below(folder, {("plate-reads", 0): 100}) == 6


def test_files_that_cannot_be_read_are_not_zero(folder: Path) -> None:
    (folder / "plate-reads-0" / "00000000000000000022.log").mkdir()
    with pytest.raises(OSError, match="directory"):
        count_records_below(folder, {("plate-reads", 0): 100})
