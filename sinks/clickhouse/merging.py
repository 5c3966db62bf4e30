"""Merges the parts of each day that is over into one: a search reads one part a day instead of many.

A day is merged once nothing has come for a while; late uploads bring it up again. One day at a time, so that merging
never takes the disk from the sink for long.
"""

import logging
from datetime import date, datetime, timedelta

from clickhouse_connect.driver.client import Client

from sinks.clickhouse.store import clickhouse_errors

_TABLES = ("reads", "alerts")
_QUIET_FOR = timedelta(minutes=10)
_UNMERGED = """
SELECT table, partition
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
    AND toDate(partition) >= {first_day:Date} AND toDate(partition) < {today:Date}
GROUP BY table, partition
HAVING (count() > 1 OR max(level) = 0) AND max(modification_time) < {quiet_since:DateTime('UTC')}
ORDER BY partition DESC
LIMIT 1
"""

_log = logging.getLogger(__name__)


def merge_one_day(client: Client, now: datetime, first_day: date, quiet_for: timedelta = _QUIET_FOR) -> date | None:
    """Merge the newest day that is over and not yet merged, in one of the tables; None when there is none.

    Days before `first_day` are due for destruction and left alone: a sweep drops the parts that it has marked.

    `quiet_for` is how long nothing must have come for it. Takes as long as the merge does. A double that lies in the
    day goes with it. Raises TransientError when ClickHouse fails; what was stored is as it was.
    """
    asked = {
        "tables": list(_TABLES), "first_day": first_day, "today": now.date(), "quiet_since": now - quiet_for
    }  # fmt: skip
    with clickhouse_errors("merge the parts of a day"):
        found = client.query(_UNMERGED, parameters=asked).result_rows
        if not found:
            return None
        table, partition = found[0]
        day = date.fromisoformat(partition)
        client.command(
            f"OPTIMIZE TABLE {table} PARTITION {{day:String}} FINAL",
            parameters={"day": day.isoformat()},
            settings={"optimize_throw_if_noop": 1},
        )
    _log.info("merged the parts of %s in %s", day, table)
    return day
