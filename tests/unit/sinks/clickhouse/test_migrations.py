"""The numbering of migrations, without a database."""

from pathlib import Path

import pytest

from platestream.errors import ConfigError
from sinks.clickhouse.migrate import Migration, read_migrations


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["0001_reads.sql", "0003_more.sql"], "numbered 0001, 0002"),
        (["0001_reads.sql", "0001_other.sql"], "numbered 0001, 0002"),
        (["0002_reads.sql"], "numbered 0001, 0002"),
        (["1_reads.sql"], "must be named like"),
        (["0001-reads.sql"], "must be named like"),
    ],
)
def test_gaps_doubles_and_odd_names_are_refused(tmp_path: Path, names: list[str], sentence: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ConfigError, match=sentence):
        read_migrations(tmp_path)


def test_the_packaged_ones_are_in_order() -> None:
    found = read_migrations()
    assert found[0].name == "reads"
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))


def test_statements_end_with_a_semicolon_at_the_end_of_a_line_and_comments_go() -> None:
    text = "-- first; and only\nCREATE TABLE a (b String DEFAULT ';')\nENGINE = Null;\n\n-- next\nSELECT 1;\n"
    assert Migration(1, "x", text).statements == ["CREATE TABLE a (b String DEFAULT ';')\nENGINE = Null", "SELECT 1"]
